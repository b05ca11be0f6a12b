package web

import (
	_ "embed" // of openapi.yaml
	"io"
	"net/http"
	"strings"
)

// OpenAPI describes every route in the form of OpenAPI 3.1. Its tests hold it to the routes, to the
// Go types of the bodies, and to the answers of all other tests.
//
//go:embed openapi.yaml
var OpenAPI string

// exampleServer is the address that openapi.yaml has for the service's own.
const exampleServer = "https://approve.example.com"

// apiDescription serves OpenAPI, with the address of this service in it. Everybody may have it:
// the repository has the same.
func (s *server) apiDescription(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/yaml")
	_, _ = io.WriteString(w, strings.Replace(OpenAPI, "- url: "+exampleServer, "- url: "+strings.TrimSuffix(s.External.String(), "/"), 1))
}

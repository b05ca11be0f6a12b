package web

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
)

// errTrailing is of a body with more than one JSON value.
var errTrailing = errors.New("the body continues after the JSON object")

// decode reads a request's body, which is one JSON object of into's fields and nothing
// else: what is misspelt, or comes after it, is somebody's mistake about what they send.
func decode(w http.ResponseWriter, r *http.Request, into any) error {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxForm))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			return err
		}
		return errTrailing
	}
	return nil
}

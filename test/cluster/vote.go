package cluster

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
)

// Answer is one answer of the API; Error is empty for a success.
type Answer struct {
	Status int
	Body   string
	Error  struct{ Code, Message string }
}

// Vote posts a vote with a bearer token.
func (e *Env) Vote(name, token, verdict, comment string) Answer {
	e.t.Helper()
	return e.VoteAt(e.URL, name, token, verdict, comment)
}

// VoteAt is Vote at one replica's address.
func (e *Env) VoteAt(base, name, token, verdict, comment string) Answer {
	e.t.Helper()
	body, err := json.Marshal(map[string]string{"vote": verdict, "comment": comment})
	must(e.t, err)
	return e.Post(base+"/api/v1/namespaces/"+e.NS+"/approvals/"+name+"/votes", map[string]string{"Authorization": "Bearer " + token}, body)
}

// Post posts JSON.
func (e *Env) Post(url string, header map[string]string, body []byte) Answer {
	e.t.Helper()
	return e.post(e.HTTP, url, header, body)
}

func (e *Env) post(c *http.Client, url string, header map[string]string, body []byte) Answer {
	e.t.Helper()
	req, err := http.NewRequestWithContext(e.t.Context(), http.MethodPost, url, bytes.NewReader(body))
	must(e.t, err)
	req.Header.Set("Content-Type", "application/json")
	for k, v := range header {
		req.Header.Set(k, v)
	}
	resp, err := c.Do(req)
	if err != nil {
		return Answer{Body: err.Error()}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	must(e.t, err)
	a := Answer{Status: resp.StatusCode, Body: string(b)}
	_ = json.Unmarshal(b, &struct{ Error any }{&a.Error})
	return a
}

// PostAPI posts JSON to the API server, as the owner of token.
func (e *Env) PostAPI(path, token string, body []byte) Answer {
	e.t.Helper()
	return e.post(e.insecure, e.Rest.Host+path, map[string]string{"Authorization": "Bearer " + token}, body)
}

// PostInsecure posts JSON over TLS without looking at the certificate, as somebody
// who only wants in would.
func (e *Env) PostInsecure(url string, body []byte) Answer {
	e.t.Helper()
	return e.post(e.insecure, url, nil, body)
}

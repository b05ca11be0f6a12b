package oidc

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/gorilla/securecookie"

	"github.com/countersign-dev/countersign/approvals/keyring"
)

const (
	// sessionCookie holds a session, flowCookie a login that is under way.
	sessionCookie = "countersign-session"
	flowCookie    = "countersign-login"
	// maxCookie is the size that browsers keep, in bytes, name and attributes included.
	maxCookie = 4000
	maxPlain  = 64 << 10
)

var errNoCookie = errors.New("no such cookie, or not one of ours")

// codecs are the ring's, the newest first: it encrypts, all of them decrypt.
func (l *Login) codecs() []securecookie.Codec {
	ring := l.deps.Ring()
	hash, block := ring.Derive(keyring.Session), ring.Derive(keyring.SessionCipher)
	out := make([]securecookie.Codec, 0, len(hash))
	for i := range hash {
		// The end is in the encrypted part, where our own clock reads it.
		out = append(out, securecookie.New(hash[i], block[i]).MaxAge(0).MaxLength(maxCookie).SetSerializer(packed{}))
	}
	return out
}

// set encrypts v into the cookie name, until it ends.
func (l *Login) set(w http.ResponseWriter, name string, v any, until time.Time) error {
	codecs := l.codecs()
	if len(codecs) == 0 {
		return errors.New("no key is loaded yet")
	}
	name = l.cookieName(name)
	value, err := codecs[0].Encode(name, v)
	if err != nil {
		return err
	}
	http.SetCookie(w, l.cookie(name, value, int(until.Sub(l.deps.Now()).Seconds())))
	return nil
}

// get opens the cookie name into v.
func (l *Login) get(r *http.Request, name string, v any) error {
	name = l.cookieName(name)
	c, err := r.Cookie(name)
	if err != nil {
		return errNoCookie
	}
	if securecookie.DecodeMulti(name, c.Value, v, l.codecs()...) != nil {
		return errNoCookie
	}
	return nil
}

func (l *Login) clear(w http.ResponseWriter, name string) {
	http.SetCookie(w, l.cookie(l.cookieName(name), "", -1))
}

// cookieName has a prefix by which browsers keep other hosts, subdomains and plain
// HTTP from setting the cookie.
func (l *Login) cookieName(name string) string {
	if l.deps.External.Scheme == "https" {
		return "__Host-" + name
	}
	return name
}

func (l *Login) cookie(name, value string, age int) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // Secure wherever there is TLS
		Name: name, Value: value, Path: "/", MaxAge: age, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: l.deps.External.Scheme == "https",
	}
}

// packed is JSON, compressed: names of many groups must fit into a cookie. None of
// it is an attacker's to choose beside a secret.
type packed struct{}

// Serialize implements securecookie.Serializer.
func (packed) Serialize(v any) ([]byte, error) {
	var b bytes.Buffer
	z, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		return nil, err
	}
	if err := json.NewEncoder(z).Encode(v); err != nil {
		return nil, err
	}
	err = z.Close()
	return b.Bytes(), err
}

// Deserialize implements securecookie.Serializer.
func (packed) Deserialize(b []byte, v any) error {
	return json.NewDecoder(io.LimitReader(flate.NewReader(bytes.NewReader(b)), maxPlain)).Decode(v)
}

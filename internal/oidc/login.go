package oidc

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/countersign-dev/countersign/approvals"
)

// flowWithin bounds the time that a person may take at the provider.
const flowWithin = 10 * time.Minute

// flow is a login under way, kept by the browser that began it.
type flow struct {
	State    string    `json:"s"`
	Nonce    string    `json:"n"`
	Verifier string    `json:"v"`
	Back     string    `json:"b"`
	Until    time.Time `json:"u"`
}

// session is a person who has logged in.
type session struct {
	Config   string    `json:"c"` // Config.digest
	Name     string    `json:"n"`
	Groups   []string  `json:"g,omitempty"`
	Evidence string    `json:"e"`
	Address  string    `json:"a,omitempty"`
	LeftOut  bool      `json:"o,omitempty"` // the groups, by the provider
	Display  string    `json:"d,omitempty"` // what people call them
	Until    time.Time `json:"u"`
}

// Begin returns where to send the browser. back comes out of Finish again.
func (l *Login) Begin(w http.ResponseWriter, r *http.Request, back string) (string, error) {
	k, err := l.provider(r.Context())
	if err != nil {
		return "", err
	}
	f := flow{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Back: back, Until: l.deps.Now().Add(flowWithin)}
	if err := l.set(w, flowCookie, f, f.Until); err != nil {
		return "", &approvals.Error{Code: approvals.CodeUnavailable, Message: "nobody can sign in right now; try again in a moment", Err: err}
	}
	return k.oauth.AuthCodeURL(f.State, oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)), nil
}

// Finish takes what the provider sent the browser back with, begins the session,
// and returns what Begin was given.
func (l *Login) Finish(w http.ResponseWriter, r *http.Request) (string, error) {
	var f flow
	if l.get(r, flowCookie, &f) != nil || !l.deps.Now().Before(f.Until) {
		return "", bad(nil, "no sign-in was started in this browser, or it took longer than %s: sign in again, and allow cookies of this site", flowWithin)
	}
	q := r.URL.Query()
	if subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(f.State)) != 1 {
		return f.Back, bad(nil, "this answer of the login provider belongs to another sign-in: sign in again")
	}
	l.clear(w, flowCookie) // from here on it is used up
	if iss := q.Get("iss"); iss != "" && iss != l.config.Issuer {
		return f.Back, bad(nil, "this answer comes from another login provider: sign in again")
	}
	if refusal := q.Get("error"); refusal != "" {
		return f.Back, bad(nil, "the login provider refused (%.60q): sign in again, or ask its administrator", refusal)
	}
	t, err := l.redeem(r.Context(), q.Get("code"), f)
	if err != nil {
		return f.Back, err
	}
	id, err := l.config.identity(t)
	if err != nil {
		return f.Back, err
	}
	s := session{Config: l.config.digest(), Name: id.Name, Groups: id.Groups, Evidence: id.CredentialID, Address: id.Address, LeftOut: id.GroupsLeftOut, Display: id.DisplayName, Until: l.end(t.Expiry)}
	if err := l.set(w, sessionCookie, s, s.Until); err != nil {
		return f.Back, bad(err, "your session does not fit into a cookie, with %d groups: have the provider send this client fewer", len(id.Groups))
	}
	return f.Back, nil
}

// redeem gives the code for an ID token of this very login.
func (l *Login) redeem(ctx context.Context, code string, f flow) (*oidc.IDToken, error) {
	k, err := l.provider(ctx)
	if err != nil {
		return nil, err
	}
	if code == "" {
		return nil, bad(nil, "the login provider sent no code: sign in again")
	}
	ctx, cancel := context.WithTimeout(ctx, 2*within)
	defer cancel()
	token, err := k.oauth.Exchange(oidc.ClientContext(ctx, l.client), code, oauth2.VerifierOption(f.Verifier))
	if err != nil {
		// Its text has the provider's whole answer.
		if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok && refused.Response.StatusCode < http.StatusInternalServerError {
			return nil, bad(fmt.Errorf("token endpoint: %.60q", refused.ErrorCode), "the login provider did not accept its code, which was used twice or has expired: sign in again")
		}
		return nil, down(errors.New("the token endpoint did not answer"))
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return nil, bad(nil, "the login provider sent no ID token: an administrator of Countersign must request the scope openid")
	}
	t, err := l.verify(ctx, k, raw)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare([]byte(t.Nonce), []byte(f.Nonce)) != 1 {
		return nil, bad(nil, "the ID token belongs to another sign-in: sign in again")
	}
	return t, nil
}

// end returns the expiry of a session that begins now.
func (l *Login) end(token time.Time) time.Time {
	now := l.deps.Now()
	if l.config.SessionLifetime > 0 {
		return now.Add(l.config.SessionLifetime)
	}
	if most := now.Add(mostSession); token.After(most) {
		return most
	}
	return token
}

// End ends the session in the browser.
func (l *Login) End(w http.ResponseWriter) { l.clear(w, sessionCookie) }

// Who returns the identity that the request proves, by an ID token that a proxy passed on, else by
// the session. Without either the error is CodeUnauthenticated.
func (l *Login) Who(r *http.Request) (approvals.Identity, error) {
	var refused error
	for _, raw := range passedOn(r) {
		if !l.Issued(raw) {
			continue
		}
		id, err := l.Authenticate(r.Context(), raw)
		if err == nil {
			return id, nil
		}
		refused = errors.Join(refused, err)
	}
	var s session
	if l.get(r, sessionCookie, &s) == nil && s.Config == l.config.digest() && l.deps.Now().Before(s.Until) {
		return approvals.Identity{
			Name: s.Name, Groups: slices.Clone(s.Groups), AuthMethod: approvals.AuthLogin, CredentialID: s.Evidence, Address: s.Address, GroupsLeftOut: s.LeftOut, DisplayName: s.Display,
		}, nil
	}
	if refused != nil {
		return approvals.Identity{}, refused
	}
	return approvals.Identity{}, bad(nil, "you are not signed in")
}

// passedOn are the places where oauth2-proxy and its like put the token. Each is
// verified; headers beside them that only name somebody are not read at all.
func passedOn(r *http.Request) []string {
	var out []string
	if scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "bearer") {
		out = append(out, token)
	}
	return append(out, r.Header.Get("X-Forwarded-Access-Token"), r.Header.Get("X-Auth-Request-Access-Token"))
}

// Issued reports whether a token names this provider as its issuer, which decides who is asked
// and proves nothing.
func (l *Login) Issued(token string) bool { return issuerOf(token) == l.config.Issuer }

// Authenticate verifies an ID token.
func (l *Login) Authenticate(ctx context.Context, raw string) (approvals.Identity, error) {
	k, err := l.provider(ctx)
	if err != nil {
		return approvals.Identity{}, err
	}
	t, err := l.verify(ctx, k, raw)
	if err != nil {
		return approvals.Identity{}, err
	}
	return l.config.identity(t)
}

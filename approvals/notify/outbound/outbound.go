// Package outbound posts to other people's servers, for every channel that speaks
// HTTP: within a time limit, bounded both ways, without following redirects, and
// with errors that hold no secret.
package outbound

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/approvals/notify"
)

const (
	maxAnswer  = 256 << 10 // of what is read of an answer
	maxExcerpt = 240       // of what an error quotes of it
	maxHeader  = 64 << 10
)

// Client is one channel's way out.
type Client struct {
	who     string // for errors
	timeout time.Duration
	secrets []keyring.Secret // in every form, the longest first: a part would spoil the whole
	now     func() time.Time
	http    *http.Client
}

// New makes a client. who names the other side in errors; timeout bounds one whole request;
// secrets are tokens, and addresses that are secrets themselves, which no error may have.
func New(who string, timeout time.Duration, now func() time.Time, secrets ...keyring.Secret) *Client {
	t := http.DefaultTransport.(*http.Transport).Clone() //nolint:forbidigo // a copy, with its time limits
	t.MaxResponseHeaderBytes = maxHeader
	t.MaxIdleConnsPerHost = 4
	c := &Client{who: who, timeout: timeout, now: now, http: &http.Client{
		Transport:     t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	for _, s := range secrets {
		c.secrets = append(c.secrets, forms(string(s))...)
	}
	slices.SortFunc(c.secrets, func(a, b keyring.Secret) int { return len(b) - len(a) })
	return c
}

// Format hides what it knows.
func (c *Client) Format(f fmt.State, _ rune) { fmt.Fprint(f, c.who) }

// Close ends connections that are kept open.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Limit returns ctx with the client's timeout. Its cause names the other side and the timeout.
func (c *Client) Limit(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, c.timeout, fmt.Errorf("%s did not answer within %s", c.who, c.timeout))
}

// Post posts body and returns what was answered to it.
func (c *Client) Post(ctx context.Context, address keyring.Secret, header http.Header, body []byte) ([]byte, error) {
	ctx, cancel := c.Limit(ctx)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, string(address), bytes.NewReader(body))
	if err != nil {
		return nil, notify.Finalf("the address of %s can't be parsed: correct it in the configuration", c.who)
	}
	maps.Copy(req.Header, header)
	resp, err := c.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, c.failed(ctx, err)
	}
	return answer, nil
}

// Do makes a request, whose context has the limit, for libraries that want a
// client. An answer that is not 2xx is an error.
func (c *Client) Do(req *http.Request) (*http.Response, error) {
	req.Header.Set("User-Agent", "countersign")
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.failed(req.Context(), err)
	}
	resp.Body = bounded{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer resp.Body.Close()
	excerpt, _ := io.ReadAll(io.LimitReader(resp.Body, 8*maxExcerpt)) // a part of it is better than none
	return nil, c.refused(resp, string(excerpt))
}

// refused makes the error for an answer. It is final unless another attempt can help, which is
// so after 429 and 5xx, as Prometheus' Alertmanager decides.
func (c *Client) refused(resp *http.Response, body string) error {
	f := &notify.Failure{Final: true}
	text := fmt.Sprintf("%s answered %d", c.who, resp.StatusCode)
	switch {
	case resp.StatusCode/100 == 3:
		text += ": redirects are not followed; configure the address that it redirects to"
	case resp.StatusCode == http.StatusTooManyRequests, resp.StatusCode/100 == 5,
		// GitHub's way to say 429.
		resp.StatusCode == http.StatusForbidden && (resp.Header.Get("Retry-After") != "" || resp.Header.Get("X-Ratelimit-Remaining") == "0"):
		f.Final, f.After = false, c.retryAfter(resp.Header.Get("Retry-After"))
	}
	if excerpt := c.Clean(body); excerpt != "" && resp.StatusCode/100 != 3 {
		text += ": " + excerpt
	}
	f.Err = errors.New(text)
	return f
}

func (c *Client) retryAfter(header string) time.Duration {
	if seconds, err := strconv.Atoi(header); err == nil {
		return time.Duration(min(max(seconds, 0), 1e6)) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(0, at.Sub(c.now()))
	}
	return 0
}

// failed is the error of a request that was not answered.
func (c *Client) failed(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	// Its text has the address.
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return fmt.Errorf("%s: %s", c.who, c.Clean(err.Error()))
}

// Clean is other people's text as an error may quote it: short, on one line, and
// without our secrets, which a server may have sent back.
func (c *Client) Clean(s string) string {
	for _, secret := range c.secrets {
		s = strings.ReplaceAll(s, string(secret), "***")
	}
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "\uFFFD"), func(r rune) bool { return r <= ' ' || r == 0x7f }), " ")
	s = strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, s)
	if len(s) > maxExcerpt {
		s = strings.ToValidUTF8(s[:maxExcerpt], "") + "…"
	}
	return s
}

// forms returns the forms in which a secret can appear in an answer: as it is, escaped, and for an
// address its path, query and their parts. A form of fewer than 6 bytes is left out, because it would
// match other text.
func forms(secret string) []keyring.Secret {
	const least = 6 // what is shorter is no secret
	all := []string{secret, url.QueryEscape(secret), url.PathEscape(secret)}
	if u, err := url.Parse(secret); err == nil && u.Host != "" {
		all = append(all, u.Path, u.EscapedPath(), u.RawQuery)
		all = append(all, strings.FieldsFunc(u.Path+"/"+u.RawQuery, func(r rune) bool { return strings.ContainsRune("/&=", r) })...)
	}
	var out []keyring.Secret
	for _, s := range all {
		if len(s) >= least {
			out = append(out, keyring.Secret(s))
		}
	}
	return out
}

type bounded struct {
	io.Reader
	io.Closer
}

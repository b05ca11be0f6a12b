package destination

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"sync"
	"time"

	"golang.org/x/net/http/httpguts"
	"knative.dev/pkg/network"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/cafile"
)

const (
	postWithin      = 10 * time.Second // one post, from the connection to the answer
	dialWithin      = 5 * time.Second
	reachWithin     = 2 * time.Second
	maxAnswer       = 64 << 10 // of what is read of an answer
	maxAnswerHeader = 64 << 10
	maxWays         = 1024 // destinations with connections; past it they begin again
	maxIdle         = 32   // connections kept for one, for a burst of decisions
)

// Client posts to Destinations. Each has connections of its own, which are dialed to
// its ClusterIP whatever the address says: an address that is given to another Service
// later gets none of them.
type Client struct {
	// CAFile has the CAs, in PEM, that EventListeners with TLS are trusted by beside
	// those of the system. It is read for each new connection, so it may change.
	CAFile string
	// Dial is the way out; nil: the network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	slow slow
	mu   sync.Mutex
	ways map[Destination]*http.Client
}

// eventIDs are Triggers' (UUIDs). Anything else in the place of one is somebody's text.
var eventIDs = regexp.MustCompile(`^[A-Za-z0-9][-A-Za-z0-9]{0,62}$`)

// Post posts once. The id that the EventListener gave the event is for people to find
// it in logs, and may be "". The error's message has nothing of what the other side
// said; that is in its cause, for our log.
func (c *Client) Post(ctx context.Context, d Destination, path string, header http.Header, body []byte) (eventID string, err error) {
	u, err := d.to(path)
	if err != nil {
		return "", err
	}
	if err := sendable(header); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, postWithin)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(body))
	if err != nil {
		return "", d.failed(err)
	}
	if req.URL.Scheme != u.Scheme || req.URL.Host != d.host() || req.Host != d.host() || req.URL.RequestURI() != path {
		return "", approvals.Errorf(approvals.CodeInvalid, "the event's address does not lead to EventListener %s, so it was not posted", d.Name())
	}
	req.Header = header
	leave, ok := c.slow.enter(d, now())
	if !ok {
		return "", d.silentError()
	}
	defer func() { leave(err, now()) }()
	resp, err := c.way(d).Do(req)
	if err != nil {
		return "", d.failed(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return "", d.failed(err)
	}
	if resp.StatusCode/100 != 2 {
		return "", d.failed(answered(resp.StatusCode))
	}
	var accepted struct {
		EventID string `json:"eventID"`
	}
	// An answer without an id is as good.
	if json.Unmarshal(answer, &accepted) != nil || !eventIDs.MatchString(accepted.EventID) {
		return "", nil
	}
	return accepted.EventID, nil
}

// sendable says which header can't be sent. Held ones were looked at when they were
// held; what is stored is looked at again.
func sendable(header http.Header) error {
	for name, values := range header {
		for _, v := range values {
			if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(v) {
				return approvals.Errorf(approvals.CodeInvalid,
					"header %s of the event has a value that HTTP can't carry (a line break?), so it was not sent: correct its source", approvals.Cut(name, approvals.MaxQuoted))
			}
		}
	}
	return nil
}

// Reach opens a connection to d, and closes it: what would keep the event from being
// taken is known before there is one. Errors are like Post's.
func (c *Client) Reach(ctx context.Context, d Destination) error {
	if c.slow.silent(d) {
		return d.silentError()
	}
	ctx, cancel := context.WithTimeout(ctx, reachWithin)
	defer cancel()
	dial := c.dial
	if d.tls {
		dial = c.dialTLS
	}
	conn, err := dial(ctx, d)
	if err != nil {
		return &approvals.Error{Code: approvals.CodeUnavailable, Err: err, Message: fmt.Sprintf("EventListener %s can't be reached: %s", d.Name(), d.why(err))}
	}
	return conn.Close()
}

// way is d's own client.
func (c *Client) way(d Destination) *http.Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w := c.ways[d]; w != nil {
		return w
	}
	if c.ways == nil || len(c.ways) >= maxWays {
		for _, w := range c.ways {
			w.CloseIdleConnections()
		}
		c.ways = map[Destination]*http.Client{}
	}
	w := &http.Client{
		Transport: &http.Transport{
			// No proxy: the environment's is for the world outside.
			DialContext:         func(ctx context.Context, _, _ string) (net.Conn, error) { return c.dial(ctx, d) },
			DialTLSContext:      func(ctx context.Context, _, _ string) (net.Conn, error) { return c.dialTLS(ctx, d) },
			MaxIdleConnsPerHost: maxIdle, IdleConnTimeout: 90 * time.Second,
			MaxResponseHeaderBytes: maxAnswerHeader, DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	c.ways[d] = w
	return w
}

// Close ends connections that are kept open.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.ways {
		w.CloseIdleConnections()
	}
}

func (c *Client) dial(ctx context.Context, d Destination) (net.Conn, error) {
	if c.Dial != nil {
		return c.Dial(ctx, "tcp", d.address.String())
	}
	return (&net.Dialer{Timeout: dialWithin}).DialContext(ctx, "tcp", d.address.String())
}

// dialTLS takes a certificate for el-NAME.NS.svc, or for the long form of that name,
// which Triggers shows in the EventListener's status.
func (c *Client) dialTLS(ctx context.Context, d Destination) (net.Conn, error) {
	roots, err := c.roots()
	if err != nil {
		return nil, err
	}
	var failed error
	for _, name := range []string{d.service(), d.service() + "." + network.GetClusterDomainName()} {
		raw, err := c.dial(ctx, d)
		if err != nil {
			return nil, err
		}
		conn := tls.Client(raw, &tls.Config{ServerName: name, RootCAs: roots, MinVersion: tls.VersionTLS12})
		if err = conn.HandshakeContext(ctx); err == nil {
			return conn, nil
		}
		_ = raw.Close()
		failed = err
		if _, other := errors.AsType[x509.HostnameError](err); !other {
			break
		}
	}
	return nil, failed
}

func (c *Client) roots() (*x509.CertPool, error) {
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if c.CAFile == "" {
		return roots, nil
	}
	if err := cafile.Add(roots, c.CAFile); err != nil {
		return nil, caFileError{err}
	}
	return roots, nil
}

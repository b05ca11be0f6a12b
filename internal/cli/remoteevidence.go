package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	rules "github.com/countersign-dev/countersign/approvals/evidence"
)

// askService bounds one request to the service. Evidence has megabytes.
const askService = time.Minute

// maskedGrows is how many times as long evidence may become when values are left out of it: what is
// written in their place may be longer.
const maskedGrows = 2

// fromService reads evidence whose bytes are in the audit store from the service, with the token of
// the kubeconfig: to the address that the person gave, and never to one that an object names. hidden
// is how many secrets of a plan the service left out; data can't be compared with what is approved then.
func (s *session) fromService(ctx context.Context, service string, o *v1alpha1.Approval, item rules.Item) (data []byte, hidden int, err error) {
	if service == "" {
		hint := ""
		if page, err := pageOf(o, ""); err == nil {
			hint = fmt.Sprintf("; its page is %s", page)
		}
		return nil, 0, fmt.Errorf("the bytes of evidence %q are in the service's audit store: give the service's address with --url or %s, to which the token of your kubeconfig is sent%s", item.Name, envURL, hint)
	}
	base, err := serviceURL(service)
	if err != nil {
		return nil, 0, err
	}
	client, err := serviceClient(s.config)
	if err != nil {
		return nil, 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, askService)
	defer cancel()
	at := base.JoinPath("api/v1/namespaces", o.Namespace, "approvals", o.Name, "evidence", item.Name)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, 0, err
	}
	res, err := client.Do(req)
	if err != nil {
		if ue, ok := errors.AsType[*url.Error](err); ok {
			err = ue.Err
		}
		return nil, 0, fmt.Errorf("can't reach the service at %s: %w", base, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, 0, refusedBy(base, res)
	}
	hidden, _ = strconv.Atoi(res.Header.Get("X-Evidence-Masked"))
	most := rules.MaxSize
	if hidden > 0 {
		most *= maskedGrows
	}
	if data, err = io.ReadAll(io.LimitReader(res.Body, int64(most)+1)); err != nil {
		return nil, 0, fmt.Errorf("the service at %s did not send all of evidence %q: %w", base, item.Name, err)
	}
	switch {
	case len(data) > most:
		return nil, 0, fmt.Errorf("the service at %s sent more than %s of evidence %q, which is more than it can have: check the address", base, rules.Bytes(int64(most)), item.Name)
	case hidden > 0:
		return data, hidden, nil // the SHA-256 is that of all, so these can't be compared
	}
	if state, why := item.Check(data); state != rules.Present {
		return nil, 0, errors.New(why)
	}
	return data, 0, nil
}

// serviceURL reads an address to which a token may be sent: where nobody listens on the way.
func serviceURL(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || (u.Scheme != "https" && u.Scheme != "http") {
		return nil, fmt.Errorf("%q is not a web address: start with https:// and a host", address)
	}
	if host := u.Hostname(); u.Scheme == "http" && host != "localhost" && !net.ParseIP(host).IsLoopback() {
		return nil, fmt.Errorf("%q is not encrypted, and your token would be sent there: use https://, or http://localhost with kubectl port-forward", address)
	}
	return u, nil
}

// serviceClient sends the kubeconfig's token, and nothing else that is the cluster's own. It follows
// no redirects: they would take the token along.
func serviceClient(cluster *rest.Config) (*http.Client, error) {
	c, err := cluster.TransportConfig()
	if err != nil {
		return nil, err
	}
	c.TLS, c.Impersonate, c.DialHolder = transport.TLSConfig{}, transport.ImpersonationConfig{}, nil
	rt, err := transport.New(c)
	if err != nil {
		return nil, err
	}
	return &http.Client{Transport: rt, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, nil
}

// refusedBy is what the service says in an answer that has no evidence.
func refusedBy(service *url.URL, res *http.Response) error {
	var answer struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	body, _ := io.ReadAll(io.LimitReader(res.Body, 64<<10)) // without it there is the status
	if json.Unmarshal(body, &answer) != nil || strings.TrimSpace(answer.Error.Message) == "" {
		return fmt.Errorf("%s answered %s, which is not an answer of Countersign: check the address", service, res.Status)
	}
	if res.StatusCode == http.StatusUnauthorized {
		return fmt.Errorf("the service at %s does not accept your credentials (%s): use a kubeconfig with a token; certificates are for the cluster alone", service, line(answer.Error.Message))
	}
	return fmt.Errorf("the service at %s answered: %s", service, line(answer.Error.Message))
}

package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strconv"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/notify/email"
	"github.com/countersign-dev/countersign/internal/config"
	"github.com/countersign-dev/countersign/internal/oidc"
)

// checkWithin bounds one connection.
const checkWithin = 10 * time.Second

// Finding is the result of trying one thing that the configuration names.
type Finding struct {
	Level  string `json:"level"` // ok or failed
	What   string `json:"what"`
	Remedy string `json:"remedy,omitempty"`
}

// Check tries what the configuration names, and changes nothing: the mail server, the login's
// provider, the audit log's store.
func Check(ctx context.Context, c config.Config) []Finding {
	var out []Finding
	try := func(name, remedy string, f func(context.Context) error) {
		ctx, cancel := context.WithTimeout(ctx, checkWithin)
		defer cancel()
		if err := f(ctx); err != nil {
			text := err.Error() // only people who may exec into the pod read it
			if _, ours := errors.AsType[*approvals.Error](err); ours {
				text = approvals.Message(err)
			}
			out = append(out, Finding{"failed", name + ": " + text, remedy})
			return
		}
		out = append(out, Finding{Level: "ok", What: name})
	}
	if len(c.Files) == 0 {
		out = append(out, Finding{Level: "ok", What: "there is no configuration: no mail, no login, and the audit log is printed"})
	}
	if s := c.SMTP; s != nil {
		try("mail server "+net.JoinHostPort(s.Host, strconv.Itoa(s.Port)), "check smtp in the configuration, and that NetworkPolicies let the service connect to that port: docs/tasks/email.md",
			(&email.Channel{Config: *s}).Check)
	}
	if o := c.OIDC; o != nil {
		try("login by "+o.Issuer, "check oidc in the configuration: issuer must be exactly what the provider calls itself, and the service must know its CA (caFile): docs/tasks/oidc-login.md",
			func(ctx context.Context) error {
				login, err := oidc.New(*o, oidc.Deps{External: c.External, Now: time.Now, Log: slog.New(slog.DiscardHandler)}) //nolint:forbidigo // it is asked once
				if err != nil {
					return err
				}
				return login.Check(ctx)
			})
	}
	if c.Record.Kept() {
		try("store of the audit log", "check record in the configuration: docs/tasks/retention-and-export.md", func(ctx context.Context) error {
			l, err := OpenRecord(c.Record)
			if err != nil {
				return err
			}
			defer l.Close()
			_, err = l.Head(ctx)
			return err
		})
	}
	return out
}

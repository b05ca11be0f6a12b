package email

import (
	"errors"
	"fmt"
	"net/mail"
	"time"

	"github.com/countersign-dev/countersign/approvals/keyring"
)

// TLS is the protection of the connection to the mail server.
type TLS string

// The kinds of TLS.
const (
	StartTLS TLS = "starttls" // the default: refuse a server without it
	Implicit TLS = "tls"      // TLS from the first byte, port 465
	NoTLS    TLS = "none"     // for a relay beside us; never with a password
)

// Config has the mail server, its credentials and the sender's address.
type Config struct {
	Host     string
	Port     int
	TLS      TLS
	CAFile   string // PEM of the CAs to trust instead of the system's; "": the system's
	Username string
	Password keyring.Secret
	From     string        // address, with or without a name
	Timeout  time.Duration // of one whole delivery, until all of it is sent
	Accept   time.Duration // of the server's answer to that; 0: as long as RFC 5321 asks for
	// RequesterDomains are mail domains. A requester whom no Gate names gets mail only at an
	// address of these, of From's domain, or of a domain that the Gate uses.
	RequesterDomains []string
}

// DefaultAccept is the time that RFC 5321 (4.5.3.2.6) asks a client to wait after the final
// dot. A server that scans for viruses, say, takes its time, and a mail that is sent again
// because of that arrives twice.
const DefaultAccept = 10 * time.Minute

func (c Config) accept() time.Duration {
	if c.Accept > 0 {
		return c.Accept
	}
	return DefaultAccept
}

// Validate lists everything that is wrong.
func (c Config) Validate() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Host == "" {
		wrong("smtp.host is empty")
	}
	if c.Port < 1 || c.Port > 65535 {
		wrong("smtp.port is %d: use 587 (starttls), 465 (tls) or 25", c.Port)
	}
	switch c.TLS {
	case StartTLS, Implicit:
	case NoTLS:
		if len(c.Password) > 0 {
			wrong("smtp.tls is none with a password, which would travel in the clear: use starttls or tls")
		}
	default:
		wrong("smtp.tls is %q: use starttls, tls or none", c.TLS)
	}
	if _, err := mail.ParseAddress(c.From); err != nil {
		wrong("smtp.from is %q: %w", c.From, err)
	}
	return errors.Join(errs...)
}

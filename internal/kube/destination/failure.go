package destination

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/countersign-dev/countersign/approvals"
)

// answered is a status that is not 2xx. Its text is the other side's, its number has
// three digits.
type answered int

func (a answered) Error() string { return fmt.Sprintf("answered %d", int(a)) }

// A caFileError is a mistake of the service's configuration and not of the EventListener.
type caFileError struct{ error }

func (e caFileError) Unwrap() error { return e.error }

// failed is why d did not accept the event, in words of our own alone: an Approval's
// condition is no place for the text of anyone who answered, and certificates and
// malformed answers are such text too. The cause goes to the log.
func (d Destination) failed(cause error) error {
	return &approvals.Error{
		Code: approvals.CodeUnavailable, Err: cause,
		Message: fmt.Sprintf("EventListener %s did not accept the event: %s. Countersign posts it again until the EventListener does", d.Name(), d.why(cause)),
	}
}

func (d Destination) why(err error) string {
	at := fmt.Sprintf("check deployment el-%s in namespace %s", d.listener, d.namespace)
	if a, ok := errors.AsType[answered](err); ok {
		if a/100 == 3 {
			return fmt.Sprintf("it answered %d, and redirects are not followed; %s", int(a), at)
		}
		return fmt.Sprintf("it answered %d; %s", int(a), at)
	}
	if _, ok := errors.AsType[caFileError](err); ok {
		return "the file that the service's configuration names as eventListeners.caFile can't be read, or has no certificate: correct the file"
	}
	if why := d.certificate(err); why != "" {
		return why
	}
	if errors.Is(err, http.ErrSchemeMismatch) {
		return "it has TLS_CERT and TLS_KEY and does not speak TLS; " + at
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Sprintf("there was no answer within %s; %s", postWithin, at)
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return "no connection to its Service, which may have no pod that is ready; " + at
	}
	return "the connection broke, or its answer was not HTTP; " + at
}

// certificate returns what is wrong with the EventListener's certificate, "" when err has
// another cause.
func (d Destination) certificate(err error) string {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "its certificate is signed by a CA that the service does not know: put that CA's certificate into a file, and set eventListeners.caFile in the service's configuration to that file"
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return fmt.Sprintf("its certificate is not for %s: create one with that name", d.service())
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if invalid.Reason == x509.Expired {
			return "its certificate has expired, or is not valid yet: renew it"
		}
		return "its certificate can't be used for a server: create another one"
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "its certificate can't be verified: create another one, signed by a CA that the service knows (eventListeners.caFile)"
	}
	return ""
}

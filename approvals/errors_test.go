package approvals_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
)

func TestErrors(t *testing.T) {
	t.Parallel()
	ours := approvals.Errorf(approvals.CodeGone, "it is %s", "over")
	const hidden = "Internal error. The service's log has the details."
	for name, c := range map[string]struct {
		err     error
		code    approvals.Code
		message string
	}{
		"nil":               {nil, "", ""},
		"ours":              {ours, approvals.CodeGone, "it is over"},
		"ours, wrapped":     {fmt.Errorf("vote: %w", ours), approvals.CodeGone, "it is over"},
		"cause is not told": {&approvals.Error{Code: approvals.CodeUnavailable, Message: "try again", Err: errors.New("dial 10.0.0.1")}, approvals.CodeUnavailable, "try again"},
		"not ours":          {errors.New("password is x"), approvals.CodeInternal, hidden},
		"ours, internal":    {approvals.Errorf(approvals.CodeInternal, "password is x"), approvals.CodeInternal, hidden},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if code, message := approvals.CodeOf(c.err), approvals.Message(c.err); code != c.code || message != c.message {
				t.Errorf("%s %q, want %s %q", code, message, c.code, c.message)
			}
		})
	}
	cause := errors.New("dial 10.0.0.1")
	err := &approvals.Error{Code: approvals.CodeUnavailable, Message: "try again", Err: cause}
	if !errors.Is(err, cause) || err.Error() != "try again: dial 10.0.0.1" {
		t.Errorf("the log would read %q", err)
	}
}

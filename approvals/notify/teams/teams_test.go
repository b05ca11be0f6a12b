package teams

import (
	"bytes"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/approvals/notify"
	"github.com/countersign-dev/countersign/approvals/notify/notifytest"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/templates"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	thePath = "/workflows/0123456789abcdef/triggers/manual/paths/invoke"
	theSig  = "sig-T0p-Secret-Signature"
	theLink = "https://approve.example.com/approvals/prod/apply-1"
)

func data(a approvals.Approval, _ string) (templates.Data, error) {
	return templates.Data{Approval: a, Link: theLink, Now: ct.T0}, nil
}

func channel(t *testing.T, address string, timeout time.Duration) *Channel {
	t.Helper()
	c := New(Config{Name: "office", URL: keyring.Secret(address + thePath + "?api-version=1&sig=" + theSig), Timeout: timeout}, data, func() time.Time { return ct.T0 })
	t.Cleanup(c.Close)
	return c
}

// ourTimes is all that a TextBlock may have: Teams reads Markdown and more in one.
var ourTimes = regexp.MustCompile(`"text":"\{\{DATE\(([0-9T:-]+Z),SHORT\)\}\} \{\{TIME\([0-9T:-]+Z\)\}\}","type":"TextBlock"`)

func TestKit(t *testing.T) {
	t.Parallel()
	notifytest.Run(t, notifytest.Kit{
		New: func(t *testing.T, address string, timeout time.Duration) notify.Channel {
			return channel(t, address, timeout)
		},
		Secrets: []string{thePath, theSig}, MaxBody: 28 << 10,
		Safe: func(t *testing.T, body []byte) {
			rest := ourTimes.ReplaceAll(body, nil)
			for _, bad := range []string{"<", ">", "{{", "${", `"TextBlock"`, "FactSet", "Action.Submit", "Action.Execute", "Action.Http"} {
				if bytes.Contains(rest, []byte(bad)) {
					t.Errorf("%q in %.300s", bad, body)
				}
			}
			for _, s := range notifytest.JSONStrings(t, body) {
				if strings.Contains(s, "<at>") || strings.Contains(s, "://") && s != theLink && !strings.HasPrefix(s, "http://adaptivecards.io/") && !strings.Contains(s, "evil.example") && !strings.Contains(s, "<https://") {
					t.Errorf("%q", s)
				}
			}
			if n := bytes.Count(body, []byte(`"url"`)); n != 1 {
				t.Errorf("%d links", n)
			}
		},
	})
}

// TestGolden: what is posted for each event.
func TestGolden(t *testing.T) {
	t.Parallel()
	for _, kind := range notifytest.Kinds {
		var body []byte
		s := notifytest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
			body, _ = io.ReadAll(r.Body)
			w.WriteHeader(http.StatusAccepted)
		})
		if _, err := channel(t, s.URL, 5*time.Second).Send(t.Context(), notifytest.Message(kind, nil)); err != nil {
			t.Fatal(err)
		}
		golden.JSON(t, "testdata/golden/"+string(kind)+".json", body)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	for name, c := range map[string]struct {
		address string
		refused bool
	}{
		"a workflow":        {"https://prod.westeurope.logic.azure.com/x?sig=abc", false},
		"on this machine":   {"http://127.0.0.1:1/x", false},
		"in the cluster":    {"http://teams.mocks.svc.cluster.local/x", false},
		"in the clear":      {"http://prod.example.com/x?sig=abc", true},
		"without a scheme":  {"prod.example.com", true},
		"nothing":           {"", true},
		"with a password":   {"https://a:b@example.com/", true},
		"of another scheme": {"ftp://example.com/", true},
	} {
		err := Config{URL: keyring.Secret(c.address)}.Validate()
		if (err != nil) != c.refused || err != nil && strings.Contains(err.Error(), "sig=") {
			t.Errorf("%s: %v", c.address, err)
		}
		if err != nil {
			said.Check(t, name, err.Error())
		}
	}
}

package web_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/record"
)

// TestRecordKeys: everybody may have the public keys, and gets nothing else.
func TestRecordKeys(t *testing.T) {
	t.Parallel()
	b := newBench(t, base, ct.Make("a").Obj())
	w := b.ask(http.MethodGet, "/api/v1/record/keys", "")
	var got struct{ Items []map[string]string }
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK || len(got.Items) == 0 {
		t.Fatalf("%d %s %v", w.Code, w.Body, err)
	}
	for _, item := range got.Items {
		public, err := record.ParseKey(item["key"])
		if err != nil || record.KeyID(public) != item["id"] || !strings.HasSuffix(item["made"], "Z") || len(item) != 3 {
			t.Errorf("%v: %v", item, err)
		}
	}
	if w := b.ask(http.MethodPost, "/api/v1/record/keys", "{}"); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
	wantHeaders(t, "keys", w.Header())
}

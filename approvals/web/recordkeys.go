package web

import (
	"net/http"
	"time"

	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/approvals/record"
)

type recordKey struct {
	ID   string    `json:"id"`
	Key  string    `json:"key"` // for countersign verify --key
	Made time.Time `json:"made"`
}

type recordKeys struct {
	Items []recordKey `json:"items"`
}

// apiRecordKeys gives the public keys by which the audit log is verified, the one that signs
// first. Everybody may have them: that is what they are for.
func (s *server) apiRecordKeys(w http.ResponseWriter, _ *http.Request) {
	items := []recordKey{}
	for _, k := range s.Ring().SigningKeys(keyring.Record) {
		items = append(items, recordKey{record.KeyID(k.Public()), record.FormatKey(k.Public()), k.Made.UTC()})
	}
	writeJSON(w, http.StatusOK, recordKeys{items})
}

package mapping

import (
	"bytes"
	"encoding/json"
)

// compactJSON gives JSON its one form without white space.
func compactJSON(b []byte, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := json.Compact(&out, b); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

package record

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// columns of the CSV form, after which the hash lets a row be found in the stream.
var columns = []string{
	"seq", "at", "kind", "namespace", "approval", "trigger", "task", "pipeline", "run", "event", "gate",
	"person", "onBehalfOf", "verdict", "breakGlass", "comment", "inputs", "authMethod", "credentialID", "outcome", "people", "supersededBy", "channel", "error", "secondRun", "runOutcome", "digest", "uid", "id", "hash",
}

// Writer writes entries in one of the two forms that people take away.
type Writer struct {
	jsonl io.Writer
	csv   *csv.Writer
}

// The formats.
const (
	JSONL = "jsonl"
	CSV   = "csv"
)

// NewWriter returns a Writer of format JSONL or CSV.
func NewWriter(w io.Writer, format string) (*Writer, error) {
	switch format {
	case JSONL:
		return &Writer{jsonl: w}, nil
	case CSV:
		c := csv.NewWriter(w)
		return &Writer{csv: c}, c.Write(columns)
	default:
		return nil, fmt.Errorf("format is %q: use %s or %s", format, JSONL, CSV)
	}
}

// Write writes one entry. JSONL is the stream's own text, byte for byte.
func (w *Writer) Write(e Entry) error {
	if w.csv == nil {
		_, err := w.jsonl.Write(append(slices.Clip(e.Text), '\n'))
		return err
	}
	var inputs []string
	for _, in := range e.Inputs {
		inputs = append(inputs, in.Name+"="+in.Value)
	}
	return w.csv.Write([]string{
		strconv.FormatInt(e.Seq, 10), e.At, string(e.Kind), cell(e.Namespace), cell(e.Approval), cell(e.Trigger), cell(e.Task), cell(e.Pipeline), cell(e.Run),
		cell(e.Event), cell(e.Gate), cell(e.Person), cell(e.OnBehalfOf), cell(e.Verdict), strconv.FormatBool(e.BreakGlass), cell(e.Comment), cell(strings.Join(inputs, "\n")),
		cell(e.AuthMethod), cell(e.CredentialID), cell(e.Outcome), cell(strings.Join(e.People, "|")), cell(e.SupersededBy), cell(e.Channel), cell(e.Error), cell(e.SecondRun), cell(e.RunOutcome), cell(e.Digest), cell(e.UID), cell(e.ID), e.Hash,
	})
}

// Flush writes what is buffered.
func (w *Writer) Flush() error {
	if w.csv == nil {
		return nil
	}
	w.csv.Flush()
	return w.csv.Error()
}

// cell keeps a spreadsheet from taking what a person wrote for a formula.
func cell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r\n", rune(s[0])) {
		return "'" + s
	}
	return s
}

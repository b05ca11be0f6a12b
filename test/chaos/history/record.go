package history

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Line is a line of the record, as a process printed it.
type Line struct {
	Seq      int64  `json:"seq"`
	Prev     string `json:"prev"`
	Kind     string `json:"kind"`
	At       string `json:"at"`
	Approval string `json:"approval"`
	UID      string `json:"uid"`
	NS       string `json:"namespace"`
	Person   string `json:"person"`
	Verdict  string `json:"verdict"`
	Comment  string `json:"comment"`
	Outcome  string `json:"outcome"`
	Next     string `json:"secondRun"`
	Hash     string `json:"hash"`

	Broken string `json:"-"` // how it does not follow from the one before
}

// What a process wrote is kept as log_POD_NUMBER.log.out and .err.
const (
	LogPrefix = "log_"
	LogOut    = ".out"
	LogErr    = ".err"
)

// readRecord reads what each process printed, and compares each line with the one before, by hand, in
// the way that the documentation describes: the hash is of the line without its last field.
func (h *History) readRecord() error {
	files, err := filepath.Glob(filepath.Join(h.Dir, LogPrefix+"*"+LogOut))
	if err != nil {
		return err
	}
	for _, path := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), LogPrefix), LogOut)
		if h.Lines[name], err = readChain(path); err != nil {
			return err
		}
	}
	return nil
}

func readChain(path string) ([]Line, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []Line
	s := bufio.NewScanner(f)
	s.Buffer(make([]byte, 1<<20), 8<<20)
	last := Line{}
	for s.Scan() {
		if !strings.HasPrefix(s.Text(), `{"seq":`) {
			continue
		}
		var l Line
		if err := json.Unmarshal(s.Bytes(), &l); err != nil {
			// A process that is killed may have written half a line, and no more after it.
			out = append(out, Line{Broken: fmt.Sprintf("the line behind %d can't be read: %v", last.Seq, err)})
			continue
		}
		head, _, _ := strings.Cut(s.Text(), `,"hash":"`+l.Hash)
		sum := sha256.Sum256([]byte(head + "}"))
		switch {
		case hex.EncodeToString(sum[:]) != l.Hash:
			l.Broken = fmt.Sprintf("line %d has not its hash", l.Seq)
		case l.Seq == 1: // a process begins its own
		case l.Seq != last.Seq+1 || l.Prev != last.Hash:
			l.Broken = fmt.Sprintf("line %d follows line %d", l.Seq, last.Seq)
		}
		last = l
		out = append(out, l)
	}
	return out, s.Err()
}

// Led notes that a process began to lead, by what it printed.
type Led struct {
	Process string
	At      time.Time
}

// readLeads reads from what each process printed when it began to lead.
func (h *History) readLeads() error {
	files, err := filepath.Glob(filepath.Join(h.Dir, LogPrefix+"*"+LogErr))
	if err != nil {
		return err
	}
	for _, path := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), LogPrefix), LogErr)
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		s := bufio.NewScanner(f)
		s.Buffer(make([]byte, 1<<20), 8<<20)
		for s.Scan() {
			var l struct {
				Time time.Time `json:"time"`
				Msg  string    `json:"msg"`
			}
			// What a process prints as it dies is no JSON.
			if json.Unmarshal(s.Bytes(), &l) == nil && l.Msg == "leading" {
				h.Leads = append(h.Leads, Led{name, l.Time})
			}
		}
		if err := errors.Join(s.Err(), f.Close()); err != nil {
			return err
		}
	}
	slices.SortFunc(h.Leads, func(a, b Led) int { return a.At.Compare(b.At) })
	return nil
}

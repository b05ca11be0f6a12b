package evidence

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Bounds. The schemas of Gate, Approval and Evidence have the same numbers.
const (
	MaxSize  = 5 << 20 // bytes of one piece of evidence
	MaxItems = 8       // of one Approval, and uploads of one PipelineRun
	MaxName  = 63
)

// Kind is the source of evidence. In each case the PipelineRun produced the bytes, so they are as
// trustworthy as its pipeline.
type Kind string

// The kinds.
const (
	Result Kind = "Result" // a result of the PipelineRun, at most 4 kB
	Log    Kind = "Log"    // the log of a task, or of one of its steps, as the API server has it when the run has ended
	Upload Kind = "Upload" // what a step of the PipelineRun uploaded
)

// Format is the grammar of a text, for code that shows it. It is a hint: nothing has verified
// that the text follows it.
type Format string

// The formats. Detect leaves it to anyone who shows the text.
const (
	Detect            Format = ""
	TerraformPlan     Format = "terraform-plan"
	TerraformPlanJSON Format = "terraform-plan-json"
	Diff              Format = "diff"
	KubectlDiff       Format = "kubectl-diff"
	HelmDiff          Format = "helm-diff"
	JUnit             Format = "junit"
	SARIF             Format = "sarif"
	Markdown          Format = "markdown"
	JSON              Format = "json"
	Text              Format = "text"
)

// Formats returns every value of a Gate's field format. The CRD schema lists them too.
func Formats() []Format {
	return []Format{TerraformPlan, TerraformPlanJSON, Diff, KubectlDiff, HelmDiff, JUnit, SARIF, Markdown, JSON, Text}
}

// State is Present, or why the bytes are not there.
type State string

// The states. An Item has Present, Missing or TooLarge for ever; Changed and Late are found
// out by those who read the bytes later.
const (
	Present  State = "Present"
	Missing  State = "Missing"
	TooLarge State = "TooLarge"
	Changed  State = "Changed" // other bytes than those that were bound to the Approval
	Late     State = "Late"    // it came after the Approval was opened, and is not part of it
)

// Wanted is one piece of evidence that a Gate asks for.
type Wanted struct {
	Name   string
	Kind   Kind
	Result string // of Result; "": Name
	Task   string // of Log: the task's name in the pipeline
	Step   string // of Log; "": every step of the task, one after the other
	Format Format
	// Optional evidence may be missing: the Approval says so, and can be decided.
	Optional bool
}

// Item is one piece of evidence as it was when the Approval was opened.
type Item struct {
	Name   string
	Kind   Kind
	Format Format
	State  State
	SHA256 string // in hex, "" when it is not Present
	Size   int64  // in bytes
	// Message is for people: the reason when State is not Present, else a remark or "".
	Message string
	// Object is the name under which the bytes are kept, "" for a result.
	Object string
	// Summary counts the changes, tests or findings of the text. Its Format is "" where nothing is
	// counted.
	Summary Summary
}

// Bound has the fields of an Item that are part of the approved digest.
type Bound struct {
	Name   string
	Kind   Kind
	Format Format
	State  State
	SHA256 string
	Size   int64
	// Summary is left out of digests when nothing is counted, so that they equal those from before
	// there were summaries.
	Summary Summary `json:",omitzero"`
}

// BoundOf returns the digested fields of items, in their order.
func BoundOf(items []Item) []Bound {
	out := make([]Bound, 0, len(items))
	for _, i := range items {
		out = append(out, Bound{i.Name, i.Kind, i.Format, i.State, i.SHA256, i.Size, i.Summary})
	}
	return out
}

// Sum returns the SHA-256 of data in lower-case hex.
func Sum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Of returns the Item of data: Present, or TooLarge and without a SHA-256 beyond MaxSize bytes.
func (w Wanted) Of(data []byte) Item {
	i := Item{Name: w.Name, Kind: w.Kind, Format: w.Format, State: Present, SHA256: Sum(data), Size: int64(len(data))}
	if len(data) > MaxSize {
		i.State, i.SHA256, i.Message = TooLarge, "", w.what()+" has more than "+Bytes(MaxSize)+", which is the limit"
	}
	return i
}

// Without returns an Item without bytes, for a state other than Present.
func (w Wanted) Without(s State, message string) Item {
	return Item{Name: w.Name, Kind: w.Kind, Format: w.Format, State: s, Message: message}
}

// OfResult returns the Item of a result with that value. ok is false when the run has no such
// result, and the Item is then Missing.
func (w Wanted) OfResult(value string, ok bool) Item {
	if !ok {
		return w.Without(Missing, fmt.Sprintf("the run has no result %q", w.ResultName()))
	}
	return w.Of([]byte(value))
}

// ResultName is the result that w means.
func (w Wanted) ResultName() string {
	if w.Result != "" {
		return w.Result
	}
	return w.Name
}

func (w Wanted) what() string {
	switch {
	case w.Kind == Log && w.Step != "":
		return fmt.Sprintf("the log of step %q of task %q", w.Step, w.Task)
	case w.Kind == Log:
		return fmt.Sprintf("the log of task %q", w.Task)
	case w.Kind == Result:
		return fmt.Sprintf("result %q", w.ResultName())
	default:
		return fmt.Sprintf("upload %q", w.Name)
	}
}

// Lacks returns a message about the first piece of wanted that is not Optional and not Present.
// It returns "" when there is none: only then can the Approval be decided.
func Lacks(wanted []Wanted, items []Item) string {
	for _, w := range wanted {
		if w.Optional {
			continue
		}
		i := slices.IndexFunc(items, func(i Item) bool { return i.Name == w.Name })
		if i < 0 {
			return fmt.Sprintf("evidence %q is missing", w.Name)
		}
		if item := items[i]; item.State != Present {
			return fmt.Sprintf("evidence %q is %s: %s", w.Name, item.State.Words(), item.Message)
		}
	}
	return ""
}

// Words are s within a sentence.
func (s State) Words() string {
	switch s {
	case Present:
		return "present"
	case TooLarge:
		return "too large"
	case Changed:
		return "changed"
	case Late:
		return "late"
	default:
		return "missing"
	}
}

// Check compares data with the size and SHA-256 that are bound to the Approval. It returns Present
// and "" when they are the same bytes, Changed when they are not, and i's own State when no bytes
// are bound.
func (i Item) Check(data []byte) (s State, message string) {
	switch {
	case i.State != Present:
		return i.State, i.Message
	case int64(len(data)) != i.Size || Sum(data) != i.SHA256:
		return Changed, fmt.Sprintf("evidence %q is not what the approvers saw: its SHA-256 is %s, and theirs was %s", i.Name, Sum(data), i.SHA256)
	}
	return Present, ""
}

// Find looks for an Item by its name, of which a Gate has each once.
func Find(items []Item, name string) (Item, bool) {
	i := slices.IndexFunc(items, func(i Item) bool { return i.Name == name })
	if i < 0 {
		return Item{}, false
	}
	return items[i], true
}

var names = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`)

// CheckName returns the reason why name is not valid for evidence, "" when it is.
func CheckName(name string) string {
	if len(name) > MaxName || !names.MatchString(name) {
		return fmt.Sprintf("%q is not a valid name of evidence: use up to %d letters, digits, '.', '_' and '-', beginning and ending with a letter or digit", cut(name, MaxName), MaxName)
	}
	return ""
}

// CheckWanted returns the first mistake in a Gate's list of evidence, "" when there is none.
func CheckWanted(wanted []Wanted) string {
	if len(wanted) > MaxItems {
		return fmt.Sprintf("%d pieces of evidence are listed and the limit is %d", len(wanted), MaxItems)
	}
	for n, w := range wanted {
		if s := CheckName(w.Name); s != "" {
			return s
		}
		if slices.ContainsFunc(wanted[:n], func(o Wanted) bool { return o.Name == w.Name }) {
			return fmt.Sprintf("evidence %q is listed twice", w.Name)
		}
		if s := w.check(); s != "" {
			return fmt.Sprintf("evidence %q %s", w.Name, s)
		}
	}
	return ""
}

func (w Wanted) check() string {
	switch {
	case !slices.Contains([]Kind{Result, Log, Upload}, w.Kind):
		return fmt.Sprintf("is from %q: use Result, Log or Upload", w.Kind)
	case w.Kind == Log && w.Task == "":
		return "is from Log and names no task: set task to a task of the pipeline"
	case w.Kind != Log && (w.Task != "" || w.Step != ""):
		return "has a task or a step, which only evidence from Log has: remove them"
	case w.Kind != Result && w.Result != "":
		return "has a result, which only evidence from Result has: remove it"
	case w.Format != Detect && !slices.Contains(Formats(), w.Format):
		return fmt.Sprintf("has format %q: use one of %s, or remove it", w.Format, formats())
	}
	return ""
}

func formats() string {
	var all []string
	for _, f := range Formats() {
		all = append(all, string(f))
	}
	return strings.Join(all, ", ")
}

// Bytes formats a size for people, such as 5 MiB.
func Bytes(n int64) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%.3g MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.3g KiB", float64(n)/(1<<10))
	case n == 1:
		return "1 byte"
	default:
		return fmt.Sprintf("%d bytes", n)
	}
}

func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}

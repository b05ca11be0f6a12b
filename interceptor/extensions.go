package interceptor

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"

	"github.com/countersign-dev/countersign/approvals"
)

// maxExtensions bounds what is kept of other interceptors' extensions.
const maxExtensions = 64 << 10

// foreign returns the values that bindings read, by reads, from the extensions of the
// interceptors before this one: as canonical JSON, "" for nothing. An extension with this
// interceptor's key would pass for its answer and is an error.
func foreign(extensions map[string]any, reads [][]string) (string, error) {
	if _, ok := extensions[Name]; ok {
		return "", approvals.Errorf(approvals.CodeInvalid,
			"an interceptor before %[1]s sets extensions.%[1]s, which %[1]s sets itself: use another key in that overlay", Name)
	}
	out := map[string]any{}
	for _, path := range reads {
		pick(out, extensions, path)
	}
	if len(out) == 0 {
		return "", nil
	}
	b, err := json.Marshal(conceal("", out)) // of decoded JSON; it orders keys
	if err != nil {
		return "", approvals.Errorf(approvals.CodeInvalid, "the extensions of the interceptors before %s can't be stored: %v", Name, err)
	}
	if len(b) > maxExtensions {
		return "", approvals.Errorf(approvals.CodeInvalid,
			"the values that bindings read from other interceptors' extensions have %d bytes and the limit is %d: bind less", len(b), maxExtensions)
	}
	return string(b), nil
}

// pick copies what stands at path from one tree to another; of an empty path all.
func pick(to, from map[string]any, path []string) {
	if len(path) == 0 {
		maps.Copy(to, from)
		return
	}
	v, ok := from[path[0]]
	if !ok {
		return
	}
	below, isMap := v.(map[string]any)
	if len(path) == 1 || !isMap {
		to[path[0]] = v
		return
	}
	next, ok := to[path[0]].(map[string]any)
	if !ok {
		if _, whole := to[path[0]]; whole {
			return
		}
		next = map[string]any{}
	} else if len(next) == len(below) {
		return // all of it is there already, and is not ours to write to
	}
	pick(next, below, path[1:])
	if len(next) > 0 {
		to[path[0]] = next
	}
}

// sameExtensions returns CodeConflict when the interceptors before this one bring other values than
// they brought when a was held, and was approved. Of a run nothing was brought before it was
// decided, and what is brought is not known until now.
func sameExtensions(a approvals.Approval, extensions map[string]any, reads [][]string) error {
	now, err := foreign(extensions, reads)
	if err != nil || a.Source.Event == nil || now == a.Source.Event.Extensions {
		return err
	}
	return approvals.Errorf(approvals.CodeConflict,
		"the interceptors before %s set other values than those that were approved, in extensions %s", Name,
		approvals.Cut(strings.Join(differing(a.Source.Event.Extensions, now), ", "), approvals.MaxQuoted))
}

// differing are the keys of two objects whose values are not the same. The values are not
// told: this goes into Events, and may be of secrets.
func differing(before, now string) []string {
	var a, b map[string]json.RawMessage
	_ = json.Unmarshal([]byte(before), &a) // "" has no keys
	_ = json.Unmarshal([]byte(now), &b)
	all := maps.Clone(a)
	if all == nil {
		all = map[string]json.RawMessage{}
	}
	maps.Copy(all, b)
	return slices.DeleteFunc(slices.Sorted(maps.Keys(all)), func(k string) bool { return bytes.Equal(a[k], b[k]) })
}

// Concealed begins what is kept in the place of a value whose name says that it is a
// secret. The rest is a digest, by which it is compared and not told.
const Concealed = "concealed:"

// conceal is v, which has the name key, without the secrets in it. v is not changed.
func conceal(key string, v any) any {
	if approvals.SecretName(key) {
		return Concealed + approvals.Digest("extension", v)
	}
	switch x := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(x))
		for k, below := range x {
			out[k] = conceal(k, below)
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i := range x {
			out[i] = conceal("", x[i])
		}
		return out
	}
	return v
}

// checkOverlays refuses overlays of cel interceptors that write this interceptor's key:
// behind it, which stands at place at, they would replace what people approved. So would
// there one that writes a key again that one before it has written: people see the first
// value, and bindings read the last.
func checkOverlays(chain []*triggersv1.TriggerInterceptor, at int) error {
	before := map[string]int{}
	for i, ti := range chain {
		for _, o := range overlaysOf(ti) {
			key := topKey(o)
			if key == Name {
				return fmt.Errorf("its interceptor %d (cel) has an overlay with key %s, which would replace what %s sets: use another key", i+1, o, Name)
			}
			if i < at {
				before[key] = i + 1
			} else if first, ok := before[key]; ok {
				return fmt.Errorf("its interceptor %d (cel), after %s, has an overlay with key %s, which would replace the approved value that its interceptor %d sets: use another key", i+1, Name, o, first)
			}
		}
	}
	return nil
}

// CheckGroupBefore is the same of a Trigger's chain behind the interceptors of a triggerGroup
// that an event passes first.
func CheckGroupBefore(group, chain []*triggersv1.TriggerInterceptor) error {
	at, err := Place(chain)
	if err != nil || at < 0 {
		return err
	}
	if err := checkOverlays(append(slices.Clip(group), chain...), len(group)+at); err != nil {
		return approvals.Errorf(approvals.CodeInvalid, "together with the %d interceptors of its triggerGroup, %v", len(group), err)
	}
	return nil
}

// overlaysOf are the keys of ti's overlays, none when it is not a cel interceptor. One of
// the namespace's own that bears this name counts as one here, but see Behind.
func overlaysOf(ti *triggersv1.TriggerInterceptor) []string {
	if ti == nil || ti.Webhook != nil || ti.Ref.Name != "cel" {
		return nil
	}
	var out []string
	for _, raw := range StockParams(ti, "overlays") {
		var overlays []struct {
			Key string `json:"key"`
		}
		if json.Unmarshal(raw, &overlays) != nil {
			continue // nor does the cel interceptor read it
		}
		for _, o := range overlays {
			out = append(out, o.Key)
		}
	}
	return out
}

// Behind returns a function that reports whether the interceptors behind this one may write an
// extension. cel declares its overlays; of any other interceptor, and of a chain that Place
// refuses, nobody knows, so it may write every one.
func Behind(chain []*triggersv1.TriggerInterceptor) (writes func(key string) bool) {
	keys, every := map[string]bool{}, false
	at, err := Place(chain)
	for _, ti := range chain[at+1:] {
		if cel := ti != nil && ti.Webhook == nil && ti.Ref.Name == "cel" && ti.Ref.Kind != triggersv1.NamespacedInterceptorKind; !cel {
			every = true
		}
		for _, o := range overlaysOf(ti) {
			keys[topKey(o)] = true
		}
	}
	return func(key string) bool { return err != nil || every || keys[key] }
}

// topKey is the extension that an overlay's key writes to. The cel interceptor takes
// the key as a path of sjson: fields with dots in between, "\" before a dot that is
// none, and ":" before a number that is a field.
func topKey(path string) string {
	var out strings.Builder
	path = strings.TrimPrefix(path, ":")
	for i := 0; i < len(path); i++ {
		switch path[i] {
		case '.':
			return out.String()
		case '\\':
			if i++; i < len(path) {
				out.WriteByte(path[i])
			}
		default:
			out.WriteByte(path[i])
		}
	}
	return out.String()
}

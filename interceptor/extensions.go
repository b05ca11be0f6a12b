package interceptor

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"

	"github.com/countersign-dev/countersign/approvals"
)

// maxExtensions bounds what is kept of other interceptors' extensions.
const maxExtensions = 64 << 10

// foreign is what bindings read, by reads, of the extensions that the interceptors
// before this one brought: as JSON of one form, "" for nothing. An extension of this
// interceptor's key would be taken for its word.
func foreign(extensions map[string]any, reads [][]string) (string, error) {
	if _, ok := extensions[Name]; ok {
		return "", approvals.Errorf(approvals.CodeInvalid,
			"an interceptor before %[1]s brings extensions.%[1]s, which is what %[1]s itself answers with: give that overlay another key", Name)
	}
	out := map[string]any{}
	for _, path := range reads {
		pick(out, extensions, path)
	}
	if len(out) == 0 {
		return "", nil
	}
	b, err := json.Marshal(out) // of decoded JSON; it orders keys
	if err != nil {
		return "", approvals.Errorf(approvals.CodeInvalid, "the extensions of the interceptors before %s can't be kept: %v", Name, err)
	}
	if len(b) > maxExtensions {
		return "", approvals.Errorf(approvals.CodeInvalid,
			"what the bindings read of other interceptors' extensions has %d bytes and the most that can be held is %d: bind less of it", len(b), maxExtensions)
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

// sameExtensions says why what the interceptors before this one bring now is not what
// they brought when a was held, and was approved. Of a run nothing was brought before
// it was decided, and what is brought is not known until now.
func sameExtensions(a approvals.Approval, extensions map[string]any, reads [][]string) error {
	now, err := foreign(extensions, reads)
	if err != nil || a.Source.Event == nil || now == a.Source.Event.Extensions {
		return err
	}
	return approvals.Errorf(approvals.CodeConflict,
		"the interceptors before %s bring other values than those that were approved: extensions %s, and now %s", Name,
		approvals.Cut(orNone(a.Source.Event.Extensions), approvals.MaxQuoted), approvals.Cut(orNone(now), approvals.MaxQuoted))
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// checkOverlays refuses overlays of cel interceptors that write this interceptor's key:
// behind it they would replace what people approved.
func checkOverlays(chain []*triggersv1.TriggerInterceptor) error {
	for i, ti := range chain {
		if ti == nil || ti.Webhook != nil || ti.Ref.Name != "cel" {
			continue
		}
		for _, p := range ti.Params {
			var overlays []struct {
				Key string `json:"key"`
			}
			// Which it can't read the cel interceptor does not read either.
			if p.Name != "overlays" || json.Unmarshal(p.Value.Raw, &overlays) != nil {
				continue
			}
			for _, o := range overlays {
				if topKey(o.Key) == Name {
					return fmt.Errorf("its interceptor %d (cel) has an overlay with key %s, which would replace what %s answers with: give it another key", i+1, o.Key, Name)
				}
			}
		}
	}
	return nil
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

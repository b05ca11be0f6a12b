package mapping

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

// What reading a text takes: for each byte, which is read, copied, and three bytes where it
// is no UTF-8; and for each value, with its place in a list or map that grows.
const (
	perJSONByte  = 6
	perJSONValue = 160
	perJSON      = 2 << 10 // its buffers
	// maxSource is what an event's body may take: the expressions' own budget is beside it.
	maxSource = 16 << 20
)

// outline bounds the number of values and the depth of a JSON text without parsing it.
func outline(b []byte) (values, depth int64) {
	values = 1
	var now int64
	inText := false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case inText && c == '\\':
			i++
		case c == '"':
			inText = !inText
		case inText:
		case c == '[' || c == '{':
			values, now = values+2, now+1 // an empty one is larger than a number
			depth = max(depth, now)
		case c == ']' || c == '}':
			now--
		case c == ',' || c == ':':
			values++
		}
	}
	return values, depth
}

// decodeJSON reads one JSON value for expressions, with numbers as numberOf has them. It
// takes what that needs from the budget first.
func (m *meter) decodeJSON(b []byte) (any, error) {
	values, depth := outline(b)
	if depth > maxDepth {
		return nil, tooDeep(depth)
	}
	n := int64(len(b))
	m.use(plus(n/16, times(3, values)), plus(perJSON+times(perJSONByte, n), times(perJSONValue, values)))
	return readJSON(b)
}

func tooDeep(depth int64) error {
	return fmt.Errorf("it is nested %d levels deep and the limit is %d", depth, maxDepth)
}

func readJSON(b []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more text after the JSON value")
	}
	return exact(v), nil
}

// decodeObject reads a held event's body.
func decodeObject(b []byte) (map[string]any, error) {
	values, depth := outline(b)
	if depth > maxDepth {
		return nil, tooDeep(depth)
	}
	if most := (maxSource - perJSONByte*int64(len(b))) / perJSONValue; values > most {
		return nil, fmt.Errorf("it has up to %d values, and the limit for its size is %d", values, most)
	}
	v, err := readJSON(b)
	if err != nil {
		return nil, err
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("it is not a JSON object")
	}
	return m, nil
}

func exact(v any) any {
	switch x := v.(type) {
	case json.Number:
		return numberOf(x.String())
	case map[string]any:
		for k, e := range x {
			x[k] = exact(e)
		}
	case []any:
		for i, e := range x {
			x[i] = exact(e)
		}
	}
	return v
}

// encodeJSON writes a value in its one form: no white space, keys sorted, nothing escaped
// that JSON does not ask for, and numbers as they are. CEL's own conversion makes strings
// of large integers. Each piece is taken from the budget before it is written.
func (m *meter) encodeJSON(v ref.Val) (string, error) {
	w := jsonWriter{meter: m}
	if err := w.write(v, 0); err != nil {
		return "", err
	}
	if err := w.take(0, w.b.Len()); err != nil { // once more as a text
		return "", err
	}
	return w.b.String(), nil
}

type jsonWriter struct {
	meter *meter
	b     bytes.Buffer
}

// take is for n bytes more, in a buffer that doubles, and for what else is allocated.
func (w *jsonWriter) take(n, more int) error {
	if w.b.Len()+n > maxBuilt {
		w.meter.make(maxBuilt + 1)
	}
	w.meter.use(1+int64(n)/16, int64(4*n+more))
	return nil
}

func (w *jsonWriter) write(v ref.Val, depth int) error {
	if depth > 4*maxDepth {
		return tooDeep(int64(depth))
	}
	if err := w.take(scalarText, perNode); err != nil {
		return err
	}
	switch x := v.(type) {
	case types.Null:
		w.b.WriteString("null")
	case types.Bool:
		w.b.WriteString(strconv.FormatBool(bool(x)))
	case types.Int:
		w.b.WriteString(strconv.FormatInt(int64(x), 10))
	case types.Uint:
		w.b.WriteString(strconv.FormatUint(uint64(x), 10))
	case types.Double:
		return w.double(float64(x))
	case literal:
		if err := w.take(len(x), 0); err != nil {
			return err
		}
		w.b.WriteString(string(x))
	case types.String:
		return w.text(string(x))
	case types.Bytes:
		if err := w.take(2*len(x), 4*len(x)); err != nil {
			return err
		}
		return w.text(base64.StdEncoding.EncodeToString(x))
	case types.Timestamp, types.Duration:
		return w.text(fmt.Sprint(v.ConvertToType(types.StringType).Value()))
	case traits.Mapper:
		return w.object(x, depth)
	case traits.Lister:
		return w.array(x, depth)
	case *types.Err:
		return x
	default:
		return fmt.Errorf("a value of type %s can't be written as JSON", v.Type().TypeName())
	}
	return nil
}

func (w *jsonWriter) double(f float64) error {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return fmt.Errorf("JSON can't express the number %v", f)
	}
	b, err := json.Marshal(f + 0) // no minus before nothing
	w.b.Write(b)
	return err
}

func (w *jsonWriter) text(s string) error {
	if err := w.take(escaped(s)+3, perEntry); err != nil {
		return err
	}
	e := json.NewEncoder(&w.b)
	e.SetEscapeHTML(false)
	err := e.Encode(s)
	w.b.Truncate(w.b.Len() - 1) // the line's end
	return err
}

// escaped is the most bytes of s in JSON. Six are for one that is no text.
func escaped(s string) int {
	n := len(s)
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ' || c >= 0x80: // of what is no UTF-8, and of two separators of lines
			n += 5
		case c == '"' || c == '\\':
			n++
		}
	}
	return n
}

func (w *jsonWriter) array(l traits.Lister, depth int) error {
	w.b.WriteByte('[')
	for i, it := 0, l.Iterator(); it.HasNext() == types.True; i++ {
		if i > 0 {
			w.b.WriteByte(',')
		}
		w.meter.use(1, perItem)
		if err := w.write(it.Next(), depth+1); err != nil {
			return err
		}
	}
	w.b.WriteByte(']')
	return nil
}

func (w *jsonWriter) object(m traits.Mapper, depth int) error {
	w.meter.use(sizeOf(m), times(perEntry, sizeOf(m)+1))
	values := map[string]ref.Val{}
	var keys []string
	for it := m.Iterator(); it.HasNext() == types.True; {
		k := it.Next()
		name, ok := k.ConvertToType(types.StringType).(types.String)
		if !ok {
			return fmt.Errorf("a key of type %s can't be written as JSON", k.Type().TypeName())
		}
		if _, twice := values[string(name)]; twice {
			return fmt.Errorf("two keys would both be %q in JSON", string(name))
		}
		keys, values[string(name)] = append(keys, string(name)), m.Get(k)
	}
	slices.Sort(keys)
	w.b.WriteByte('{')
	for i, k := range keys {
		if i > 0 {
			w.b.WriteByte(',')
		}
		if err := w.text(k); err != nil {
			return err
		}
		w.b.WriteByte(':')
		if err := w.write(values[k], depth+1); err != nil {
			return err
		}
	}
	w.b.WriteByte('}')
	return nil
}

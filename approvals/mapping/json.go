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

// decodeJSON reads one JSON value for expressions, with numbers as numberOf has them.
func decodeJSON(b []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is something after the JSON value")
	}
	return exact(v), nil
}

// decodeObject is decodeJSON of an object.
func decodeObject(b []byte) (map[string]any, error) {
	v, err := decodeJSON(b)
	if err != nil {
		return nil, err
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("it is another JSON value")
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
// of large integers.
func encodeJSON(v ref.Val) (string, error) {
	w := jsonWriter{}
	if err := w.write(v); err != nil {
		return "", err
	}
	return w.b.String(), nil
}

type jsonWriter struct{ b bytes.Buffer }

func (w *jsonWriter) write(v ref.Val) error {
	if w.b.Len() > maxBuilt {
		return fmt.Errorf("it gives more than %d bytes", maxBuilt)
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
		w.b.WriteString(string(x))
	case types.String:
		return w.text(string(x))
	case types.Bytes:
		return w.text(base64.StdEncoding.EncodeToString(x))
	case types.Timestamp, types.Duration:
		return w.text(fmt.Sprint(v.ConvertToType(types.StringType).Value()))
	case traits.Mapper:
		return w.object(x)
	case traits.Lister:
		return w.array(x)
	case *types.Err:
		return x
	default:
		return fmt.Errorf("a value of type %s has no form in JSON", v.Type().TypeName())
	}
	return nil
}

func (w *jsonWriter) double(f float64) error {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return fmt.Errorf("JSON has no number %v", f)
	}
	b, err := json.Marshal(f + 0) // no minus before nothing
	w.b.Write(b)
	return err
}

func (w *jsonWriter) text(s string) error {
	e := json.NewEncoder(&w.b)
	e.SetEscapeHTML(false)
	err := e.Encode(s)
	w.b.Truncate(w.b.Len() - 1) // the line's end
	return err
}

func (w *jsonWriter) array(l traits.Lister) error {
	w.b.WriteByte('[')
	for i, it := 0, l.Iterator(); it.HasNext() == types.True; i++ {
		if i > 0 {
			w.b.WriteByte(',')
		}
		if err := w.write(it.Next()); err != nil {
			return err
		}
	}
	w.b.WriteByte(']')
	return nil
}

func (w *jsonWriter) object(m traits.Mapper) error {
	values := map[string]ref.Val{}
	var keys []string
	for it := m.Iterator(); it.HasNext() == types.True; {
		k := it.Next()
		name, ok := k.ConvertToType(types.StringType).(types.String)
		if !ok {
			return fmt.Errorf("a key of type %s has no form in JSON", k.Type().TypeName())
		}
		if _, twice := values[string(name)]; twice {
			return fmt.Errorf("two keys are %q in JSON", string(name))
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
		if err := w.write(values[k]); err != nil {
			return err
		}
	}
	w.b.WriteByte('}')
	return nil
}

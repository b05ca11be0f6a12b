package approvalstest

import (
	"reflect"
	"time"
)

// InZone is v with every time in it, however deep, told in another zone: as objects come
// back from an API server in the process's own. The instants are the same.
func InZone[T any](v T, zone *time.Location) T {
	out := reflect.New(reflect.TypeFor[T]()).Elem()
	out.Set(inZone(reflect.ValueOf(&v).Elem(), zone))
	return out.Interface().(T)
}

func inZone(v reflect.Value, zone *time.Location) reflect.Value {
	if t, ok := reflect.TypeAssert[time.Time](v); ok {
		if t.IsZero() {
			return v
		}
		return reflect.ValueOf(t.In(zone))
	}
	out := reflect.New(v.Type()).Elem()
	out.Set(v)
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			out.Set(reflect.New(v.Type().Elem()))
			out.Elem().Set(inZone(v.Elem(), zone))
		}
	case reflect.Slice:
		if !v.IsNil() {
			out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
			for i := range v.Len() {
				out.Index(i).Set(inZone(v.Index(i), zone))
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				out.Field(i).Set(inZone(v.Field(i), zone))
			}
		}
	default: // holds no time
	}
	return out
}

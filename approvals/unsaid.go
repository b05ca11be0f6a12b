package approvals

import "fmt"

// Unsaid is text that is not printed, logged or encoded by accident: anyone who knows it
// too early could use it.
type Unsaid string

const notSaid = "(not said)"

// Format hides it from every verb.
func (Unsaid) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(notSaid)) }

// String hides it.
func (Unsaid) String() string { return notSaid }

// MarshalText hides it from encoders and logs.
func (Unsaid) MarshalText() ([]byte, error) { return []byte(notSaid), nil }

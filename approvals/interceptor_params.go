package approvals

// InterceptorParams are the params of one countersign interceptor in a Trigger: the Gate, what
// to hold, and what to forward.
type InterceptorParams struct {
	Gate    string  // a Gate of the Trigger's namespace; "" when Inline
	Inline  *Policy // the same fields, in the Trigger itself
	After   After   // hold when such a run succeeds; none: hold every event that gets this far
	Forward []Expression
	// Requester is a CEL expression for who asked; "": what is known by default.
	Requester string
	// Title is a CEL expression for the heading, in the place of the Gate's; Instructions and
	// Links are added to the Gate's.
	Title, Instructions string
	Links               []Expression
}

// InlineGate is the name under which a policy from a Trigger is shown.
const InlineGate = "(inline)"

// Bounds of a Line: how many params it may forward, and the most bytes of one
// expression, wherever it stands.
const (
	MaxForward    = 128
	MaxExpression = 1024
)

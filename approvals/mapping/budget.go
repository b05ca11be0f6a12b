package mapping

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/google/cel-go/interpreter"
)

// Limits bound the cost of evaluation. Work is counted in units of about 100 ns; bytes are
// those allocated, whether or not they are still in use. Both are counted before the work is
// done, so that a limit is a bound and not a discovery.
type Limits struct {
	// Work and Bytes are for one expression.
	Work, Bytes int64
	// AllWork and AllBytes are for all expressions of one Approval in one pass.
	AllWork, AllBytes int64
	// Time ends an evaluation whose work takes longer than it should: a machine that is
	// starved, or a function that is counted wrongly. It is far above what the work takes,
	// so that a busy machine does not change what an expression gives.
	Time time.Duration
}

// DefaultLimits keeps an expression to 16 MiB of allocations and, on one core, to 200 ms.
func DefaultLimits() Limits {
	return Limits{Work: 1_000_000, Bytes: 8 << 20, AllWork: 2_000_000, AllBytes: 16 << 20, Time: 2 * time.Second}
}

// Budget is the rest of what the expressions of one Approval may use together. It is not safe
// for concurrent use.
type Budget struct{ work, bytes int64 }

// NewBudget returns what all expressions of one approval may take together: DefaultLimits.
func NewBudget() *Budget {
	l := DefaultLimits()
	return &Budget{work: l.AllWork, bytes: l.AllBytes}
}

// meter counts one evaluation.
type meter struct {
	work, bytes int64 // what is left
	began       struct{ work, bytes int64 }
	shared      bool // what is left is less than one expression may use
	limits      Limits
	ctx         context.Context //nolint:containedctx // of one evaluation, as long as the meter lives
	ticks       uint
	slots       chan struct{} // of which an expensive evaluation takes one
	slow        bool          // it has
	patterns    map[string]pattern
}

func (c *Compiler) meter(ctx context.Context, b *Budget) *meter {
	m := &meter{work: c.limits.Work, bytes: c.limits.Bytes, limits: c.limits, ctx: ctx, slots: c.slots}
	if b != nil {
		m.shared = b.work < m.work || b.bytes < m.bytes
		m.work, m.bytes = min(m.work, b.work), min(m.bytes, b.bytes)
	}
	m.began.work, m.began.bytes = m.work, m.bytes
	return m
}

// Of expensive evaluations, which have used this part of what one may, so many run at a
// time: what they hold together stays bounded. The others, which are nearly all, never wait.
const (
	expensivePart = 16
	maxExpensive  = 2
)

// queue waits for a place, once m turns out to be expensive.
func (m *meter) queue() {
	if m.slow || m.began.work-m.work < m.limits.Work/expensivePart && m.began.bytes-m.bytes < m.limits.Bytes/expensivePart {
		return
	}
	select {
	case m.slots <- struct{}{}:
		m.slow = true
	case <-m.ctx.Done():
		m.interrupt()
	}
}

// done gives the place back.
func (m *meter) done() {
	if m.slow {
		<-m.slots
	}
}

func (m *meter) interrupt() {
	panic(interpreter.EvalCancelledError{Cause: interpreter.ContextCancelled, Message: "the evaluation was interrupted"})
}

// settle takes what m counted from what the expressions have together. m began with before.
func (b *Budget) settle(before, m meter) {
	b.work -= before.work - max(m.work, 0)
	b.bytes -= before.bytes - max(m.bytes, 0)
}

// maxCost is more than any limit, and far enough from overflow to be added up.
const maxCost = math.MaxInt64 / 4

// times multiplies without overflow.
func times(a, b int64) int64 {
	if a <= 0 || b <= 0 {
		return 0
	}
	if a > maxCost/b {
		return maxCost
	}
	return a * b
}

// plus adds without overflow.
func plus(a, b int64) int64 { return min(a+b, maxCost) }

// check looks at the clock only now and then.
const checkEvery = 256

// use takes from the budget before the work is done. It panics with what CEL knows as a
// cancelled evaluation: an error value could be swallowed by || or a ternary.
func (m *meter) use(work, bytes int64) {
	m.work -= min(work, maxCost)
	m.bytes -= min(bytes, maxCost)
	if m.work < 0 || m.bytes < 0 {
		panic(interpreter.EvalCancelledError{Cause: interpreter.CostLimitExceeded, Message: m.exceeded()})
	}
	if m.ticks++; (m.ticks%checkEvery == 0 || work > checkEvery) && m.ctx.Err() != nil {
		m.interrupt()
	}
	m.queue()
}

func (m *meter) exceeded() string {
	what := "an expression"
	if m.shared {
		what = "all expressions of one approval together"
	}
	if m.bytes < 0 {
		most := m.limits.Bytes
		if m.shared {
			most = m.limits.AllBytes
		}
		return fmt.Sprintf("it would take more memory than %s may use, which is %d KiB: read less of the event, or build shorter texts and lists", what, most>>10)
	}
	most := m.limits.Work
	if m.shared {
		most = m.limits.AllWork
	}
	return fmt.Sprintf("it would take more than the %d steps that %s may take: loop over less, or search shorter texts", most, what)
}

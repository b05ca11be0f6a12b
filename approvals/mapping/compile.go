package mapping

import (
	"fmt"
	"strings"
	"sync"

	"github.com/google/cel-go/cel"

	"github.com/countersign-dev/countersign/approvals"
)

// program compiles expr, or has it already. Errors are CodeInvalid.
func (c *Compiler) program(expr string) (prg cel.Program, err error) {
	if prg, ok := c.cache.get(expr); ok {
		return prg, nil
	}
	if len(expr) > approvals.MaxExpression {
		return nil, approvals.Errorf(approvals.CodeInvalid, "an expression has %d bytes and the limit is %d", len(expr), approvals.MaxExpression)
	}
	c.compiling <- struct{}{}
	defer func() { <-c.compiling }()
	defer func() { // of the parser or the planner: it must not end the process
		if r := recover(); r != nil {
			prg, err = nil, approvals.Errorf(approvals.CodeInvalid, "expression %q does not compile: internal error: %s", expr, approvals.Cut(fmt.Sprint(r), maxReason))
		}
	}()
	parsed, issues := c.env.Parse(expr)
	if issues.Err() != nil {
		return nil, uncompiled(expr, issues.Err())
	}
	form, err := formOf(parsed, c.plain)
	if err != nil {
		return nil, &approvals.Error{Code: approvals.CodeInvalid, Message: approvals.Message(uncompiled(expr, err)), Err: errTooCostly}
	}
	checked, issues := c.env.Check(parsed)
	if issues.Err() != nil {
		return nil, uncompiled(expr, issues.Err())
	}
	prg, err = c.env.Program(checked, c.metered(form.ranges), cel.InterruptCheckFrequency(checkEvery))
	if err != nil {
		return nil, uncompiled(expr, err)
	}
	c.cache.put(expr, prg)
	return prg, nil
}

func uncompiled(expr string, err error) error {
	return approvals.Errorf(approvals.CodeInvalid, "expression %q does not compile: %s", expr, approvals.Cut(firstLine(err.Error()), maxReason))
}

func firstLine(s string) string {
	lines := strings.SplitN(s, "\n", 2)
	return strings.TrimPrefix(lines[0], "ERROR: ")
}

// maxCached is the most bytes of expressions whose programs are kept, in each half of the
// cache: a program takes some hundred bytes for each of them.
const maxCached = 64 << 10

// cache keeps programs by their expressions. Expressions come from Triggers and Gates, so
// there are few; the bound is against somebody who edits one in a loop: what others use is
// in one of the two halves, and is taken over.
type cache struct {
	mu       sync.Mutex
	now, old map[string]cel.Program
	bytes    int
}

func (c *cache) get(expr string) (cel.Program, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if prg, ok := c.now[expr]; ok {
		return prg, true
	}
	prg, ok := c.old[expr]
	if ok {
		c.add(expr, prg)
	}
	return prg, ok
}

func (c *cache) put(expr string, prg cel.Program) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(expr, prg)
}

func (c *cache) add(expr string, prg cel.Program) {
	if c.now == nil || c.bytes+len(expr) > maxCached {
		c.now, c.old, c.bytes = map[string]cel.Program{}, c.now, 0
	}
	c.now[expr] = prg
	c.bytes += len(expr)
}

package templates

import (
	"reflect"
	"slices"
	"testing"
	"text/template/parse"
)

// TestFieldsExist: what templates name exists, in the branches too that no preview takes.
func TestFieldsExist(t *testing.T) {
	s := newSet(t)
	trees := map[string]*parse.Tree{}
	for _, x := range s.in(English).html.Templates() {
		trees[x.Name()] = x.Tree
	}
	for name, data := range map[string]any{
		"approval.html": View{}, "mail.html": View{}, "outcome.html": View{}, "run.html": View{}, "comment.html": View{}, "problem.html": Problem{},
		"list.html": listView{}, "bulk.html": bulkView{}, "history.html": historyView{}, "operations.html": operationsView{},
	} {
		checkFields(t, trees, name, reflect.TypeOf(data))
	}
	trees = map[string]*parse.Tree{}
	for _, x := range s.in(English).text.Templates() {
		trees[x.Name()] = x.Tree
	}
	for _, name := range []string{"subject.txt", "mail.txt", "outcome-subject.txt", "outcome.txt", "run-subject.txt", "run.txt", "comment-subject.txt", "comment.txt"} {
		checkFields(t, trees, name, reflect.TypeFor[View]())
	}
}

func checkFields(t *testing.T, trees map[string]*parse.Tree, name string, data reflect.Type) {
	t.Helper()
	c := fieldChecker{t: t, trees: trees, seen: map[string][]reflect.Type{}}
	c.template(name, data)
	if c.fields == 0 {
		t.Errorf("%s names no field at all", name)
	}
}

// fieldChecker follows the types through the templates. A nil type is one that it does not know.
type fieldChecker struct {
	t      *testing.T
	trees  map[string]*parse.Tree
	seen   map[string][]reflect.Type
	fields int
}

func (c *fieldChecker) template(name string, data reflect.Type) {
	if data == nil || slices.Contains(c.seen[name], data) {
		return
	}
	c.seen[name] = append(c.seen[name], data)
	if tree := c.trees[name]; tree != nil {
		c.list(name, tree.Root, data, data)
	}
}

func (c *fieldChecker) list(name string, l *parse.ListNode, data, dot reflect.Type) {
	if l == nil {
		return
	}
	for _, n := range l.Nodes {
		switch n := n.(type) {
		case *parse.ActionNode:
			c.pipe(name, n.Pipe, data, dot)
		case *parse.IfNode:
			c.pipe(name, n.Pipe, data, dot)
			c.list(name, n.List, data, dot)
			c.list(name, n.ElseList, data, dot)
		case *parse.WithNode:
			c.list(name, n.List, data, c.pipe(name, n.Pipe, data, dot))
			c.list(name, n.ElseList, data, dot)
		case *parse.RangeNode:
			of := c.pipe(name, n.Pipe, data, dot)
			if of != nil && of.Kind() == reflect.Slice {
				of = of.Elem()
			}
			c.list(name, n.List, data, of)
			c.list(name, n.ElseList, data, dot)
		case *parse.TemplateNode:
			if n.Pipe != nil {
				c.template(n.Name, c.pipe(name, n.Pipe, data, dot))
			}
		}
	}
}

// pipe is the type of what a pipeline of one value yields.
func (c *fieldChecker) pipe(name string, p *parse.PipeNode, data, dot reflect.Type) reflect.Type {
	var out reflect.Type
	for _, cmd := range p.Cmds {
		for _, a := range cmd.Args {
			out = c.arg(name, a, data, dot)
		}
		if len(cmd.Args) > 1 && cmd.Args[0].Type() == parse.NodeIdentifier {
			out = nil
			if f := printerOf(English).funcs()[cmd.Args[0].String()]; f != nil {
				out = reflect.TypeOf(f).Out(0)
			}
		}
	}
	return out
}

func (c *fieldChecker) arg(name string, n parse.Node, data, dot reflect.Type) reflect.Type {
	switch n := n.(type) {
	case *parse.DotNode:
		return dot
	case *parse.FieldNode:
		return c.follow(name, dot, n.Ident)
	case *parse.VariableNode:
		if n.Ident[0] == "$" {
			return c.follow(name, data, n.Ident[1:])
		}
	case *parse.PipeNode:
		return c.pipe(name, n, data, dot)
	}
	return nil
}

func (c *fieldChecker) follow(name string, at reflect.Type, path []string) reflect.Type {
	for _, field := range path {
		if at == nil {
			return nil
		}
		if m, ok := at.MethodByName(field); ok {
			at = m.Type.Out(0)
			continue
		}
		if at.Kind() == reflect.Pointer {
			at = at.Elem()
		}
		if at.Kind() != reflect.Struct {
			c.t.Errorf("%s: .%s of a %s", name, field, at)
			return nil
		}
		f, ok := at.FieldByName(field)
		if !ok {
			c.t.Errorf("%s: a %s has no %s", name, at, field)
			return nil
		}
		c.fields, at = c.fields+1, f.Type
	}
	return at
}

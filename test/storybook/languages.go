package main

import (
	"bytes"
	"io"
	"maps"
	"slices"

	"github.com/countersign-dev/countersign/templates"
)

// translated renders every page and mail in the other languages than English, by names such as
// "de/pending.html". The golden files have only some of them.
func translated() (map[string][]byte, error) {
	set, err := templates.New(nil)
	if err != nil {
		return nil, err
	}
	all := map[string][]byte{}
	for _, l := range templates.Languages() {
		if l.Tag == templates.English {
			continue
		}
		if err := in(set, l.Tag, all); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// in adds what set renders in one language to all.
func in(set *templates.Set, language string, all map[string][]byte) error {
	var failed error
	add := func(name string, write func(io.Writer) error) {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			failed = err
		}
		all[language+"/"+name+".html"] = b.Bytes()
	}
	mail := func(name string, render func(templates.Data) (templates.Mail, error), d templates.Data) {
		add(name, func(w io.Writer) error {
			m, err := render(d)
			if err == nil {
				_, err = io.WriteString(w, m.HTML)
			}
			return err
		})
	}
	for _, p := range templates.Previews() {
		d := p.Data
		d.Language = language
		add(p.Name, func(w io.Writer) error { return set.Approval(w, d) })
		switch {
		case d.Approval.RunEnd != nil:
			mail(p.Name+".run.mail", set.RunEnded, d)
		case d.Approval.Decided():
			mail(p.Name+".outcome.mail", set.Outcome, d)
		case len(d.Approval.Discussion) > 0:
			mail(p.Name+".comment.mail", set.Comment, d)
		case d.Decidable && !d.Session:
			mail(p.Name+".mail", set.Mail, d)
		}
	}
	for _, p := range templates.ListPreviews() {
		p.List.Language = language
		add(p.Name, func(w io.Writer) error { return set.List(w, p.List) })
	}
	for _, p := range templates.BulkPreviews() {
		p.Bulk.Language = language
		add(p.Name, func(w io.Writer) error { return set.Bulk(w, p.Bulk) })
	}
	for _, p := range templates.HistoryPreviews() {
		p.History.Language = language
		add(p.Name, func(w io.Writer) error { return set.History(w, p.History) })
	}
	for _, p := range templates.OperationsPreviews() {
		p.Operations.Language = language
		add(p.Name, func(w io.Writer) error { return set.Operations(w, p.Operations) })
	}
	return failed
}

// sorted are the names of what translated gave.
func sorted(all map[string][]byte) []string { return slices.Sorted(maps.Keys(all)) }

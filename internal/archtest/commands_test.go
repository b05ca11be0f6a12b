package archtest

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/internal/cli"
)

// codeBlock is fenced code of a page.
type codeBlock struct{ language, text string }

// codeBlocks are the fenced blocks of a page, those within lists without their margin.
func codeBlocks(page string) []codeBlock {
	var out []codeBlock
	for _, m := range regexp.MustCompile("(?ms)^( *)```(\\w*)\n(.*?)^ *```").FindAllStringSubmatch(page, -1) {
		var text strings.Builder
		for line := range strings.Lines(m[3]) {
			text.WriteString(strings.TrimPrefix(line, m[1]))
		}
		out = append(out, codeBlock{language: m[2], text: text.String()})
	}
	return out
}

// TestCommandsExist: every command of ours that a page shows is there, with the flags that
// the page gives it.
func TestCommandsExist(t *testing.T) {
	t.Parallel()
	targets := firstGroups(`(?m)^([a-z][a-z0-9-]*):.*## `, readFile(t, "Makefile"))
	help := map[string]string{}
	counted := map[string]int{}
	for _, page := range append(docPages(t), "README.md", "examples/README.md", "CONTRIBUTING.md", "AGENTS.md") {
		for _, line := range commandLines(readFile(t, page)) {
			if m := regexp.MustCompile(`^(?:sudo )?(?:[A-Z_]+=\S* )*make ([a-z].*)`).FindStringSubmatch(line); m != nil {
				for word := range strings.FieldsSeq(m[1]) {
					if !regexp.MustCompile(`^[a-z0-9-]+$`).MatchString(word) {
						break
					}
					if counted["make"]++; !slices.Contains(targets, word) {
						t.Errorf("%s: there is no target %q in the Makefile: %s", page, word, line)
					}
				}
			}
			m := regexp.MustCompile(`tkn[ -]approval((?: [a-z][a-z-]*)*)(.*)`).FindStringSubmatch(line)
			if m == nil {
				continue
			}
			words := strings.Fields(m[1])
			if len(words) > 0 && words[0] == "gate" && len(words) > 1 {
				words = []string{"gate", words[1]}
			} else if len(words) > 0 {
				words = words[:1]
			} else {
				continue
			}
			name := strings.Join(words, " ")
			if words[0] == "completion" {
				continue
			}
			if _, ok := help[name]; !ok {
				var out, errs bytes.Buffer
				if code := cli.Run(t.Context(), cli.Options{In: strings.NewReader(""), Out: &out, Err: &errs}, append(slices.Clone(words), "--help")); code != 0 || !strings.Contains(out.String(), "\nUsage:\n  tkn approval "+name+" ") {
					t.Errorf("%s: tkn approval has no command %q: %s", page, name, errs.String())
				}
				help[name] = out.String()
			}
			counted["tkn"]++
			rest, _, _ := strings.Cut(m[2], "|")
			rest = regexp.MustCompile(`"[^"]*"|'[^']*'`).ReplaceAllString(rest, "")
			rest, _, _ = strings.Cut(rest, " #")
			for _, flag := range firstGroups(`(?:^|\s)(--?[a-z][a-z-]*)`, rest) {
				if !regexp.MustCompile(`(?m)(^|\s|,)` + regexp.QuoteMeta(flag) + `(,|\s|$)`).MatchString(help[name]) {
					t.Errorf("%s: tkn approval %s has no flag %s: %s", page, name, flag, line)
				}
			}
		}
	}
	for what, least := range map[string]int{"make": 20, "tkn": 40} {
		if counted[what] < least {
			t.Errorf("found %d commands of %s, want %d at least, so this test looks for the wrong thing", counted[what], what, least)
		}
	}
}

// commandLines are the lines of a page's shell blocks, and its inline code.
func commandLines(page string) []string {
	out := firstGroups("`([^`\n]+)`", withoutCode(page))
	for _, b := range codeBlocks(page) {
		if b.language == "sh" {
			for line := range strings.Lines(b.text) {
				out = append(out, strings.TrimSpace(line))
			}
		}
	}
	return out
}

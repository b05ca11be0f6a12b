package cli

import (
	"bytes"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	tab := &table{out: &out, head: []string{"NAME", "STATE", "BY"}}
	tab.print([][]cell{{{text: "a\x1b[1m name"}, {text: "Pending", paint: yellow}, {text: ""}}, {{text: "ünïcödé"}, {text: "x"}, {text: "bob"}}})
	tab.print([][]cell{{{text: "later"}, {text: "Approved"}, {text: "alice"}}})
	want := `NAME      STATE     BY
a name    Pending   -
ünïcödé   x         bob
later     Approved   alice
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", &out, want)
	}
	out.Reset()
	(&table{out: &out, colours: true, head: []string{"A", "B"}}).print([][]cell{{{text: "x", paint: green}, {text: "y"}}})
	if got := out.String(); got != "A   B\n\x1b[32mx\x1b[0m   y\n" {
		t.Errorf("%q", got)
	}
}

// TestTableFits: wide characters take two columns, and what a terminal has no room for is taken
// from one column, for as long as that has any.
func TestTableFits(t *testing.T) {
	t.Parallel()
	for room, cut := range map[int]string{
		0:  "Deploy shop 1.5.3 to the region of Seoul",
		46: "Deploy shop 1.5.3 to the reg…",
		10: "Deploy shop 1.5…", // no room for less than that
	} {
		var out bytes.Buffer
		(&table{out: &out, head: []string{"NAME", "WHAT", "BY"}, room: room, elastic: 1}).print([][]cell{
			{{text: "first"}, {text: "배포 쇼핑 1.5.3, 서울 지역 클러스터"}, {text: "bob"}},
			{{text: "second"}, {text: "Deploy shop 1.5.3 to the region of Seoul"}, {text: "alice"}},
		})
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		at := func(l, word string) int { before, _, _ := strings.Cut(l, word); return columns(before) }
		if len(lines) != 3 || !strings.Contains(lines[2], cut+"   alice") || at(lines[1], "bob") != at(lines[2], "alice") || at(lines[0], "BY") != at(lines[2], "alice") {
			t.Errorf("in %d columns:\n%s", room, &out)
		}
		for _, l := range lines {
			if room == 46 && columns(l) > room {
				t.Errorf("%d columns: %s", columns(l), l)
			}
		}
	}
}

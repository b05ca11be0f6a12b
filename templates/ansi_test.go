package templates

import (
	"bytes"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/evidence/report"
)

func TestParseANSI(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain", "a\nb\n", "a|b|"},
		{"no last newline", "a\nb", "a|b|"},
		{"empty line", "a\n\nb", "a||b|"},
		{"nothing", "", ""},
		{"colour", "\x1b[31mred\x1b[0m ink", "{fg1:red} ink|"},
		{"empty parameter resets", "\x1b[31mred\x1b[m ink", "{fg1:red} ink|"},
		{"many at once", "\x1b[1;4;92mx", "{bold under fg10:x}|"},
		{"over lines", "\x1b[32ma\nb\x1b[39mc", "{fg2:a}|{fg2:b}c|"},
		{"bold off", "\x1b[1ma\x1b[22mb", "{bold:a}b|"},
		{"same style joins", "\x1b[31ma\x1b[31mb", "{fg1:ab}|"},
		{"256 colours", "\x1b[38;5;196mx\x1b[38;5;21my", "{fg9:x}{fg12:y}|"},
		{"256 colours, grey", "\x1b[38;5;240mx", "{fg8:x}|"},
		{"true colour", "\x1b[38;2;255;0;0mx", "{fg9:x}|"},
		{"true colour, colons", "\x1b[38:2:255:0:0mx", "{fg9:x}|"},
		{"broken extended colour", "\x1b[38;5mx", "x|"},
		{"a background brings its own colour", "\x1b[31;41mx", "{bg1:x}|"},
		{"black on black is no hiding place", "\x1b[30;40mx", "{bg0:x}|"},
		{"inverse brings its own colours", "\x1b[7;37mx", "{inverse:x}|"},
		{"concealed is shown", "\x1b[8mx", "x|"},
		{"cursor and screen", "a\x1b[2J\x1b[1;1H\x1b[?25lb", "ab|"},
		{"title", "a\x1b]0;title\ab", "ab|"},
		{"link keeps its text", "\x1b]8;;https://evil.example/\x1b\\text\x1b]8;;\x1b\\", "text|"},
		{"an OSC without end hides nothing", "a\x1b]b\nc", "ab|c|"},
		{"nor does one that ends on another line", "a\x1b]b\nc\ad", "ab|cd|"},
		{"nor a long one", "\x1b]" + strings.Repeat("x", 2048) + "\a", strings.Repeat("x", 2048) + "|"},
		{"8-bit introducers", "\u009b31mx\u009d0;t\u009cy", "{fg1:xy}|"},
		{"charset", "\x1b(Ba\x1b=b", "ab|"},
		{"broken CSI", "a\x1b[3\u00e9", "a\u00e9|"},
		{"cut CSI", "a\x1b[3", "a|"},
		{"CSI without end", "\x1b[" + strings.Repeat("1", 99) + "m", strings.Repeat("1", 99) + "m|"},
		{"huge parameter", "\x1b[99999999999999999999mx", "x|"},
		{"private parameters are no SGR", "\x1b[>31mx", "x|"},
		{"carriage return covers nothing", "real\rfake\r\nnext", "real|fake|next|"},
		{"backspace erases nothing", "abc\b\b\bxyz", "abcxyz|"},
		{"bidi is shown", "a\u202eb", "a[U+202E]b|"},
		{"bad UTF-8", "a\xffb", "a\ufffdb|"},
		{"tab", "a\tb", "a\tb|"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b strings.Builder
			for _, l := range parseANSI(c.in) {
				for _, s := range l.Spans {
					if s.Class == "" {
						b.WriteString(s.Text)
					} else {
						b.WriteString("{" + s.Class + ":" + s.Text + "}")
					}
				}
				b.WriteString("|")
			}
			if got := b.String(); got != c.want {
				t.Errorf("parseANSI(%q)\n got %q\nwant %q", c.in, got, c.want)
			}
		})
	}
}

// FuzzANSI: whatever a program writes, the page shows no escape character, its
// tags are balanced, and no letter or digit outside of sequences is lost.
func FuzzANSI(f *testing.F) {
	for _, s := range []string{planText, "\x1b[31mred", "\x1b]8;;x\a", "\u009b1m\u009dx", "</pre><script>", "\x1b[38;2;1;2;3;4m\x1b[\x1b[m", hostile().Shown[0].Value[:600]} {
		f.Add(s)
	}
	set := newSet(f)
	f.Fuzz(func(t *testing.T, s string) {
		o, _ := newOutput(approvals.Param{Name: "out", Value: s}, report.Auto, newReader(previewNow, English), &room{left: maxPage})
		var b bytes.Buffer
		if err := set.in(English).html.ExecuteTemplate(&b, "output", o); err != nil {
			t.Fatal(err)
		}
		got := b.String()
		if i := strings.IndexFunc(got, func(r rune) bool { return deceptive(r) }); i >= 0 {
			t.Errorf("%q at %d in the output of %q", got[i], i, s)
		}
		checkPage(t, got)
		if o.Format == string(report.Text) && !strings.ContainsAny(s, "\x1b\u009b\u009d\u0090\u0098\u009e\u009f") && len(s) < maxOutput && strings.Count(s, "\n")+strings.Count(s, "\r") < maxLines {
			if a, b := letters(s), letters(o.Text()); a != b && !strings.Contains(o.Text(), "[U+") {
				t.Errorf("text was lost\n  of %q\nleft %q", a, b)
			}
		}
	})
}

func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f {
			return r
		}
		return -1
	}, s)
}

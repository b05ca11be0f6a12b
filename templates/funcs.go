package templates

import (
	"fmt"
	"net/url"
	"strings"
)

// funcs are the functions of the templates, besides the methods of View. Overrides may use them,
// too.
var funcs = map[string]any{
	"host":    host,
	"indent":  indent,
	"brief":   func(most int, s string) string { return brief(s, most) },
	"list":    list,
	"more":    func(n int, unit string) string { return plural(n, "more "+unit) },
	"pieces":  pieces,
	"plural":  plural,
	"size":    size,
	"add":     func(a, b int) int { return a + b },
	"sub":     func(a, b int) int { return a - b },
	"version": func() string { return "" }, // see Set.Version
	"upto":    func(n int) []struct{} { return make([]struct{}, max(0, min(n, 64))) },
}

// host returns the host of a link for its text, with the port, and "" when address is no URL.
func host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return line(u.Host)
}

// size is a number of bytes as people write it: "812 bytes", "38 KB".
func size(n int) string {
	if n < 1<<10 {
		return plural(n, "byte")
	}
	return fmt.Sprintf("%d KB", (n+1<<9)>>10)
}

// list joins names as a sentence does.
func list(names []string) string {
	const most = 8
	if len(names) > most {
		names = append(names[:most:most], plural(len(names)-most, "other"))
	}
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	return strings.Join(names, "")
}

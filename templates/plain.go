package templates

// Plain is other people's text for machines that will show it to people: at most
// most bytes, with what is invisible made visible.
func Plain(s string, most int) string {
	start, more := cut(s, most)
	s = visible(start)
	if more > 0 {
		s += "…"
	}
	return s
}

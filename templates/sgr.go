package templates

import (
	"strconv"
	"strings"
)

// sgr is s after the control sequence seq; seq that is no SGR changes nothing.
func (s style) sgr(seq string) style {
	body, ok := strings.CutSuffix(seq, "m")
	if !ok {
		return s
	}
	if b, ok := strings.CutPrefix(body, "\x1b["); ok {
		body = b
	} else if b, ok := strings.CutPrefix(body, "\u009b"); ok {
		body = b
	} else {
		return s
	}
	if strings.Trim(body, "0123456789;:") != "" {
		return s
	}
	var codes []int
	for _, c := range strings.FieldsFunc(";"+body, func(r rune) bool { return r == ';' || r == ':' }) {
		n, err := strconv.Atoi(c)
		if err != nil {
			return s
		}
		codes = append(codes, n)
	}
	if len(codes) == 0 {
		return style{}
	}
	for len(codes) > 0 {
		used := 1
		switch c := codes[0]; c {
		case 38, 48:
			var colour int
			colour, used = extended(codes)
			if c == 38 {
				s.fg = colour
			} else {
				s.bg = colour
			}
		default:
			s = s.code(c)
		}
		codes = codes[used:]
	}
	return s
}

func (s style) code(c int) style {
	switch {
	case c == 0:
		return style{}
	case c == 1:
		s.bold = true
	case c == 2:
		s.dim = true
	case c == 3:
		s.italic = true
	case c == 4:
		s.under = true
	case c == 7:
		s.inverse = true
	case c == 9:
		s.strike = true
	case c == 22:
		s.bold, s.dim = false, false
	case c == 23:
		s.italic = false
	case c == 24:
		s.under = false
	case c == 27:
		s.inverse = false
	case c == 29:
		s.strike = false
	case c >= 30 && c <= 37:
		s.fg = c - 30 + 1
	case c == 39:
		s.fg = 0
	case c >= 40 && c <= 47:
		s.bg = c - 40 + 1
	case c == 49:
		s.bg = 0
	case c >= 90 && c <= 97:
		s.fg = c - 90 + 9
	case c >= 100 && c <= 107:
		s.bg = c - 100 + 9
	}
	return s
}

// extended reads 38;5;n or 38;2;r;g;b: the nearest of our 16 colours, since a
// page without inline style cannot have any colour, and how many codes it took.
func extended(codes []int) (colour, used int) {
	switch {
	case len(codes) >= 3 && codes[1] == 5:
		return nearest(codes[2]) + 1, 3
	case len(codes) >= 5 && codes[1] == 2:
		level := func(v int) int { return min(max(v, 0), 255) * 5 / 255 }
		return nearest(16+36*level(codes[2])+6*level(codes[3])+level(codes[4])) + 1, 5
	}
	return 0, len(codes)
}

// nearest returns one of the 16 colours, from 0, that is similar to colour n of 256. It is 7 for an n
// out of bounds.
func nearest(n int) int {
	switch {
	case n < 0 || n > 255:
		return 7
	case n < 16:
		return n
	case n >= 244:
		return 7
	case n >= 232:
		return 8
	}
	n -= 16
	r, g, b := n/36, n/6%6, n%6
	most := max(r, g, b)
	c := 0
	for bit, v := range []int{r, g, b} {
		if most > 0 && v*2 > most {
			c |= 1 << bit
		}
	}
	if most >= 4 {
		c += 8
	}
	return c
}

package templates

import (
	"fmt"
	"strings"
	"time"
)

// Moment is a time as it is shown: absolute, in the zone of now, and seen from now.
type Moment struct {
	At       time.Time
	ISO      string // for machines
	Absolute string
	Rel      string // "in 3 hours", "5 minutes ago"
	Span     string // "3 hours": how long ago, or how long to go
}

func newMoment(t, now time.Time) Moment {
	if t.IsZero() {
		return Moment{}
	}
	zone := now.Location()
	if zone == time.Local { // of the machine, which is nobody's
		zone = time.UTC
	}
	t = t.In(zone)
	return Moment{At: t, ISO: t.UTC().Format(time.RFC3339), Absolute: t.Format(zoned), Rel: relative(t.Sub(now)), Span: strings.TrimPrefix(relative(max(t.Sub(now).Abs(), 1)), "in ")}
}

// stamp is the time of rendering, for the script that shows times.
func stamp(now time.Time) string { return now.UTC().Format("2006-01-02T15:04:05.000Z") }

func relative(d time.Duration) string {
	left := d.Abs()
	if left < 45*time.Second {
		if d > 0 {
			return "in less than a minute"
		}
		return "just now"
	}
	s := span(left)
	if d > 0 {
		return "in " + s
	}
	return s + " ago"
}

// span returns d in words: in minutes, up to 6 hours in hours and minutes, then in hours, and in days
// from 2 days on. It cuts and does not round, but for seconds.
func span(d time.Duration) string {
	minutes := int(d.Round(time.Minute) / time.Minute)
	switch hours := minutes / 60; {
	case minutes < 60:
		return plural(minutes, "minute")
	case hours < 6 && minutes%60 != 0:
		return plural(hours, "hour") + " " + plural(minutes%60, "minute")
	case hours < 48:
		return plural(hours, "hour")
	default:
		return plural(hours/24, "day")
	}
}

func plural(n int, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}

package templates

import (
	"strings"
	"time"
)

// reader is for whom a page or message is made: at which time, in which zone, and in which language.
type reader struct {
	now  time.Time
	zone *time.Location // of a message; nil for a page, whose times a script shows in the reader's own
	*printer
}

func newReader(now time.Time, language string) reader { return reader{now, nil, printerOf(language)} }

// Moment is a time as it is shown: absolute, in the zone of the reader, and seen from now.
type Moment struct {
	At       time.Time
	ISO      string // for machines
	Absolute string
	Rel      string // "in 3 hours", "5 minutes ago"
	Span     string // "3 hours": how long ago, or how long to go
}

func (r reader) moment(t time.Time) Moment {
	if t.IsZero() {
		return Moment{}
	}
	zone := r.now.Location()
	if zone == time.Local { // of the machine, which is nobody's
		zone = time.UTC
	}
	t = t.In(zone)
	return Moment{At: t, ISO: t.UTC().Format(time.RFC3339), Absolute: r.absolute(t), Rel: r.relative(t.Sub(r.now)), Span: r.lapse(t.Sub(r.now).Abs())}
}

// stamp is the time of rendering, for the script that shows times.
func stamp(now time.Time) string { return now.UTC().Format("2006-01-02T15:04:05.000Z") }

// absolute returns t in its own zone, with the names of days and months in p's language.
func (p *printer) absolute(t time.Time) string {
	layout := p.t("Mon 2 Jan 2006, 15:04 MST")
	if p.english {
		return t.Format(layout)
	}
	// Go writes these names in English only.
	s := t.Format(strings.NewReplacer("Mon", "\x01", "Jan", "\x02").Replace(layout))
	days := [...]string{p.t("Sun"), p.t("Mon"), p.t("Tue"), p.t("Wed"), p.t("Thu"), p.t("Fri"), p.t("Sat")}
	months := [...]string{
		p.t("Jan"), p.t("Feb"), p.t("Mar"), p.t("Apr"), p.t("May"), p.t("Jun"), p.t("Jul"), p.t("Aug"), p.t("Sep"), p.t("Oct"), p.t("Nov"), p.t("Dec"),
	}
	return strings.NewReplacer("\x01", days[t.Weekday()], "\x02", months[t.Month()-1]).Replace(s)
}

// brief moments are called "now".
const moments = 45 * time.Second

func (p *printer) relative(d time.Duration) string {
	left := d.Abs()
	switch {
	case left < moments && d > 0:
		return p.t("in less than a minute")
	case left < moments:
		return p.t("just now")
	case d > 0:
		return p.t("in %s", p.span(left))
	}
	return p.t("%s ago", p.span(left))
}

// lapse is d in words that follow "waiting for".
func (p *printer) lapse(d time.Duration) string {
	if d < moments {
		return p.t("less than a minute")
	}
	return p.span(d)
}

// span returns d in words: in minutes, up to 6 hours in hours and minutes, then in hours, and in days
// from 2 days on. It cuts and does not round, but for seconds.
func (p *printer) span(d time.Duration) string {
	minutes := int(d.Round(time.Minute) / time.Minute)
	switch hours := minutes / 60; {
	case minutes < 60:
		return p.minutes(minutes)
	case hours < 6 && minutes%60 != 0:
		return p.t("%s %s", p.hours(hours), p.minutes(minutes%60))
	case hours < 48:
		return p.hours(hours)
	default:
		return p.n(hours/24, "%d day", "%d days")
	}
}

func (p *printer) minutes(n int) string { return p.n(n, "%d minute", "%d minutes") }

func (p *printer) hours(n int) string { return p.n(n, "%d hour", "%d hours") }

// plural counts a unit of an operator's own templates, which has a translation where our own
// sentences have the same words.
func (p *printer) plural(n int, unit string) string { return p.n(n, "%d "+unit, "%d "+unit+"s") }

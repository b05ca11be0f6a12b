package templates

import "time"

// Voice says things to one person in a chat: in their language, with times in their zone.
type Voice struct{ in reader }

// NewVoice makes a Voice for a language, English for one that is none of Languages. No zone is UTC.
func NewVoice(language string, zone *time.Location) Voice {
	if zone == nil {
		zone = time.UTC
	}
	return Voice{reader{time.Time{}.In(zone), zone, printerOf(language)}}
}

// Say returns a sentence of a channel's own.
func (v Voice) Say(key string, args ...any) string { return v.in.t(key, args...) }

// Sentence returns what another package says, such as an error's message, as a page shows it. It names the
// person, as whom a chat may not know them.
func (v Voice) Sentence(s string) string { return v.in.inZone(v.in.sentenceOf(s, true)) }

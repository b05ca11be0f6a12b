package templates

import (
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
)

// TestVoice: each language has a refusal whole, with its time in its own form and in the zone of who is told.
func TestVoice(t *testing.T) {
	t.Parallel()
	const late = "this was already rejected by bob at 2026-11-05T12:03:00Z. Your vote was not counted"
	for tag, want := range map[string]string{
		"en":      "This was already rejected by bob at Thu 5 Nov 2026, 21:03 KST. Your vote was not counted.",
		"fr":      "This was already rejected by bob at Thu 5 Nov 2026, 21:03 KST. Your vote was not counted.",
		"de":      "Die Anfrage wurde am Do., 5. Nov. 2026, 21:03 KST schon von bob abgelehnt. Ihre Stimme wurde nicht gezählt.",
		"ja":      "2026年11月5日(木) 21:03 KST に bob さんがすでに却下しています。投票は数えられていません。",
		"ko":      "2026년 11월 5일 (목) 21:03 KST에 이미 bob 님이 거부했습니다. 투표는 집계되지 않았습니다.",
		"zh-Hans": "此请求已于 2026年11月5日周四 21:03 KST 由 bob 拒绝。您的投票未计入。",
	} {
		if got := NewVoice(tag, zone(t, "Asia/Seoul")).Sentence(late); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", tag, got, want)
		}
	}
	if got, want := NewVoice("ja", nil).Sentence("the deadline passed at 2026-11-05T12:03:00Z"), "2026年11月5日(木) 12:03 UTC に期限を過ぎました。"; got != want {
		t.Errorf("without a zone: got %s, want %s", got, want)
	}
}

// TestTimesInSentences: a time in a sentence of another package is in a mail as the mail's other times are, and
// on a page one that a script shows in the reader's zone.
func TestTimesInSentences(t *testing.T) {
	t.Parallel()
	s := newSet(t)
	d := pending()
	d.Language = "ja"
	d.Approval.Preflight = approvals.NewPreflight([]approvals.Problem{{Reason: "TokenExpired", Message: "the token of the run expired at 2026-11-05T12:03:00Z"}})
	if got, want := page(t, s, d), `<time datetime="2026-11-05T12:03:00Z">2026年11月5日(木) 12:03 UTC</time>`; !strings.Contains(got, want) {
		t.Errorf("the page lacks %s", want)
	}
	d.Zone = zone(t, "Asia/Seoul")
	m := mail(t, s, d)
	for where, got := range map[string]string{"text": m.Text, "HTML": m.HTML} {
		if want := "2026年11月5日(木) 21:03 KST"; !strings.Contains(got, want) || strings.Contains(got, "UTC") {
			t.Errorf("the mail's %s lacks %s, or has times of UTC:\n%s", where, want, got)
		}
	}
}

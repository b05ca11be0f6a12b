package templates

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct{ accept, chosen, want string }{
		{"", "", "en"},
		{"de", "", "de"},
		{"de-AT,de;q=0.9,en;q=0.5", "", "de"},
		{"fr,ko;q=0.8", "", "ko"},
		{"fr", "", "en"},
		{"zh-CN,zh;q=0.9", "", "zh-Hans"},
		{"ja-JP", "", "ja"},
		{"en-GB,de;q=0.9", "", "en"},
		{"de", "ja", "ja"},
		{"de", "xx", "de"},
		{"de", "ZH-HANS", "zh-Hans"},
		{"!!", "", "en"},
		{strings.Repeat("x-", 10_000), "", "en"},
	} {
		if got := Match(c.accept, c.chosen); got != c.want {
			t.Errorf("Match(%.40q, %q) = %q, want %q", c.accept, c.chosen, got, c.want)
		}
	}
}

func TestLanguages(t *testing.T) {
	want := []Language{{"en", "English"}, {"de", "Deutsch"}, {"ja", "日本語"}, {"ko", "한국어"}, {"zh-Hans", "简体中文"}}
	if got := Languages(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestPrinter(t *testing.T) {
	at := time.Date(2026, 3, 5, 14, 3, 0, 0, time.UTC)
	for tag, want := range map[string][]string{
		"en":      {"Thu 5 Mar 2026, 14:03 UTC", "in 1 hour 5 minutes", "2 days ago", "a, b and c", "failed after 3 min 5 s"},
		"de":      {"Do., 5. März 2026, 14:03 UTC", "in 1 Stunde 5 Minuten", "vor 2 Tagen", "a, b und c", "nach 3 min 5 s fehlgeschlagen"},
		"ko":      {"2026년 3월 5일 (목) 14:03 UTC", "1시간 5분 후", "2일 전", "a, b 및 c", "3분 5초 만에 실패"},
		"ja":      {"2026年3月5日(木) 14:03 UTC", "1 時間 5 分後", "2 日前", "a、b と c", "3 分 5 秒 で失敗"},
		"zh-Hans": {"2026年3月5日周四 14:03 UTC", "1 小时 5 分钟后", "2 天前", "a、b 和 c", "3 分 5 秒后失败"},
	} {
		p := printerOf(tag)
		got := []string{
			p.absolute(at), p.relative(65 * time.Minute), p.relative(-50 * time.Hour), p.list([]string{"a", "b", "c"}),
			p.t("failed after %s", p.lasted(185*time.Second)),
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s:\ngot  %q\nwant %q", tag, got, want)
		}
	}
}

func TestTold(t *testing.T) {
	for in, want := range map[string]string{
		"": "",
		"We couldn't check your access in 2 namespaces. Reload in a moment.":                      "Wir konnten Ihren Zugriff in 2 Namespaces nicht prüfen. Laden Sie die Seite gleich noch einmal.",
		"something that nobody translated":                                                        "Something that nobody translated.",
		"you (alice) are not an approver here":                                                    "Sie (alice) gehören hier nicht zu denen, die freigeben.",
		"you (alice) are not an approver here; bob, group ops can decide":                         "Sie (alice) gehören hier nicht zu denen, die freigeben; entscheiden kann: bob, Gruppe ops.",
		"this was already approved by bob at 2026-11-05T12:03:00Z":                                "Die Anfrage wurde am Thu 5 Nov 2026, 12:03 UTC schon von bob freigegeben.",
		"this was already rejected by bob at 2026-11-05T12:03:00Z. Your vote was not counted":     "Die Anfrage wurde am Thu 5 Nov 2026, 12:03 UTC schon von bob abgelehnt. Ihre Stimme wurde nicht gezählt.",
		"this was cancelled by bob at 2026-11-05T12:03:00Z: not now: at 5":                        "Die Anfrage wurde am Thu 5 Nov 2026, 12:03 UTC von bob abgebrochen: not now: at 5.",
		`input "size" is "\"x\" at y": it must be one of small, large; your vote was not counted`: `Die Eingabe "size" ist "\"x\" at y": Sie muss einer dieser Werte sein: small, large; Ihre Stimme wurde nicht gezählt.`,
		`nobody can decide this yet: GatePolicy "p", field minApprovals: gate "g" requires 1 approval, and at least 2 are needed: use strategy QUORUM with required: 2; GatePolicy "q", field allowedOnExpiry: the Gate inside the Trigger has onExpiry: Approve: use Expire, Reject`: `Noch kann niemand entscheiden: GatePolicy "p", Feld minApprovals: gate "g" verlangt 1 Freigabe, nötig sind mindestens 2: Verwenden Sie strategy QUORUM mit required: 2; GatePolicy "q", Feld allowedOnExpiry: das Gate im Trigger hat onExpiry: Approve: Verwenden Sie Expire, Reject.`,
		"The plan says 5 to destroy, and only 3 of them are in this text, so it was cut: the others are not shown.": "Der Plan sagt „5 to destroy“, und nur 3 davon stehen in diesem Text, er wurde also abgeschnitten: Die anderen sind nicht zu sehen.",
		"The plan also invokes 2 actions of a provider, and what that does is in none of the numbers.":              "Der Plan ruft außerdem 2 Aktionen eines Providers auf; was damit geschieht, ist in keiner der Zahlen enthalten.",
		"what nobody translated. Your vote was not counted":                                                         "What nobody translated. Your vote was not counted.",
		"the run of a can't be started again: gate \"g\" does not allow it (rerun.limit); request approval again, which does not repeat the first pipeline: tkn approval again a, or the button on its page; nothing was changed": `Der Lauf von a kann nicht noch einmal gestartet werden: gate "g" erlaubt es nicht (rerun.limit); fragen Sie die Freigabe neu an, wobei die erste Pipeline nicht noch einmal läuft: tkn approval again a, oder die Schaltfläche auf der Seite; es wurde nichts geändert.`,
		"you belong to another organisation's Slack, so we can't tell who you are. Decide on the page, or ask an administrator to list Slack user U1 under users of channel ops":                                                  "Sie gehören zum Slack einer anderen Organisation, daher wissen wir nicht, wer Sie sind. Entscheiden Sie auf der Seite, oder bitten Sie einen Administrator, den Slack-Benutzer U1 unter users des Kanals ops einzutragen.",
	} {
		if got := printerOf("de").sentence(in); got != want {
			t.Errorf("%q\ngot  %q\nwant %q", in, got, want)
		}
	}
}

// TestGoldenLanguages compares pages and mails of each language with their golden files.
func TestGoldenLanguages(t *testing.T) {
	s := newSet(t)
	for _, l := range Languages()[1:] {
		in := func(name string) Data { return with(preview(t, name), func(d *Data) { d.Language = l.Tag }) }
		files := map[string]string{}
		for _, name := range []string{"pending", "quorum-my-vote", "expired", "run-failed-operator", "discussion", "task", "event"} {
			files[name+".html"] = page(t, s, in(name))
		}
		m := mail(t, s, in("warned"))
		files["warned.mail.html"], files["warned.mail.txt"] = m.HTML, "Subject: "+m.Subject+"\n\n"+m.Text
		m, err := s.Outcome(in("rejected"))
		if err != nil {
			t.Fatal(err)
		}
		files["rejected.outcome.mail.html"], files["rejected.outcome.txt"] = m.HTML, "Subject: "+m.Subject+"\n\n"+m.Text
		if m.Language != l.Tag {
			t.Errorf("a mail in %s says that it is in %q", l.Tag, m.Language)
		}
		list := ListPreviews()[0].List
		list.Language = l.Tag
		files["board.html"] = listPage(t, s, list)
		operations := OperationsPreviews()[0].Operations
		operations.Language = l.Tag
		files["operations.html"] = operationsPage(t, s, operations)
		for name, got := range files {
			golden(t, l.Tag+"/"+name, got)
			if strings.Contains(got, "%!") {
				t.Errorf("%s in %s has a value that its sentence has no place for", name, l.Tag)
			}
			if strings.HasSuffix(name, ".html") && !strings.Contains(got, `<html lang="`+l.Tag+`">`) {
				t.Errorf("%s in %s does not say its language", name, l.Tag)
			}
			if !strings.HasSuffix(name, ".txt") && !strings.Contains(name, ".mail.") {
				checkPage(t, got)
			}
		}
	}
}

// TestHostileInEveryLanguage: what people typed is escaped, in whatever sentence it stands.
func TestHostileInEveryLanguage(t *testing.T) {
	s := newSet(t)
	for _, l := range Languages() {
		for _, name := range []string{"hostile", "hostile-run", "discussion-hostile"} {
			d := with(preview(t, name), func(d *Data) { d.Language = l.Tag })
			got := page(t, s, d)
			checkPage(t, got)
			if strings.Contains(got, "<script>alert") || strings.IndexFunc(got, deceptive) >= 0 {
				t.Errorf("%s in %s has what somebody typed as markup", name, l.Tag)
			}
			m := mail(t, s, d)
			if strings.Contains(m.HTML, "<script>alert") {
				t.Errorf("the mail of %s in %s has what somebody typed as markup", name, l.Tag)
			}
		}
	}
	p := printerOf("de")
	if got, want := string(p.html("%s approved", `<b>"x"&+'`)), "&lt;b&gt;&#34;x&#34;&amp;&#43;&#39; hat freigegeben"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestOverridesInEveryLanguage: an operator's own part is in each language, and can use its sentences.
func TestOverridesInEveryLanguage(t *testing.T) {
	s, err := New(fstest.MapFS{"own.html": {Data: []byte(`{{define "whynot"}}<p>{{t "Your decision"}}, {{more 2 "resource"}}, {{t "of my own %s" .Mailbox}}</p>{{end}}`)}})
	if err != nil {
		t.Fatal(err)
	}
	for tag, want := range map[string]string{"en": "<p>Your decision, 2 more resources, of my own </p>", "ko": "<p>내 결정, 리소스 2개 더 있음, of my own </p>"} {
		var b bytes.Buffer
		if err := s.Approval(&b, with(preview(t, "not-decidable"), func(d *Data) { d.Language, d.ByLink = tag, false })); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), want) {
			t.Errorf("%s lacks %q", tag, want)
		}
	}
}

func TestParsePO(t *testing.T) {
	good := "# a comment\nmsgid \"\"\nmsgstr \"\"\n\"Language: de\\n\"\n\n#: where\nmsgid \"a \"\n\"long one\"\nmsgstr \"ein \"\n\"langer\"\n\nmsgid \"%d x\"\nmsgid_plural \"%d xs\"\nmsgstr[0] \"%d X\"\nmsgstr[1] \"%d Xe\"\n"
	all, err := parsePO(good)
	if err != nil || len(all) != 2 || all[0].id != "a long one" || all[0].forms[0] != "ein langer" || all[1].many != "%d xs" || len(all[1].forms) != 2 {
		t.Errorf("%+v, %v", all, err)
	}
	for name, bad := range map[string]string{
		"empty translation":  "msgid \"a\"\nmsgstr \"\"\n",
		"fuzzy":              "#, fuzzy\nmsgid \"a\"\nmsgstr \"b\"\n",
		"a form too early":   "msgid \"a\"\nmsgstr[1] \"b\"\n",
		"no string":          "msgid a\n",
		"a string of nobody": "\"orphan\"\n",
		"an unknown word":    "msgid \"a\"\nmsgctxt \"x\"\nmsgstr \"b\"\n",
	} {
		if _, err := parsePO(bad); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// TestTellsEachViolation: each way in which a Gate violates a GatePolicy is explained in each language.
func TestTellsEachViolation(t *testing.T) {
	var found []approvals.Violation
	for _, from := range []approvals.Origin{approvals.FromTrigger, approvals.FromTask, ""} {
		p := approvals.Policy{
			Gate: "g", From: from, Strategy: approvals.Single, Requester: approvals.RequesterAllow, OnExpiry: approvals.ApproveOnExpiry, Lifetime: 100 * time.Hour,
			Approvers: []approvals.Approver{{Name: "bob", Email: "bob@elsewhere.example"}}, Groups: []string{"ops"}, RBAC: true, ReleaseOn: []approvals.Outcome{approvals.Rejected},
			Notify: approvals.Notify{Channels: []string{"room"}}, Rerun: approvals.RerunRule{Limit: 5},
		}
		most := 1
		strict := approvals.GatePolicy{
			Name: "p", ForbidInlineGates: true, ForbidTaskApprovers: true, MinApprovals: 1, Requester: approvals.RequesterExclude, MaxLifetime: time.Hour, MaxReruns: &most,
			AllowedOnExpiry: []approvals.ExpiryRule{approvals.ExpireOnExpiry}, ForbidUsers: true, ForbidRBAC: true, AllowedGroups: []string{"sre"}, RequiredGroups: []string{"sre"},
			AllowedMailDomains: []string{"example.com"}, AllowedChannels: []string{"other"}, AllowedAuthMethods: []approvals.AuthMethod{approvals.AuthLogin},
		}
		stricter := approvals.GatePolicy{Name: "q", MinApprovals: 3, Requester: approvals.RequesterRequired, AllowedAuthMethods: []approvals.AuthMethod{approvals.AuthLink}}
		found = append(found, p.Within([]approvals.GatePolicy{strict, stricter, {Name: "r", Invalid: "it has no selector"}})...)
	}
	if len(found) < 30 {
		t.Fatalf("only %d are found", len(found))
	}
	for _, tag := range []string{"de", "ja", "ko", "zh-Hans"} {
		p := printerOf(tag)
		for _, v := range found {
			if p.told(v.Message) == v.Message {
				t.Errorf("%s: %s", tag, v.Message)
			}
			if of := v.String(); p.told(of) == of || strings.Contains(p.told(of), v.Message) {
				t.Errorf("%s: %s", tag, p.told(of))
			}
		}
	}
}

// TestFullStop: a sentence ends as its language ends one, and what nobody translated as English does.
func TestFullStop(t *testing.T) {
	const refused = "you (alice) are not an approver here"
	for tag, want := range map[string]string{"en": ".", "de": ".", "ko": ".", "ja": "。", "zh-Hans": "。"} {
		p := printerOf(tag)
		if got := p.sentence(refused); !strings.HasSuffix(got, want) || strings.HasSuffix(got, want+want) {
			t.Errorf("%s: %q", tag, got)
		}
		if got := p.sentence(p.sentence(refused)); got != p.sentence(refused) {
			t.Errorf("%s: twice it is %q", tag, got)
		}
		if got := p.sentence("what nobody translated"); got != "What nobody translated." {
			t.Errorf("%s: %q", tag, got)
		}
	}
}

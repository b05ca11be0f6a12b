package approvals

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/countersign-dev/countersign/approvals/evidence"
)

// About is the text that approvers read: title, instructions and links. It is worked out once,
// when the Approval is resolved, and is part of what is approved.
type About struct {
	Title        string `json:",omitempty"` // one line; "": it is called by its Trigger
	Instructions string `json:",omitempty"` // for approvers, in a small Markdown
	Links        []Link `json:",omitempty"`
}

// Link leads approvers to something that they need, such as a runbook.
type Link struct{ Name, URL string }

// Limits of About, which the CRD schema has too.
const (
	MaxTitle        = 200  // characters
	MaxInstructions = 4096 // bytes, the Gate's and the Trigger's together
	MaxLinks        = 8
	MaxLinkName     = 63
	MaxLinkURL      = 1024
)

// CleanTitle is s as a title: one line without control characters, cut where it is too long.
func CleanTitle(s string) string {
	s = strings.Join(strings.Fields(Printable(Cut(s, 16*MaxTitle))), " ")
	if utf8.RuneCountInString(s) <= MaxTitle {
		return s
	}
	return string([]rune(s)[:MaxTitle-1]) + "…"
}

// CheckLink says why l can't be put before people. Only https leads on: what they see there
// helps them decide, so nobody in between may change it.
func CheckLink(l Link) error {
	u, err := url.Parse(l.URL)
	switch {
	case len(l.URL) > MaxLinkURL:
		return Errorf(CodeInvalid, "link %q has %d bytes and the limit is %d", l.Name, len(l.URL), MaxLinkURL)
	case err != nil || u.Host == "" || u.User != nil || strings.ContainsFunc(l.URL, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return Errorf(CodeInvalid, "link %q leads to %q, which is not a complete address: use https://host/path", l.Name, Cut(l.URL, MaxQuoted))
	case u.Scheme != "https":
		return Errorf(CodeInvalid, "link %q leads to %q: use https", l.Name, Cut(l.URL, MaxQuoted))
	}
	return nil
}

// Headline names a in lists, subjects and headings: by its title, or by the pipeline that it
// starts.
func (a Approval) Headline() string {
	if a.Resolved != nil && a.Resolved.About.Title != "" {
		return a.Resolved.About.Title
	}
	return a.Title()
}

// ContentDigest is the digest of what t asks to approve, where template is what the Trigger
// and its template are now.
func (t ResolvedSpec) ContentDigest(namespace, trigger, template string, s Source) string {
	digest := ContentDigest(namespace, trigger, template, s, t.Params, t.Target, t.References...)
	if len(t.Evidence) > 0 {
		digest = Digest("evidence", digest, evidence.BoundOf(t.Evidence))
	}
	if t.About.Title == "" && t.About.Instructions == "" && len(t.About.Links) == 0 {
		return digest // as it was before there were any
	}
	return Digest("about", digest, t.About)
}

// versions are the names that params and results have for what is delivered, the most telling
// first.
var versions = []string{
	"version", "app-version", "app_version", "appVersion", "chart-version", "release", "tag", "image-tag", "image_tag", "imageTag", "git-tag",
	"image", "image-url", "image_url", "revision", "git-revision", "git_revision", "commit", "commit-sha", "commit_sha", "git-commit", "sha", "git-sha",
}

// VersionOf finds a version, tag or commit by the names of values, in the first list that has
// one, and "" where none has.
func VersionOf(lists ...[]Param) string {
	const most = 60
	for _, ps := range lists {
		values := ByName(ps)
		for _, n := range versions {
			if v := version(strings.TrimSpace(values[n])); v != "" && utf8.RuneCountInString(v) <= most && !strings.ContainsAny(v, "\n\t") {
				return v
			}
		}
	}
	return ""
}

// version shortens what nobody reads whole: a registry, a digest, a hash.
func version(s string) string {
	s = strings.TrimPrefix(strings.TrimPrefix(s, "refs/tags/"), "refs/heads/")
	if name, digest, ok := strings.Cut(s, "@sha256:"); ok {
		name = name[strings.LastIndexByte(name, '/')+1:]
		if strings.Contains(name, ":") || len(digest) < 12 {
			return name
		}
		return name + "@" + digest[:12]
	}
	if i := strings.LastIndexByte(s, '/'); i >= 0 && strings.Contains(s[i:], ":") { // an image with its registry
		return s[i+1:]
	}
	if (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == "" {
		return s[:12]
	}
	return s
}

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/demo/mailbox"
)

// alice is the approver whose mail is opened.
const alice = "alice@example.com"

// mailOf finds the mail that alice got for an Approval, nil when it is not there.
func mailOf(ctx context.Context, c *cluster, a *v1alpha1.Approval) (*mailbox.Mail, error) {
	resp, err := get(ctx, c.http(target{namespace, "app=mail", 8025}), "http://mail/api/mails")
	if err != nil {
		return nil, fmt.Errorf("the mail server: %w", err)
	}
	var mails []mailbox.Mail
	if err := json.Unmarshal(resp, &mails); err != nil {
		return nil, fmt.Errorf("the mail server: %w", err)
	}
	i := slices.IndexFunc(mails, func(m mailbox.Mail) bool {
		return slices.Contains(m.To, alice) && strings.Contains(m.Text, a.Namespace+"/"+a.Name)
	})
	if i < 0 {
		return nil, nil
	}
	return &mails[i], nil
}

var linkPattern = regexp.MustCompile(`https?://\S+/links/[A-Za-z0-9_.-]+`)

// linkIn takes the link out of a mail, as a reader does.
func linkIn(m *mailbox.Mail) (string, error) {
	l := linkPattern.FindString(m.Text)
	if l == "" {
		return "", fmt.Errorf("no link in the mail %q", m.Subject)
	}
	return l, nil
}

// voteByLink does what a person does with the mail: opens the link, which shows
// the page and decides nothing, and posts the page's form.
func voteByLink(ctx context.Context, link, vote, comment string) error {
	browser := &http.Client{Timeout: 15 * time.Second, Transport: &http.Transport{Proxy: nil}}
	page, err := get(ctx, browser, link)
	if err != nil {
		return fmt.Errorf("open the link: %w", err)
	}
	if !strings.Contains(string(page), `value="`+vote+`"`) {
		return fmt.Errorf("the page has no button %q", vote)
	}
	form := url.Values{"vote": {vote}, "comment": {comment}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, link, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if _, err := do(browser, req); err != nil {
		return fmt.Errorf("post the form: %w", err)
	}
	return nil
}

func get(ctx context.Context, c *http.Client, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	return do(c, req)
}

func do(c *http.Client, req *http.Request) ([]byte, error) {
	resp, err := c.Do(req)
	if err != nil {
		return nil, err
	}
	defer closing(resp.Body)
	b, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %.300s", resp.Status, b)
	}
	return b, nil
}

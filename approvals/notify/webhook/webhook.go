// Package webhook posts events about approvals to any program: CloudEvents as JSON,
// signed according to Standard Webhooks.
package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/approvals/notify"
	"github.com/countersign-dev/countersign/approvals/notify/outbound"
	"github.com/countersign-dev/countersign/templates"
)

// Channel posts to one address.
type Channel struct {
	Config Config // exported: fmt hides a Secret only where it can see it
	data   func(a approvals.Approval, approver string) (templates.Data, error)
	now    func() time.Time
	out    *outbound.Client
}

var _ notify.Channel = (*Channel)(nil)

// New makes the channel. It calls data with approver "", because an event is for nobody in
// particular.
func New(c Config, data func(a approvals.Approval, approver string) (templates.Data, error), now func() time.Time) *Channel {
	return &Channel{Config: c, data: data, now: now, out: outbound.New("webhook "+c.Name, c.Timeout, now, append([]keyring.Secret{c.URL}, c.Keys...)...)}
}

// Close ends connections that are kept open.
func (c *Channel) Close() { c.out.Close() }

// Route is everything.
func (c *Channel) Route() notify.Route { return notify.Route{Name: c.Config.Name} }

// Send posts one event. Its id is the message's, the same however often it is
// posted: a receiver can tell that it has it already.
func (c *Channel) Send(ctx context.Context, m notify.Message) (string, error) {
	data, err := c.data(m.Approval, "")
	if err != nil {
		return "", err
	}
	now := c.now().UTC()
	body, err := json.Marshal(eventOf(m, data.Link, now))
	if err != nil {
		return "", err
	}
	ts := strconv.FormatInt(now.Unix(), 10)
	_, err = c.out.Post(ctx, c.Config.URL, http.Header{
		"Content-Type":      {"application/cloudevents+json"},
		"Webhook-Id":        {m.ID},
		"Webhook-Timestamp": {ts},
		"Webhook-Signature": {sign(c.Config.Keys, m.ID, ts, body)},
	}, body)
	return m.ID, err
}

// sign is one signature a key.
func sign(keys []keyring.Secret, id, ts string, body []byte) string {
	var all []string
	for _, k := range keys {
		h := hmac.New(sha256.New, k)
		h.Write([]byte(id + "." + ts + "."))
		h.Write(body)
		all = append(all, "v1,"+base64.StdEncoding.EncodeToString(h.Sum(nil)))
	}
	return strings.Join(all, " ")
}

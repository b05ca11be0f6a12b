package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// webhookSecret is the secret of the webhook; the first run makes it up.
func webhookSecret(ctx context.Context, c *cluster) ([]byte, error) {
	s := corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "github-webhook"},
		StringData: map[string]string{"secret": rand.Text()},
	}
	if err := c.client.Create(ctx, &s); err != nil && !apierrors.IsAlreadyExists(err) {
		return nil, fmt.Errorf("secret of the webhook: %w", err)
	}
	if err := c.client.Get(ctx, client.ObjectKeyFromObject(&s), &s); err != nil {
		return nil, fmt.Errorf("secret of the webhook: %w", err)
	}
	return s.Data["secret"], nil
}

// payload returns the parts of GitHub's push event that anybody reads.
func payload(p commit) map[string]any {
	person := map[string]any{"name": pusherName, "email": pusherEmail}
	head := map[string]any{"id": p.after, "message": p.message, "timestamp": time.Now().Format(time.RFC3339), "author": person, "committer": person}
	return map[string]any{
		"ref": "refs/heads/main", "before": p.before, "after": p.after,
		"created": p.before == none, "deleted": false, "forced": false,
		"repository": map[string]any{
			"name": "infra", "full_name": "shop/infra", "private": true, "default_branch": "main", "clone_url": inCluster,
		},
		"pusher": person, "sender": map[string]any{"login": "carol"},
		"head_commit": head, "commits": []any{head},
	}
}

// deliver posts the webhook as GitHub does and returns the EventListener's id of
// the event.
func deliver(ctx context.Context, c *cluster, p commit) (string, error) {
	secret, err := webhookSecret(ctx, c)
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(payload(p))
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write(body)
	return post(ctx, c, "terraform-push", body, http.Header{
		"User-Agent":          {"GitHub-Hookshot/demo"},
		"X-Github-Event":      {"push"},
		"X-Github-Delivery":   {rand.Text()},
		"X-Hub-Signature-256": {"sha256=" + hex.EncodeToString(mac.Sum(nil))},
	})
}

// post posts an event to an EventListener. Its 202 says only that it was read.
func post(ctx context.Context, c *cluster, listener string, body []byte, header http.Header) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://el-"+listener+":8080/", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	if header != nil {
		req.Header = header
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.http(target{namespace, "eventlistener=" + listener, 8080}).Do(req)
	if err != nil {
		return "", fmt.Errorf("EventListener %s: %w", listener, err)
	}
	defer closing(resp.Body)
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return "", fmt.Errorf("EventListener %s: %w", listener, err)
	}
	var accepted struct {
		EventID string `json:"eventID"`
	}
	if err := json.Unmarshal(raw, &accepted); err != nil || resp.StatusCode != http.StatusAccepted || accepted.EventID == "" {
		return "", fmt.Errorf("EventListener %s answered %s: %.200s", listener, resp.Status, raw)
	}
	return accepted.EventID, nil
}

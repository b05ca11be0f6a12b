package approvals_test

import (
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
)

func TestSecretName(t *testing.T) {
	for name, want := range map[string]bool{
		"password": true, "db-password": true, "DB_PASSWORD": true, "dbPassword": true, "registry.token": true, "apiToken": true, "GITHUB_TOKEN": true, "client-secret": true,
		"aws-secret-access-key": true, "api_key": true, "apikey": true, "apiKey": true, "credentials": true, "ssh-private-key": true,
		"DBPassword": true, "AWSSecretAccessKey": true, "APIKey": true, "SSHPrivateKey": true, "OAuth2Token": true, "PGPASSWORD": true, "dbpassword": true, "clientsecret": true,
		"password2": true, "db-password-2": true, "TOKEN_1": true, "token-v2": true, "passwords": true, "password-base64": true, "secret_value": true,
		"password" + strings.Repeat("-", 80): true, strings.Repeat("a-", 80) + "token": true,
		"": false, "--": false, "secret-name": false, "secretRef": false, "token-url": false, "tokenizer": false, "key": false, "public-key": false, "supersede-key": false, "digest": false, "passwords-changed": false,
		"client-key": true, "shared_key": true, "id-jwt": true, "api-keys": true,
		"GH_PAT": true, "githubPat": true, "db-pwd": true, "kubeconfig": true, "prod-kubeconfig": true, "aws-creds": true, "connectionString": true, "db_connection_string": true, "sentry-dsn": true,
		".dockerconfigjson": true, "docker-config": true, "session-id": true, "authorization": true, "otp": true, "tls.key": true,
		"pattern": false, "path": false, "compat": false, "connection-timeout": false, "config": false, "docker-config-name": false, "session": false, "author": false, "credit": false,
		"event-key": false, "2": false, "value": false, "sha256": false, "base64": false, "max-tokens": false, "publickey": false, "monkey": false, "SecretName": false, "token2url": false,
	} {
		if got := approvals.SecretName(name); got != want {
			t.Errorf("%q: %t", name, got)
		}
	}
}

// TestSecretHeader: what is a credential in one place of the name is one in any, and
// anyone who wrote a commit is none.
func TestSecretHeader(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"Authorization": true, "Proxy-Authorization": true, "Www-Authenticate": true, "X-Auth-Request-User": true, "X-Auth-Key": true, "X-Authenticated-User": true, "X-Oauth-Scopes": true,
		"X-Gitlab-Token": true, "Private-Token": true, "Job-Token": true, "X-Csrf-Token": true, "X-Amz-Security-Token": true, "X-Token-Id": true, "X-Xsrftoken": true,
		"X-Api-Key": true, "X-Apikey": true, "X-Access-Key-Id": true, "Ocp-Apim-Subscription-Key": true, "X-Functions-Key": true, "X-Api-Keys": true, "X-ApiKey": true,
		"X-Vault-Secret": true, "X-Db-Password": true, "X-Credentials": true, "X-Passcode": true, "X-Goog-Iap-Jwt-Assertion": true,
		"X-Hub-Signature": true, "X-Hub-Signature-256": true, "X-Gitea-Signature": true, "Stripe-Signature": true, "Paypal-Transmission-Sig": true, "X-Shopify-Hmac-Sha256": true,
		"X-Square-Hmacsha256-Signature": true, "X-Signature-Ed25519": true, "Cookie": true, "Set-Cookie": true, "X-Session-Id": true, "X-Sessionid": true,
		"Dpop": true, "X-Pat": true, "X-Pwd": true, "X-Jenkins-Crumb": true, "X-Amzn-Oidc-Data": true, "X-Endpoint-Api-Userinfo": true, "X-Sso-Ticket": true, "X-Kubeconfig": true,
		"X-Patch": false, "X-Path": false, "X-Compat": false,
		"X-Commit-Author": false, "X-Commit-Author-Email": false, "X-Coauthors": false, "X-Authored-At": false, "X-Authorname": false,
		"X-Event-Key": false, "Idempotency-Key": false, "X-Github-Event": false, "X-Gitlab-Event": false, "X-Hook-Uuid": false, "User-Agent": false, "Content-Type": false, "Accept": false,
		"X-Design": false, "X-Keyboard": false, "X-Secretary": false, "X-Tokenizer": false, "X-Signed-By": false, "Ce-Type": false, "": false,
	} {
		if got := approvals.SecretHeader(name); got != want {
			t.Errorf("%q: %t", name, got)
		}
	}
}

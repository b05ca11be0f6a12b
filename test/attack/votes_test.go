//go:build attack

package attack

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/approvals/link"
	"github.com/countersign-dev/countersign/test/cluster"
)

// TestForgedVotes: somebody who is no approver tries to decide by the API and by pages.
// Each try has its answer, and nothing is decided.
func TestForgedVotes(t *testing.T) {
	t.Parallel()
	a := newArena(t, "")
	a.Apply(cluster.Gated("deploy", "gate", ""))
	name := a.waiting("part-1")
	o := a.Approval(name)
	api := a.URL + "/api/v1/namespaces/" + a.NS + "/approvals/" + name
	votes := api + "/votes"
	const yes = `{"vote":"approve"}`
	bearer := func(token string) map[string]string {
		return map[string]string{"Authorization": "Bearer " + token, "Content-Type": "application/json"}
	}
	forged := func(ring keyring.Ring, c link.Claims) string {
		token, err := link.Sign(ring, c)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	claims := link.Claims{Namespace: a.NS, Name: name, UID: string(o.UID), Voter: a.approver, Expires: time.Now().Add(time.Hour)}
	other, err := a.Clientset.CoreV1().ServiceAccounts(a.NS).CreateToken(t.Context(), "approver", &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{Audiences: []string{"https://another.example"}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	stranger := a.For(t)
	_, strangersToken := stranger.Token("stranger")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"`+a.approver+`"}`)) + "."

	for title, c := range map[string]struct {
		method, address string
		header          map[string]string
		body            string
		status          int
	}{
		"nobody":                          {"POST", votes, map[string]string{"Content-Type": "application/json"}, yes, 401},
		"a name in a header":              {"POST", votes, map[string]string{"X-Forwarded-User": a.approver, "Content-Type": "application/json"}, yes, 401},
		"an e-mail address in a header":   {"POST", votes, map[string]string{"X-Forwarded-Email": a.approver, "X-Auth-Request-User": a.approver, "Content-Type": "application/json"}, yes, 401},
		"impersonation headers":           {"POST", votes, map[string]string{"Impersonate-User": a.approver, "Content-Type": "application/json"}, yes, 401},
		"a remote user":                   {"POST", votes, map[string]string{"X-Remote-User": a.approver, "Remote-User": a.approver, "Content-Type": "application/json"}, yes, 401},
		"a basic password":                {"POST", votes, map[string]string{"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte(a.approver+":x")), "Content-Type": "application/json"}, yes, 401},
		"an empty token":                  {"POST", votes, bearer(""), yes, 401},
		"a token that is none":            {"POST", votes, bearer("x"), yes, 401},
		"a token without a signature":     {"POST", votes, bearer(none), yes, 401},
		"a token for another audience":    {"POST", votes, bearer(other.Status.Token), yes, 401},
		"the token in the query":          {"POST", votes + "?access_token=" + a.token, map[string]string{"Content-Type": "application/json"}, yes, 401},
		"mallory's own token":             {"POST", votes, bearer(a.malloryToken), yes, 403},
		"mallory breaks the glass":        {"POST", votes, bearer(a.malloryToken), `{"vote":"approve","breakGlass":true,"comment":"x"}`, 403},
		"mallory in the body":             {"POST", votes, bearer(a.malloryToken), `{"vote":"approve","voter":"` + a.approver + `"}`, 400},
		"the vote in the query":           {"POST", votes + "?vote=approve", bearer(a.token), `{}`, 400},
		"by GET":                          {"GET", votes + "?vote=approve", bearer(a.token), "", 405},
		"by PUT":                          {"PUT", votes, bearer(a.token), yes, 405},
		"a vote that is none":             {"POST", votes, bearer(a.token), `{"vote":"APPROVE"}`, 400},
		"no vote":                         {"POST", votes, bearer(a.token), `{"vote":""}`, 400},
		"a list":                          {"POST", votes, bearer(a.token), `[` + yes + `]`, 400},
		"two votes in one body":           {"POST", votes, bearer(a.token), yes + yes, 400},
		"words behind the vote":           {"POST", votes, bearer(a.token), yes + ` x`, 400},
		"a body without end":              {"POST", votes, bearer(a.token), `{"vote":"approve","comment":"` + strings.Repeat("x", 2<<20) + `"}`, 413},
		"from another site's page":        {"POST", votes, map[string]string{"Authorization": "Bearer " + a.token, "Content-Type": "application/json", "Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, yes, 403},
		"an approval that is not there":   {"POST", a.URL + "/api/v1/namespaces/" + a.NS + "/approvals/nosuch/votes", bearer(strangersToken), yes, 403},
		"the session of nobody":           {"POST", votes, map[string]string{"Cookie": "__Host-countersign=x; countersign=x", "Content-Type": "application/json"}, yes, 401},
		"cancelled by mallory":            {"POST", api + "/cancel", bearer(a.malloryToken), `{"reason":"x"}`, 403},
		"retried by mallory":              {"POST", api + "/retry", bearer(a.malloryToken), `{}`, 403},
		"a link by another key":           {"POST", a.URL + "/links/" + forged(keyring.Ring{keyring.NewKey(time.Now())}, claims), nil, "vote=approve", 401},
		"a link that is cut":              {"POST", a.URL + "/links/" + forged(a.ServiceRing(), claims)[:40], nil, "vote=approve", 401},
		"a link of an approval that went": {"POST", a.URL + "/links/" + forged(a.ServiceRing(), link.Claims{Namespace: a.NS, Name: name, UID: "u", Voter: a.approver, Expires: claims.Expires}), nil, "vote=approve", 404},
		"a link that has expired":         {"POST", a.URL + "/links/" + forged(a.ServiceRing(), link.Claims{Namespace: a.NS, Name: name, UID: claims.UID, Voter: a.approver, Expires: time.Now().Add(-time.Minute)}), nil, "vote=approve", 410},
	} {
		t.Run(title, func(t *testing.T) {
			a := a.in(t)
			header, body := c.header, c.body
			if strings.Contains(c.address, "/links/") {
				v, err := url.ParseQuery(body)
				if err != nil {
					t.Fatal(err)
				}
				header, body = form(v)
			}
			if status, answer, _ := a.request(c.method, c.address, header, body); status != c.status {
				t.Errorf("%d %s, want %d", status, answer, c.status)
			}
		})
	}
	if got := a.Approval(name).Status; got.Outcome != "Pending" || len(got.Votes) != 0 {
		t.Errorf("%s, votes %+v", got.Outcome, got.Votes)
	}
	a.noRuns("deploy")
}

// TestTenantsAreNotToldApart: who has no rights in a namespace learns nothing of it: an
// Approval that is there and one that is not have the same answer.
func TestTenantsAreNotToldApart(t *testing.T) {
	t.Parallel()
	a := newArena(t, "")
	a.Apply(cluster.Gated("deploy", "gate", ""))
	name := a.waiting("part-1")
	elsewhere := cluster.New(t)
	_, token := elsewhere.Token("stranger")
	for title, token := range map[string]string{"a stranger": token, "nobody": ""} {
		for path, body := range map[string]string{"": "", "/votes": `{"vote":"approve"}`, "/cancel": `{"reason":"x"}`, "/retry": `{}`} {
			t.Run(title+path, func(t *testing.T) {
				a := a.in(t)
				ask := func(namespace, name string) string {
					method, header := http.MethodPost, map[string]string{"Content-Type": "application/json"}
					if path == "" {
						method = http.MethodGet
					}
					if token != "" {
						header["Authorization"] = "Bearer " + token
					}
					status, answer, _ := a.request(method, a.URL+"/api/v1/namespaces/"+namespace+"/approvals/"+name+path, header, body)
					b, err := json.Marshal([]any{status, strings.NewReplacer(namespace, "NS", name, "NAME").Replace(answer)})
					if err != nil {
						t.Fatal(err)
					}
					return string(b)
				}
				there, absent, nowhere := ask(a.NS, name), ask(a.NS, "deploy-aaaaaaaaaaaa"), ask("no-such-namespace", "deploy-aaaaaaaaaaaa")
				if there != absent || there != nowhere {
					t.Errorf("told apart:\nthere    %s\nabsent   %s\nnowhere  %s", there, absent, nowhere)
				}
				if strings.Contains(there, a.approver) {
					t.Errorf("it names who may decide: %s", there)
				}
			})
		}
	}
}

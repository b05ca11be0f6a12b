//go:build attack

package attack

import (
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/interceptor"
	"github.com/countersign-dev/countersign/interceptor/signature"
	"github.com/countersign-dev/countersign/test/cluster"
)

// call is a request to the interceptor's port, as an EventListener makes it: anybody in
// the cluster's network can.
type call struct {
	Body       string              `json:"body"`
	Header     map[string][]string `json:"header"`
	Extensions map[string]any      `json:"extensions,omitempty"`
	Params     map[string]any      `json:"interceptor_params"`
	Context    map[string]string   `json:"context"`
}

// TestForgedCalls: a pod without rights speaks to the interceptor itself. Each call is
// answered "stop", with the code that EventListeners read, and nothing is opened.
func TestForgedCalls(t *testing.T) {
	t.Parallel()
	a := newArena(t, "")
	a.Apply(cluster.Gated("deploy", "gate", ""))
	a.Apply(strings.ReplaceAll(cluster.Gated("other", "gate", ""), "pipeline: part-1", "pipeline: part-9"))
	name := a.waiting("part-1")
	pending := a.Approval(name)
	key := approvals.Key{Namespace: a.NS, Name: name, UID: string(pending.UID)}
	ring, now := a.ServiceRing(), time.Now()
	const body = `{"decision":"true"}`
	signed := func(ring keyring.Ring, id string, at time.Time, body string) map[string][]string {
		h := map[string][]string{"Content-Type": {"application/json"}}
		for k, v := range signature.Sign(ring, id, at, []byte(body)) {
			h[http.CanonicalHeaderKey(k)] = []string{v}
		}
		return h
	}
	with := func(h map[string][]string, k, v string) map[string][]string {
		h = maps.Clone(h)
		h[k] = []string{v}
		return h
	}
	good := signed(ring, interceptor.EventID(key), now, body)
	strange := keyring.Ring{keyring.NewKey(now)}
	completed := map[string][]string{"Ce-Type": {"dev.tekton.event.pipelinerun.successful.v1"}, "Ce-Id": {"1"}, "Ce-Specversion": {"1.0"}, "Ce-Source": {"/x"}}
	completion := func(namespace, name, uid string) string {
		b, err := json.Marshal(map[string]any{"pipelineRun": map[string]any{
			"metadata": map[string]any{"namespace": namespace, "name": name, "uid": uid},
			"status":   map[string]any{"conditions": []any{map[string]any{"type": "Succeeded", "status": "True"}}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	running := a.StartRun("running", "8")
	deploy := "namespaces/" + a.NS + "/triggers/deploy"

	// grpc's codes, as EventListeners read them.
	const ok, invalid, notFound, exists, denied, precondition, unauthenticated = 0, 3, 5, 6, 7, 9, 16
	pod := a.ServicePods()[0].Status.PodIP
	for title, c := range map[string]struct {
		call call
		code int
	}{
		"no trigger at all":                  {call{Body: "{}"}, invalid},
		"a trigger's id that is none":        {call{Body: "{}", Context: map[string]string{"trigger_id": "deploy"}}, invalid},
		"a trigger that is not there":        {call{Body: "{}", Context: map[string]string{"trigger_id": "namespaces/" + a.NS + "/triggers/nosuch"}}, notFound},
		"a trigger of another namespace":     {call{Body: "{}", Context: map[string]string{"trigger_id": "namespaces/kube-system/triggers/deploy"}}, notFound},
		"a path for a namespace":             {call{Body: "{}", Context: map[string]string{"trigger_id": "namespaces/../triggers/deploy"}}, notFound},
		"a group":                            {call{Body: "{}", Context: map[string]string{"trigger_id": "namespaces/" + a.NS + "/triggerGroups/deploy"}}, invalid},
		"a gate of the caller's":             {call{Body: "{}", Params: map[string]any{"gate": map[string]any{"approvers": map[string]any{"users": []any{map[string]any{"name": "mallory"}}}}}, Context: map[string]string{"trigger_id": deploy}}, precondition},
		"an id of ours without a signature":  {call{Body: body, Header: map[string][]string{"Webhook-Id": {interceptor.EventID(key)}}, Context: map[string]string{"trigger_id": deploy}}, unauthenticated},
		"signed by another key":              {call{Body: body, Header: signed(strange, interceptor.EventID(key), now, body), Context: map[string]string{"trigger_id": deploy}}, unauthenticated},
		"signed long ago":                    {call{Body: body, Header: signed(ring, interceptor.EventID(key), now.Add(-time.Hour), body), Context: map[string]string{"trigger_id": deploy}}, unauthenticated},
		"signed in the future":               {call{Body: body, Header: signed(ring, interceptor.EventID(key), now.Add(time.Hour), body), Context: map[string]string{"trigger_id": deploy}}, unauthenticated},
		"another body under a signature":     {call{Body: `{"decision":"false"}`, Header: good, Context: map[string]string{"trigger_id": deploy}}, unauthenticated},
		"another time under a signature":     {call{Body: body, Header: with(good, "Webhook-Timestamp", "1"), Context: map[string]string{"trigger_id": deploy}}, unauthenticated},
		"another id under a signature":       {call{Body: body, Header: with(good, "Webhook-Id", interceptor.EventID(approvals.Key{Namespace: a.NS, Name: name, UID: "u"})), Context: map[string]string{"trigger_id": deploy}}, unauthenticated},
		"an approval that is pending":        {call{Body: body, Header: good, Context: map[string]string{"trigger_id": deploy}}, precondition},
		"an approval of another trigger":     {call{Body: body, Header: good, Context: map[string]string{"trigger_id": "namespaces/" + a.NS + "/triggers/other"}}, denied},
		"an approval that is not there":      {call{Body: body, Header: signed(ring, interceptor.EventID(approvals.Key{Namespace: a.NS, Name: "deploy-aaaaaaaaaaaa", UID: "u"}), now, body), Context: map[string]string{"trigger_id": deploy}}, notFound},
		"an approval by another UID":         {call{Body: body, Header: signed(ring, interceptor.EventID(approvals.Key{Namespace: a.NS, Name: name, UID: "u"}), now, body), Context: map[string]string{"trigger_id": deploy}}, notFound},
		"a completion that is no run":        {call{Body: `{}`, Header: completed, Context: map[string]string{"trigger_id": deploy}}, precondition},
		"a completion that is no JSON":       {call{Body: `x`, Header: completed, Context: map[string]string{"trigger_id": deploy}}, invalid},
		"a completion of a run that is none": {call{Body: completion(a.NS, "nosuch", "u"), Header: completed, Context: map[string]string{"trigger_id": deploy}}, notFound},
		"a completion of a run that runs":    {call{Body: completion(a.NS, running.Name, string(running.UID)), Header: completed, Context: map[string]string{"trigger_id": deploy}}, precondition},
		"a completion by another UID":        {call{Body: completion(a.NS, running.Name, "u"), Header: completed, Context: map[string]string{"trigger_id": deploy}}, exists},
		"a completion of another namespace":  {call{Body: completion("kube-system", running.Name, string(running.UID)), Header: completed, Context: map[string]string{"trigger_id": deploy}}, precondition},
		"any other event":                    {call{Body: `{}`, Header: map[string][]string{"X-Github-Event": {"push"}}, Context: map[string]string{"trigger_id": deploy}}, precondition},
	} {
		t.Run(title, func(t *testing.T) {
			a := a.in(t)
			raw, err := json.Marshal(c.call)
			if err != nil {
				t.Fatal(err)
			}
			got := a.PostInsecure("https://"+pod+":8443/", raw)
			var answer struct {
				Continue   bool           `json:"continue"`
				Extensions map[string]any `json:"extensions"`
				Status     struct {
					Code    int    `json:"code"`
					Message string `json:"message"`
				} `json:"status"`
			}
			if err := json.Unmarshal([]byte(got.Body), &answer); err != nil {
				t.Fatalf("%d %s", got.Status, got.Body)
			}
			if answer.Continue || answer.Status.Code != c.code || len(answer.Extensions) != 0 {
				t.Errorf("%+v, want code %d", answer, c.code)
			}
		})
	}
	if n := len(a.Approvals()); n != 1 { // for the run that did succeed
		t.Errorf("%d approvals", n)
	}
	a.noRuns("deploy")
	a.noRuns("other")
}

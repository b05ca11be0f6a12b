package kubetest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	"github.com/tektoncd/triggers/pkg/template"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/interceptor"
)

const hour = time.Hour

// Listener stands in for the EventListener's pod: it asks the interceptor, starts
// the run that the interceptor lets through, and answers 202 whatever came of it.
type Listener struct {
	Cluster   *Cluster
	Processor *interceptor.Processor
	Now       func() time.Time

	mu       sync.Mutex
	requests []*http.Request
	bodies   []string
	refusals []string
	status   int  // of the next answers; 0: 202
	idle     bool // takes events and starts nothing
	pod      string
}

// Serve gives the EventListener of namespace prod a pod: what is posted to the
// ClusterIP of its Service arrives at l.
func (l *Listener) Serve(t *testing.T) {
	t.Helper()
	srv := httptest.NewServer(l)
	t.Cleanup(srv.Close)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pod = srv.Listener.Addr().String()
}

// Dial connects to the pod, if there is one, anyone who dials ClusterIP. It is for
// destination.Client.
func (l *Listener) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	l.mu.Lock()
	pod := l.pod
	l.mu.Unlock()
	if pod == "" || address != ClusterIP+":8080" {
		return nil, &net.OpError{Op: "dial", Net: network, Err: fmt.Errorf("%s: connection refused", address)}
	}
	return (&net.Dialer{}).DialContext(ctx, network, pod)
}

// Answer makes the Listener answer status and do nothing; 0 makes it work again.
func (l *Listener) Answer(status int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.status = status
}

// Idle makes it answer 202 and start nothing.
func (l *Listener) Idle(idle bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.idle = idle
}

// Requests returns the posted requests, with their bodies.
func (l *Listener) Requests() ([]*http.Request, []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.requests, l.bodies
}

// Refusals returns the interceptor's messages for events that it stopped.
func (l *Listener) Refusals() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.refusals
}

func (l *Listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	l.mu.Lock()
	l.requests, l.bodies = append(l.requests, r), append(l.bodies, string(body))
	id, status, idle := fmt.Sprintf("event-%d", len(l.requests)), l.status, l.idle
	l.mu.Unlock()
	if status != 0 {
		w.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if !idle {
		if err := l.start(r, string(body), id); err != nil {
			l.mu.Lock()
			l.refusals = append(l.refusals, err.Error())
			l.mu.Unlock()
		}
	}
	w.WriteHeader(http.StatusAccepted)
	_ = json.NewEncoder(w).Encode(map[string]string{"eventID": id})
}

func (l *Listener) start(r *http.Request, body, id string) error {
	resp := l.Processor.Process(r.Context(), &triggersv1.InterceptorRequest{
		Body: body, Header: r.Header,
		Context: &triggersv1.TriggerContext{EventURL: r.URL.String(), EventID: id, TriggerID: "namespaces/prod/triggers/apply"},
	})
	if !resp.Continue {
		return fmt.Errorf("%s: %s", resp.Status.Code, resp.Status.Message)
	}
	//nolint:contextcheck // it has the request's
	run, err := l.run(r, []byte(body), resp.Extensions, id)
	if err != nil {
		return err
	}
	return l.Cluster.Create(r.Context(), run)
}

// run is the run that the template of Trigger "apply" makes, by Triggers' own code.
func (l *Listener) run(r *http.Request, body []byte, extensions map[string]any, id string) (*pipelinev1.PipelineRun, error) {
	get := func(name string, o client.Object) error {
		return l.Cluster.WithWatch.Get(r.Context(), types.NamespacedName{Namespace: "prod", Name: name}, o)
	}
	trigger := &triggersv1.Trigger{}
	if err := get("apply", trigger); err != nil {
		return nil, err
	}
	rt, err := template.ResolveTrigger(*trigger,
		func(name string) (*triggersv1.TriggerBinding, error) {
			b := &triggersv1.TriggerBinding{}
			return b, get(name, b)
		}, nil,
		func(name string) (*triggersv1.TriggerTemplate, error) {
			tt := &triggersv1.TriggerTemplate{}
			return tt, get(name, tt)
		})
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(extensions) // it comes by HTTP
	var plain map[string]any
	if err == nil {
		err = json.Unmarshal(raw, &plain)
	}
	if err != nil {
		return nil, err
	}
	params, err := template.ResolveParams(rt, body, r.Header, plain, template.NewTriggerContext(id))
	if err != nil {
		return nil, err
	}
	objs := template.ResolveResources(rt.TriggerTemplate, params)
	pr := &pipelinev1.PipelineRun{}
	if err := json.Unmarshal(objs[0], pr); err != nil {
		return nil, err
	}
	pr.Namespace, pr.CreationTimestamp, pr.UID = "prod", metav1.NewTime(l.Now()), types.UID("uid-of-"+pr.Name)
	if pr.Labels == nil {
		pr.Labels = map[string]string{}
	}
	maps.Copy(pr.Labels, labels("apply", id))
	return pr, nil
}

func labels(trigger, eventID string) map[string]string {
	return map[string]string{"triggers.tekton.dev/trigger": trigger, "triggers.tekton.dev/eventlistener": "apply", "triggers.tekton.dev/triggers-eventid": eventID}
}

// Started is a run as the EventListener makes it for a Trigger of World.
func Started(name, trigger, eventID string, at time.Time) client.Object {
	pr := &pipelinev1.PipelineRun{}
	pr.Namespace, pr.Name, pr.UID = "prod", name, types.UID("uid-of-"+name)
	pr.CreationTimestamp = metav1.NewTime(at)
	pr.Labels = labels(trigger, eventID)
	pr.Spec.PipelineRef = &pipelinev1.PipelineRef{Name: "apply"}
	pr.Spec.Params = pipelinev1.Params{{Name: "digest", Value: *pipelinev1.NewStructuredValues("sha256:abc")}}
	return pr
}

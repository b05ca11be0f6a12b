package archtest

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Libraries of the cluster's side.
var (
	kubernetes = []string{"k8s.io/...", "sigs.k8s.io/controller-runtime/...", "sigs.k8s.io/controller-runtime", "knative.dev/pkg/..."}
	tekton     = []string{"github.com/tektoncd/pipeline/pkg/...", "github.com/tektoncd/triggers/pkg/..."}
)

// The table: who may import whom. Only direct imports are looked at; what they
// import in turn is their row's business.
var table = []row{
	{
		path:  "./approvals",
		may:   []string{std, "./approvals/evidence"},
		never: []string{"net/http/...", "os/...", "log/...", "text/template", "html/template", "testing/..."},
		why:   "the rules of an approval are pure: time, identity and storage come in as arguments, nothing is logged or read",
	},
	{
		path:  "./approvals/evidence",
		may:   []string{std},
		never: []string{"net/http/...", "os/...", "log/...", "testing/..."},
		why:   "what people decide on, and how it is bound to the decision, follows from bytes alone: who keeps and who sends them is not known here",
	},
	{
		path: "./approvals/approvalstest",
		may:  []string{std, "./approvals", "./approvals/overview", "github.com/google/go-cmp/..."},
		why:  "what tests of every package share must not bring a technology with it",
	},
	{
		path:  "./approvals/keyring",
		may:   []string{std},
		never: []string{"net/http/...", "os/..."},
		why:   "keys sign and verify bytes; where they are kept is internal/kube's business",
	},
	{
		path:  "./approvals/link",
		may:   []string{std, "./approvals", "./approvals/keyring"},
		never: []string{"net/http/...", "os/..."},
		why:   "a link is text with a signature; who serves it is approvals/web's business",
	},
	{
		path: "./approvals/mapping",
		may: []string{
			std, "./approvals", "./approvals/evidence", "./approvals/evidence/report", "./approvals/forge", "./approvals/tasks",
			"github.com/google/cel-go/...", "sigs.k8s.io/yaml", // what Triggers' parseYAML reads with
			"go.yaml.in/yaml/v3", // which shows how far aliases multiply a text before they do
			"github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1", "github.com/tektoncd/triggers/pkg/interceptors/cel",
		},
		never: []string{"net/http/httptest", "net/url", "os/..."},
		why:   "CEL is compiled and run here and nowhere else, and reads data only: of net/http it needs the type Header, which Triggers' functions insist on",
	},
	{
		path:  "./approvals/forge",
		may:   []string{std},
		never: []string{"net/http/...", "os/...", "log/...", "testing/..."},
		why:   "what a forge's webhook says is read from its text alone: who keeps and shows it is not known here",
	},
	{
		path:  "./approvals/evidence/report",
		may:   []string{std, "./approvals", "./approvals/evidence", "github.com/hashicorp/terraform-json"},
		never: []string{"net/http/...", "os/...", "log/...", "testing/..."},
		why:   "what a plan, a diff or a report says is read from its text alone: who wrote it, keeps it or draws it is not known here",
	},
	{
		path:  "./approvals/overview",
		may:   []string{std, "./approvals"},
		never: []string{"net/http/...", "os/...", "log/...", "database/..."},
		why:   "what there is, in the order in which it is listed: who may see what of it, and where it is read from, is not known here",
	},
	{
		path:  "./approvals/tasks",
		may:   []string{std, "./approvals"},
		never: []string{"net/http/...", "os/...", "log/...", "testing/..."},
		why:   "what approval tasks of other systems mean is a table; who reads and writes their objects is internal/kube's business",
	},
	{
		path:  "./approvals/record",
		may:   []string{std, "./approvals", "./approvals/keyring"},
		never: []string{"net/http/...", "os/...", "log/...", "database/..."},
		why:   "what the history says, and that nobody changed it, is worked out without knowing who keeps it",
	},
	{
		path:  "./approvals/record/recordtest",
		may:   []string{std, "./approvals", "./approvals/approvalstest", "./approvals/evidence", "./approvals/keyring", "./approvals/record", "github.com/google/go-cmp/..."},
		never: []string{"database/..."},
		why:   "the kit is for every ledger, so it knows none",
	},
	{
		path: "./internal/docgen",
		may: []string{
			std, "./approvals/web", "./internal/cli", "github.com/spf13/cobra", "github.com/spf13/pflag",
			"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1", "sigs.k8s.io/yaml", "go.yaml.in/yaml/v3",
		},
		why: "pages of the reference follow from the CRDs' files, from the commands and from the description of the API",
	},
	{
		path: "./internal/docpage",
		may:  []string{std},
		why:  "a generated part of a page is text: the tests that write it know what it is of",
	},
	{
		path: "./approvals/notify",
		may:  []string{std, "./approvals"},
		why:  "what is told to whom is decided without knowing how it is sent",
	},
	{
		path: "./approvals/notify/email",
		may:  []string{std, "./approvals", "./approvals/keyring", "./approvals/link", "./approvals/notify", "./internal/cafile", "./templates", "github.com/wneessen/go-mail"},
		why:  "a channel knows its own library, the templates and nothing of Kubernetes, pages or other channels",
	},
	{
		path: "./approvals/notify/email/emailtest",
		may:  []string{std, "github.com/emersion/go-sasl", "github.com/emersion/go-smtp"},
		why:  "a mail server knows what it is told on the wire, and nothing of who sends it",
	},
	{
		path: "./approvals/notify/outbound",
		may:  []string{std, "./approvals/keyring", "./approvals/notify"},
		why:  "what all HTTP channels share is the way out: it knows no channel and no Approval",
	},
	{
		path: "./approvals/notify/slack",
		may:  []string{std, "./approvals", "./approvals/keyring", "./approvals/notify", "./approvals/notify/outbound", "./templates", "github.com/slack-go/slack"},
		why:  "Slack knows its own library, the templates and the Desk's port: nothing of Kubernetes, pages or other channels",
	},
	{
		path: "./approvals/notify/teams",
		may:  []string{std, "./approvals", "./approvals/keyring", "./approvals/notify", "./approvals/notify/outbound", "./templates"},
		why:  "a channel knows the templates and nothing of Kubernetes, pages or other channels",
	},
	{
		path: "./approvals/notify/webhook",
		may:  []string{std, "./approvals", "./approvals/keyring", "./approvals/notify", "./approvals/notify/outbound", "./templates"},
		why:  "a channel knows the templates and nothing of Kubernetes, pages or other channels; it signs with keys that receivers have, not with ours",
	},
	{
		path: "./approvals/notify/github",
		may:  []string{std, "./approvals", "./approvals/keyring", "./approvals/notify", "./approvals/notify/outbound", "./templates"},
		why:  "a channel knows the templates and nothing of Kubernetes, pages or other channels",
	},
	{
		path: "./approvals/notify/notifytest",
		may:  []string{std, "./approvals", "./approvals/approvalstest", "./approvals/notify"},
		why:  "the kit that every channel must pass knows none of them",
	},
	{
		path: "./approvals/web",
		may:  []string{std, "./approvals", "./approvals/evidence", "./approvals/evidence/report", "./approvals/keyring", "./approvals/link", "./approvals/overview", "./approvals/record", "./internal/turns", "./templates", "github.com/gorilla/mux"},
		why:  "pages and API reach the cluster through interfaces of package approvals: no Kubernetes, no channels",
	},
	{
		path:  "./templates",
		may:   []string{std, "./approvals", "./approvals/evidence", "./approvals/evidence/report", "./approvals/forge", "golang.org/x/text/feature/plural", "golang.org/x/text/language"},
		never: []string{"net/http/...", "os/..."},
		why:   "what a person reads is made from data: no requests, no cluster",
	},
	{
		path: "./interceptor",
		may: []string{
			std, "./approvals", "./approvals/keyring", "./interceptor/resend", "./interceptor/signature", "./interceptor/tracecontext",
			"github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1", "github.com/tidwall/gjson", "google.golang.org/grpc/codes",
		},
		why: "the interceptor speaks Triggers' protocol and asks ports for the rest: no controllers, no pages, no client of the cluster",
	},
	{
		path:  "./interceptor/resend",
		may:   []string{std, "./approvals", "golang.org/x/net/http/httpguts"},
		never: []string{"os/..."},
		why:   "what may be sent again is decided on text; who sends it is not known here",
	},
	{
		path:  "./interceptor/tracecontext",
		may:   []string{std, "./approvals"},
		never: []string{"os/...", "net/http/...", "log/..."},
		why:   "a trace is carried on as text, whether spans are sent or not: no tracing library",
	},
	{
		path:  "./interceptor/signature",
		may:   []string{std, "./approvals/keyring"},
		never: []string{"os/..."},
		why:   "a signature is checked on bytes; others may want to use this package alone",
	},
	{
		path: "./api/v1alpha1",
		may:  []string{std, "k8s.io/apimachinery/..."},
		why:  "a program that imports the types of our resources must not get the service with them",
	},
	{
		path: "./api/openshift/v1alpha1",
		may:  []string{std, "k8s.io/apimachinery/..."},
		why:  "the types of another system's object are declared anew: nothing of that system, and nothing of the service, comes with them",
	},
	{
		path: "./internal/kube",
		may:  []string{std},
		why:  "it has the service's rights and the map of the packages beneath it, and no code",
	},
	{
		path: "./internal/kube/kubeutil",
		may:  slices.Concat(kubernetes, []string{std, "./api/v1alpha1", "./approvals", "./internal/kube/contain", "./internal/kube/queue"}),
		why:  "what all packages of internal/kube share knows no resource and no rule",
	},
	{
		path: "./internal/kube/apiserver",
		may:  slices.Concat(kubernetes, []string{std, "./internal/kube/kubeutil"}),
		why:  "whether the API server answers is known without what it is asked for",
	},
	{
		path: "./internal/kube/convert",
		may:  slices.Concat(kubernetes, []string{std, "./api/v1alpha1", "./approvals", "./approvals/evidence"}),
		why:  "the resources and the domain are translated into each other without I/O",
	},
	{
		path: "./internal/kube/store",
		may:  slices.Concat(kubernetes, tekton, []string{std, "./api/v1alpha1", "./approvals", "./approvals/keyring", "./approvals/overview", "./internal/kube/apiserver", "./internal/kube/convert", "./internal/kube/kubeutil"}),
		why:  "Approvals are objects here and nothing else: no Triggers, no runs, no people",
	},
	{
		path: "./internal/kube/gate",
		may:  slices.Concat(kubernetes, []string{std, "./api/v1alpha1", "./approvals", "./approvals/keyring", "./approvals/mapping", "./internal/kube/convert", "./internal/kube/kubeutil"}),
		why:  "a policy is found and checked without knowing for what",
	},
	{
		path: "./internal/kube/pipelinerun",
		may:  slices.Concat(kubernetes, tekton, []string{std, "./approvals", "./approvals/tasks", "./interceptor/tracecontext", "./internal/tekton", "./internal/kube/kubeutil"}),
		why:  "a run is read as it is, whatever it is for",
	},
	{
		path: "./internal/kube/triggers",
		may:  slices.Concat(kubernetes, tekton, []string{std, "./api/v1alpha1", "./approvals", "./approvals/mapping", "./interceptor", "./interceptor/signature", "./internal/kube/destination", "./internal/kube/gate", "./internal/kube/kubeutil", "./internal/kube/pipelinerun"}),
		why:  "what a Trigger is and who serves it is known without an Approval",
	},
	{
		path: "./internal/kube/signedevent",
		may:  []string{std, "./approvals", "./approvals/keyring", "./interceptor", "./interceptor/resend", "./interceptor/signature", "./internal/kube/kubeutil"},
		why:  "an event is made from an Approval; who posts it is not known here",
	},
	{
		path: "./internal/kube/render",
		may:  slices.Concat(kubernetes, tekton, []string{std, "./approvals", "./approvals/mapping", "./interceptor", "./interceptor/signature", "./internal/kube/pipelinerun", "./internal/kube/signedevent", "./internal/kube/triggers"}),
		why:  "a template is rendered without side effects",
	},
	{
		path: "./internal/kube/identity",
		may:  slices.Concat(kubernetes, []string{std, "./api/v1alpha1", "./approvals", "golang.org/x/sync/singleflight", "golang.org/x/time/rate", "./internal/kube/kubeutil"}),
		why:  "who somebody is does not depend on what they want to do",
	},
	{
		path: "./internal/kube/evidence",
		may:  slices.Concat(kubernetes, tekton, []string{std, "./api/v1alpha1", "./approvals", "./approvals/evidence", "./approvals/evidence/report", "./approvals/keyring", "./internal/kube/identity", "./internal/kube/kubeutil", "./internal/turns"}),
		why:  "what people decide on is kept and given back without knowing who decides",
	},
	{
		path: "./internal/kube/verifyrun",
		may:  slices.Concat(kubernetes, tekton, []string{std, "./approvals", "./interceptor", "./internal/kube/kubeutil", "./internal/kube/pipelinerun", "./internal/kube/render", "./internal/kube/triggers", "golang.org/x/sync/singleflight"}),
		why:  "a run is compared with what was approved, by any of those that look for it",
	},
	{
		path: "./internal/kube/hold",
		may:  slices.Concat(kubernetes, tekton, []string{std, "./api/v1alpha1", "./approvals", "./approvals/evidence", "./approvals/keyring", "./approvals/mapping", "./interceptor", "./interceptor/signature", "./internal/tekton", "./internal/kube/convert", "./internal/kube/gate", "./internal/kube/identity", "./internal/kube/kubeutil", "./internal/kube/pipelinerun", "./internal/kube/render", "./internal/kube/store", "./internal/kube/triggers", "./internal/turns", "golang.org/x/time/rate"}),
		why:  "an Approval is opened before anybody knows how it ends",
	},
	{
		path: "./internal/kube/release",
		may:  slices.Concat(kubernetes, tekton, []string{std, "./approvals", "./approvals/keyring", "./approvals/mapping", "./interceptor", "./interceptor/signature", "./internal/kube/destination", "./internal/kube/gate", "./internal/kube/kubeutil", "./internal/kube/pipelinerun", "./internal/kube/render", "./internal/kube/signedevent", "./internal/kube/triggers", "./internal/kube/verifyrun"}),
		why:  "an outcome takes effect without the store: who records that is one hop out",
	},
	{
		path: "./internal/kube/releasequeue",
		may:  slices.Concat(kubernetes, tekton, []string{std, "./approvals", "./approvals/overview", "./internal/kube/contain", "./internal/kube/outcome", "./internal/kube/queue", "./internal/kube/release", "./internal/kube/store", "./internal/kube/verifyrun"}),
		why:  "what the process that took a vote, or saw the leader die, does at once, and may forget",
	},
	{
		path: "./internal/kube/preflight",
		may:  slices.Concat(kubernetes, tekton, []string{std, "./api/v1alpha1", "./approvals", "./approvals/mapping", "./interceptor", "./interceptor/signature", "./internal/kube/destination", "./internal/kube/gate", "./internal/kube/hold", "./internal/kube/kubeutil", "./internal/kube/outcome", "./internal/kube/pipelinerun", "./internal/kube/queue", "./internal/kube/release", "./internal/kube/render", "./internal/kube/signedevent", "./internal/kube/store", "./internal/kube/triggers", "./internal/kube/verifyrun"}),
		why:  "what a release would meet is found out by what will release",
	},
	{
		path: "./internal/kube/outcome",
		may:  []string{std, "./approvals", "./approvals/mapping"},
		why:  "what follows from an outcome, before it is written: approvals.OutcomeWriter writes it",
	},
	{
		path: "./internal/kube/lifecycle",
		may:  slices.Concat(kubernetes, tekton, []string{std, "./api/v1alpha1", "./approvals", "./internal/kube/convert", "./internal/kube/gate", "./internal/kube/hold", "./internal/kube/kubeutil", "./internal/kube/outcome", "./internal/kube/pipelinerun", "./internal/kube/queue", "./internal/kube/release", "./internal/kube/store", "./internal/kube/triggers", "./internal/kube/verifyrun"}),
		why:  "one controller leads an Approval through the stages; it knows no pages, channels or audit log",
	},
	{
		path: "./internal/kube/secondrun",
		may:  slices.Concat(kubernetes, tekton, []string{std, "./api/v1alpha1", "./approvals", "./internal/kube/kubeutil", "./internal/kube/queue", "./internal/kube/store"}),
		why:  "a run is watched to its end by who only looks: nothing here can start one or stop one",
	},
	{
		path: "./internal/kube/approvaltask",
		may:  slices.Concat(kubernetes, tekton, []string{std, "./api/v1alpha1", "./approvals", "./approvals/tasks", "./internal/tekton", "./internal/kube/convert", "./internal/kube/gate", "./internal/kube/hold", "./internal/kube/kubeutil", "./internal/kube/outcome", "./internal/kube/pipelinerun", "./internal/kube/queue", "./internal/kube/store", "./internal/kube/verifyrun"}),
		why:  "a task of a pipeline is one more thing that waits for an Approval",
	},
	{
		path: "./internal/kube/vote",
		may:  slices.Concat(kubernetes, []string{std, "./api/v1alpha1", "./approvals", "./internal/kube/gate", "./internal/kube/identity", "./internal/kube/kubeutil", "./internal/kube/queue", "./internal/kube/store", "./internal/kube/triggers"}),
		why:  "Votes are taken to the Desk as ballots, like any other",
	},
	{
		path: "./internal/kube/notify",
		may:  slices.Concat(kubernetes, []string{std, "./api/v1alpha1", "./approvals", "./approvals/notify", "./internal/kube/kubeutil", "./internal/kube/queue", "./internal/kube/store"}),
		why:  "notifications are sent whatever the channel: no templates, no mail",
	},
	{
		path: "./internal/kube/audit",
		may:  slices.Concat(kubernetes, []string{std, "./api/v1alpha1", "./approvals", "./approvals/record", "./internal/kube/convert", "./internal/kube/kubeutil", "./internal/kube/queue", "./internal/kube/store"}),
		why:  "the audit log is written whatever the database",
	},
	{
		path: "./internal/kube/keys",
		may:  slices.Concat(kubernetes, []string{std, "./approvals", "./approvals/keyring", "./internal/kube/kubeutil"}),
		why:  "keys are kept without knowing what they sign",
	},
	{
		path: "./internal/kube/servingcert",
		may:  slices.Concat(kubernetes, tekton, []string{std}),
		why:  "certificates have nothing to do with approvals",
	},
	{
		path: "./internal/kube/servicetest",
		may:  slices.Concat(kubernetes, tekton, []string{std, "./api/v1alpha1", "./approvals", "./approvals/approvalstest", "./approvals/evidence", "./approvals/keyring", "./approvals/mapping", "./interceptor", "pgregory.net/rapid", "./internal/kube/convert", "./internal/kube/destination", "./internal/kube/gate", "./internal/kube/hold", "./internal/kube/kubetest", "./internal/kube/release", "./internal/kube/store", "./internal/kube/triggers", "./internal/kube/verifyrun", "sigs.k8s.io/yaml"}),
		why:  "the service over a cluster in memory: it wires what tests of several packages need",
	},
	{
		path:  "./internal/intake",
		may:   []string{std},
		never: []string{"log/...", "database/..."},
		why:   "what a listener takes in is bounded by size, count and address: no cluster, no approvals, no routes",
	},
	{
		path: "./internal/kube/openshift",
		may: slices.Concat(kubernetes, tekton, []string{
			std, "./api/openshift/v1alpha1", "./api/v1alpha1", "./approvals", "./approvals/tasks", "./internal/kube/approvaltask", "./internal/kube/contain", "./internal/kube/identity", "./internal/kube/kubeutil", "./internal/kube/queue", "./internal/kube/store",
		}),
		why: "another system's object is one more face of an Approval: it knows the store and the Desk's port, and no other controller",
	},
	{
		path: "./internal/kube/queue",
		may:  slices.Concat(kubernetes, []string{std, "github.com/prometheus/client_golang/prometheus"}),
		why:  "who is served next follows from the namespace and the name of what waits: no rules, no objects",
	},
	{
		path: "./internal/kube/contain",
		may:  slices.Concat(kubernetes, []string{std, "./api/v1alpha1"}),
		why:  "what keeps a panic to its object must not need what panics: it knows the objects' conditions and no rules",
	},
	{
		path: "./internal/kube/destination",
		may:  slices.Concat(kubernetes, tekton, []string{std, "./approvals", "./interceptor/resend", "./internal/cafile", "golang.org/x/net/http/httpguts"}),
		why:  "where a signed event may go is found out from the EventListener and its Service alone: no Approval, no request has a say in it",
	},
	{
		path: "./internal/kube/kubetest",
		may: slices.Concat(kubernetes, tekton, []string{
			std, "./api/openshift/v1alpha1", "./api/v1alpha1", "./approvals/approvalstest", "./interceptor", "sigs.k8s.io/yaml",
		}),
		why: "the cluster in memory that tests share is below what it tests, so that they can all use it",
	},
	{
		path: "./internal/cafile",
		may:  []string{std},
		why:  "a file of certificates is read in the same way for whomever it is trusted",
	},
	{
		path: "./internal/oidc",
		may: []string{
			std, "./approvals", "./approvals/keyring", "./internal/cafile",
			"github.com/coreos/go-oidc/v3/oidc", "github.com/gorilla/securecookie", "golang.org/x/oauth2", "golang.org/x/sync/singleflight",
		},
		why: "it proves people, whatever they came to see: no pages, no cluster",
	},
	{
		path: "./internal/audit/sqlstore",
		may:  []string{std, "./approvals", "./approvals/evidence", "./approvals/keyring", "./approvals/record"},
		why:  "SQL is written once, for every database; which there are is not known here",
	},
	{
		path: "./internal/audit/sqlite",
		may:  []string{std, "./internal/audit/sqlstore", "modernc.org/sqlite"},
		why:  "one database, its driver and its tables",
	},
	{
		path: "./internal/audit/postgres",
		may:  []string{std, "./approvals/keyring", "./internal/audit/sqlstore", "github.com/jackc/pgx/..."},
		why:  "one database, its driver and its tables",
	},
	{
		path: "./internal/audit/postgres/postgrestest",
		may:  []string{std},
		why:  "a database server for tests knows nothing of what is kept in it",
	},
	{
		path: "./internal/version",
		may:  []string{std, "k8s.io/apimachinery/pkg/util/version"},
		why:  "which release a program is: the linker writes it, and everybody may ask",
	},
	{
		path: "./internal/config",
		may: []string{
			std, "./approvals", "./approvals/keyring", "./approvals/notify", "./approvals/notify/email", "./approvals/notify/github", "./approvals/notify/slack",
			"./approvals/notify/teams", "./approvals/notify/webhook", "./approvals/tasks", "./internal/cafile", "./internal/oidc", "./templates", "sigs.k8s.io/yaml",
		},
		why: "the configuration is read and checked before anything of it is built",
	},
	{
		path: "./internal/app",
		may:  []string{std, ours, outside},
		never: []string{
			"./cmd/...", "./demo/...", "./test/...", "./approvals/approvalstest", "./approvals/notify/notifytest", "./approvals/notify/email/emailtest", "./approvals/record/recordtest", "./internal/kube/kubetest",
			"./internal/audit/postgres/postgrestest",
		},
		why: "the one place where everything meets, but nothing of tests or the demo",
	},
	{
		path:  "./internal/tracing",
		may:   []string{std, "./approvals", "./interceptor/tracecontext", "github.com/prometheus/client_golang/prometheus", "go.opentelemetry.io/..."},
		never: []string{"os/...", "net/http/..."},
		why:   "what happened is told to a collector by who knows Approvals and OpenTelemetry: no cluster, no pages, and nobody asks it anything",
	},
	{
		path:  "./internal/turns",
		may:   []string{std, "./approvals"},
		never: []string{"os/...", "net/http/...", "log/..."},
		why:   "who takes turns at what costs much is not known here",
	},
	{
		path:  "./internal/tekton",
		may:   slices.Concat(tekton, []string{std}),
		never: []string{"os/...", "net/http/...", "log/..."},
		why:   "how Tekton's objects are read is the same in a file and in a cluster, so it knows neither, and no rules",
	},
	{
		path: "./internal/split",
		may: slices.Concat(tekton, []string{
			std, "./approvals", "./approvals/tasks", "./internal/tekton", "go.yaml.in/yaml/v3", "sigs.k8s.io/yaml", "knative.dev/pkg/apis",
			"k8s.io/apimachinery/pkg/api/resource", "k8s.io/apimachinery/pkg/selection", "k8s.io/apimachinery/pkg/util/validation",
		}),
		never: []string{"os/...", "net/http/...", "log/..."},
		why:   "a pipeline is cut by its text and Tekton's own rules: no files, no flags, no cluster",
	},
	{
		path: "./internal/cli",
		may: slices.Concat(kubernetes, []string{
			std, "./api/v1alpha1", "./approvals", "./approvals/evidence", "./approvals/evidence/report", "./approvals/forge", "./approvals/record", "./internal/kube/convert", "./internal/kube/evidence", "./internal/kube/identity", "./internal/split", "./internal/version", "github.com/spf13/cobra", "golang.org/x/text/width",
		}),
		why: "the command line asks the API server, the rules and how the record writes them: nothing of the service, of Tekton or of pages",
	},
	{
		path: "./deploy",
		may:  []string{std, outside},
		why:  "its tests hold what is deployed to what it says, on an API server: nothing of ours but how tests wait",
	},
	{
		path: "./internal/archtest",
		may:  []string{std},
		why:  "it reads what go list says",
	},
	{
		path: "./cmd/...",
		may:  []string{std, "./approvals", "./approvals/record", "./internal/app", "./internal/config", "./internal/version", "sigs.k8s.io/controller-runtime", "golang.org/x/crypto/x509roots/fallback"},
		why:  "a command reads flags, starts internal/app, and prints what it answers",
	},
	{
		path: "./cmd/tkn-approval",
		may:  []string{std, "./internal/cli", "./internal/version", "golang.org/x/term"},
		why:  "it says what the process has, and starts internal/cli",
	},
	{
		path: "./demo/...",
		may:  []string{std, outside, "./api/v1alpha1", "./demo/..."},
		why:  "the demo stands where a user stands: it has the resources and the API, not the inside",
	},
	{
		path: "./internal/golden",
		may:  []string{std, "github.com/google/go-cmp/..."},
		why:  "what a test compares with a file is text; every package's tests may use it",
	},
	{
		path:  "./test/...",
		may:   []string{std, outside, ours},
		never: []string{"./cmd/...", "./demo/..."},
		why:   "tests start the service as it is deployed",
	},
}

// tags are those of all tests, so that no file escapes.
const tags = "kube,postgres,e2e,browser,bench,login,pages,chaos,otel,dashboard"

func TestWhoMayImportWhom(t *testing.T) {
	t.Parallel()
	dependOnSources(t)
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e", "-json=ImportPath,Imports", "-tags="+tags, module+"/...")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	var packages []pkg
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p pkg
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
	for _, v := range violations(table, packages) {
		t.Error(v)
	}
}

// dependOnSources looks at every Go file, so that the go command, which knows
// nothing of what go list reads, runs this test again when one has changed.
func dependOnSources(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir(root, func(name string, _ os.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(name, ".go") {
			_, err = os.Stat(name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestViolations(t *testing.T) {
	t.Parallel()
	rows := []row{
		{path: "./approvals", may: []string{std}, never: []string{"net/http/...", "os/..."}, why: "pure"},
		{path: "./internal/kube", may: []string{std, "./approvals", "k8s.io/..."}, why: "adapter"},
		{path: "./cmd/...", may: []string{std, ours}, never: []string{"./internal/kube"}, why: "command"},
		{path: "./cmd/special", may: []string{outside}, why: "special"},
	}
	clean := map[string][]string{
		"approvals":     {"strings", "encoding/json"},
		"internal/kube": {"net/http", "k8s.io/api/core/v1", module + "/approvals"},
		"cmd/a":         {"os", module + "/approvals"},
		"cmd/special":   {"golang.org/x/term"},
	}
	tests := []struct {
		name     string
		pkg      string
		imported string // added to pkg's imports
		want     string // "" for no violation
	}{
		{name: "nothing wrong"},
		{name: "another module", pkg: "approvals", imported: "k8s.io/api/core/v1", want: "./approvals imports k8s.io/api/core/v1: pure"},
		{name: "forbidden std", pkg: "approvals", imported: "net/http", want: "./approvals imports net/http: pure"},
		{name: "beneath forbidden std", pkg: "approvals", imported: "os/exec", want: "./approvals imports os/exec: pure"},
		{name: "name that only begins alike", pkg: "approvals", imported: "oslike"},
		{name: "our own, not listed", pkg: "approvals", imported: module + "/internal/kube", want: "./approvals imports ./internal/kube: pure"},
		{name: "child of what is listed", pkg: "internal/kube", imported: module + "/approvals/web", want: "./internal/kube imports ./approvals/web: adapter"},
		{name: "exception to ours", pkg: "cmd/a", imported: module + "/internal/kube", want: "./cmd/a imports ./internal/kube: command"},
		{name: "tree does not allow outside", pkg: "cmd/a", imported: "golang.org/x/term", want: "./cmd/a imports golang.org/x/term: command"},
		{name: "longest row wins", pkg: "cmd/special", imported: "os", want: "./cmd/special imports os: special"},
		{name: "package without a row", pkg: "stray", want: "./stray has no row in the table of internal/archtest: say what it may import, and why"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var packages []pkg
			for name, imports := range clean {
				packages = append(packages, pkg{ImportPath: module + "/" + name, Imports: imports})
			}
			if tt.pkg != "" {
				p := pkg{ImportPath: module + "/" + tt.pkg}
				if tt.imported != "" {
					p.Imports = []string{tt.imported}
				}
				packages = append(packages, p)
			}
			got := strings.Join(violations(rows, packages), "\n")
			if got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestViolationsTellOfRowsWithoutPackage(t *testing.T) {
	t.Parallel()
	got := violations([]row{{path: "./gone", may: []string{std}}}, nil)
	if len(got) != 1 || !strings.HasPrefix(got[0], "./gone is in the table") {
		t.Errorf("got %q", got)
	}
}

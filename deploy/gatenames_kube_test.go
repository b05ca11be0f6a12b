//go:build kube

package deploy_test

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals/mapping"
	"github.com/countersign-dev/countersign/internal/kube/gate"
)

// TestNamesThatNobodyHas: the API server refuses surrounding space, commas in a user's name,
// and groups that hold everybody. What only the service can tell, such as two addresses in
// one string and two groups in one, it takes, and the Gate's status says that it can't be
// used and why.
func TestNamesThatNobodyHas(t *testing.T) {
	c := start(t)
	root := c.as(t, "root", "system:masters")
	scheme := runtime.NewScheme()
	must(t, v1alpha1.AddToScheme(scheme))
	api, err := client.New(c.config, client.Options{Scheme: scheme})
	must(t, err)
	cel, err := mapping.New()
	must(t, err)
	gates := &gate.Gates{Client: api, CEL: cel, Now: time.Now}
	for name, c := range map[string]struct{ approvers, admission, status string }{
		"a name":                    {`users: [{name: alice}]`, "", ""},
		"an address":                {`users: [{name: alice@example.com}]`, "", ""},
		"one letter":                {`users: [{name: a}]`, "", ""},
		"with a space in it":        {`users: [{name: Alice Miller}]`, "", ""},
		"a distinguished name":      {`groups: ["CN=sre,OU=groups"]`, "", ""},
		"a space before":            {`users: [{name: " alice"}]`, "spec.approvers.users[0].name", ""},
		"a space behind":            {`users: [{name: "alice "}]`, "spec.approvers.users[0].name", ""},
		"a line break behind":       {`users: [{name: "alice\n"}]`, "spec.approvers.users[0].name", ""},
		"nothing but space":         {`users: [{name: " "}]`, "spec.approvers.users[0].name", ""},
		"none":                      {`users: [{name: ""}]`, "spec.approvers.users[0].name", ""},
		"no group":                  {`groups: [""]`, "spec.approvers.groups[0]", ""},
		"two in one":                {`users: [{name: "alice,bob"}]`, "nobody's name has a comma", ""},
		"two addresses in one":      {`users: [{name: "a@example.com b@example.com"}]`, "", "it looks like several names in one string"},
		"a mail's From":             {`users: [{name: "Alice <alice@example.com>"}]`, "", "write only the address"},
		"everybody whom it knows":   {`groups: ["system:authenticated"]`, "a group of everybody", ""},
		"everybody whom it doesn't": {`groups: ["system:unauthenticated"]`, "a group of everybody", ""},
		"everybody, among others":   {`users: [{name: alice}], groups: [sre, "system:authenticated"]`, "a group of everybody", ""},
		"all robots":                {`groups: ["system:serviceaccounts"]`, "a group of everybody", ""},
		"of no cluster's people":    {`users: [{name: "system:anonymous"}]`, "", "not signed in"},
		"quoted":                    {`users: [{name: "'alice'"}]`, "", "it is in quotes"},
		"two groups in one":         {`groups: ["sre,platform"]`, "", "it looks like several names in one string"},
		"a group with a space":      {`groups: [" sre"]`, "", "it begins or ends with a space"},
	} {
		t.Run(name, func(t *testing.T) {
			u := parse(t, `{apiVersion: countersign.dev/v1alpha1, kind: Gate, metadata: {namespace: default, generateName: g-}, spec: {approvers: {`+c.approvers+`}}}`)
			err := root.Create(t.Context(), u)
			if c.admission != "" {
				if err == nil || !strings.Contains(err.Error(), c.admission) {
					t.Errorf("%v, want %q", err, c.admission)
				}
				return
			}
			must(t, err)
			key := client.ObjectKeyFromObject(u)
			_, err = gates.Reconcile(t.Context(), ctrl.Request{NamespacedName: key})
			must(t, err)
			var g v1alpha1.Gate
			must(t, api.Get(t.Context(), key, &g))
			want := metav1.ConditionTrue
			if c.status != "" {
				want = metav1.ConditionFalse
			}
			for _, x := range g.Status.Conditions {
				if x.Type == v1alpha1.ConditionReady && x.Status == want && strings.Contains(x.Message, c.status) {
					return
				}
			}
			t.Errorf("Ready is not %s with %q: %+v", want, c.status, g.Status.Conditions)
		})
	}
}

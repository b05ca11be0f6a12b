//go:build kube

package deploy_test

import (
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals/mapping"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/kube/gate"
	"github.com/countersign-dev/countersign/test/refusal"
)

// TestNamesThatNobodyHas: the API server refuses surrounding space, commas in a user's name,
// and groups that hold everybody. What only the service can tell, such as two addresses in
// one string and two groups in one, it takes, and the Gate's status says that it can't be
// used and why.
func TestNamesThatNobodyHas(t *testing.T) {
	said := golden.Open(t)
	c := start(t)
	root := c.as(t, "root", "system:masters")
	scheme := runtime.NewScheme()
	must(t, v1alpha1.AddToScheme(scheme))
	api, err := client.New(c.config, client.Options{Scheme: scheme})
	must(t, err)
	cel, err := mapping.New()
	must(t, err)
	gates := &gate.Gates{Client: api, CEL: cel, Now: time.Now}
	for name, c := range map[string]struct {
		approvers         string
		refused, notReady bool
	}{
		"a name":                    {`users: [{name: alice}]`, false, false},
		"an address":                {`users: [{name: alice@example.com}]`, false, false},
		"one letter":                {`users: [{name: a}]`, false, false},
		"with a space in it":        {`users: [{name: Alice Miller}]`, false, false},
		"a distinguished name":      {`groups: ["CN=sre,OU=groups"]`, false, false},
		"a space before":            {`users: [{name: " alice"}]`, true, false},
		"a space behind":            {`users: [{name: "alice "}]`, true, false},
		"a line break behind":       {`users: [{name: "alice\n"}]`, true, false},
		"nothing but space":         {`users: [{name: " "}]`, true, false},
		"none":                      {`users: [{name: ""}]`, true, false},
		"no group":                  {`groups: [""]`, true, false},
		"two in one":                {`users: [{name: "alice,bob"}]`, true, false},
		"two addresses in one":      {`users: [{name: "a@example.com b@example.com"}]`, false, true},
		"a mail's From":             {`users: [{name: "Alice <alice@example.com>"}]`, false, true},
		"everybody whom it knows":   {`groups: ["system:authenticated"]`, true, false},
		"everybody whom it doesn't": {`groups: ["system:unauthenticated"]`, true, false},
		"everybody, among others":   {`users: [{name: alice}], groups: [sre, "system:authenticated"]`, true, false},
		"all robots":                {`groups: ["system:serviceaccounts"]`, true, false},
		"of no cluster's people":    {`users: [{name: "system:anonymous"}]`, false, true},
		"quoted":                    {`users: [{name: "'alice'"}]`, false, true},
		"two groups in one":         {`groups: ["sre,platform"]`, false, true},
		"a group with a space":      {`groups: [" sre"]`, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			u := parse(t, `{apiVersion: countersign.dev/v1alpha1, kind: Gate, metadata: {namespace: default, generateName: g-}, spec: {approvers: {`+c.approvers+`}}}`)
			err := root.Create(t.Context(), u)
			if c.refused {
				if !apierrors.IsInvalid(err) {
					t.Fatalf("%v, want a refusal", err)
				}
				said.Check(t, name, refusal.Text(err))
				return
			}
			must(t, err)
			key := client.ObjectKeyFromObject(u)
			_, err = gates.Reconcile(t.Context(), ctrl.Request{NamespacedName: key})
			must(t, err)
			var g v1alpha1.Gate
			must(t, api.Get(t.Context(), key, &g))
			want := metav1.ConditionTrue
			if c.notReady {
				want = metav1.ConditionFalse
			}
			ready := meta.FindStatusCondition(g.Status.Conditions, v1alpha1.ConditionReady)
			if ready == nil || ready.Status != want {
				t.Fatalf("Ready is not %s: %+v", want, g.Status.Conditions)
			}
			if c.notReady {
				said.Check(t, name, strings.ReplaceAll(ready.Message, g.Name, "NAME"))
			}
		})
	}
}

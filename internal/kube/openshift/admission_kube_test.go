//go:build kube

package openshift_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	openshiftv1 "github.com/countersign-dev/countersign/api/openshift/v1alpha1"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/test/refusal"
)

// person is who writes: a user, and their groups by commas.
type person struct{ name, groups string }

func (p person) client(t *testing.T, more ...string) client.Client {
	t.Helper()
	c, err := w.as(p.name, append(strings.Split(p.groups, ","), more...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var (
	alice  = person{"alice", "staff"}
	bob    = person{"bob", "dev"}
	carol  = person{"carol", "staff"}
	dave   = person{"dave", "dev,sec"}
	nobody = person{"mallory", "staff"}
	// namesake is who would be the service if a name were all that counts.
	namesake = person{"system:serviceaccount:evil:countersign", "system:serviceaccounts,system:serviceaccounts:evil"}
	admin    = person{"admin", "system:masters"}
)

// TestHostilePatches: anyone who may patch ApprovalTasks by RBAC changes their own
// answer and nothing else. The patches are JSON patches, one operation after another;
// most hide behind an answer that by itself is allowed.
func TestHostilePatches(t *testing.T) {
	said := golden.Open(t)
	const yes = `{"op":"replace","path":"/spec/approvers/0/input","value":"approve"}` // alice's own
	for _, c := range []struct {
		name  string
		who   person
		patch string
	}{
		{"lower the quorum", alice, yes + `,{"op":"replace","path":"/spec/numberOfApprovalsRequired","value":1}`},
		{"raise the quorum", alice, yes + `,{"op":"replace","path":"/spec/numberOfApprovalsRequired","value":9}`},
		{"a quorum of none", alice, yes + `,{"op":"replace","path":"/spec/numberOfApprovalsRequired","value":0}`},
		{"change the description", alice, yes + `,{"op":"replace","path":"/spec/description","value":"harmless"}`},
		{"take the description away", alice, yes + `,{"op":"remove","path":"/spec/description"}`},
		{"append a ghost who approves", alice, yes + `,{"op":"add","path":"/spec/approvers/-","value":{"name":"ghost","type":"User","input":"approve"}}`},
		{"append a group", alice, yes + `,{"op":"add","path":"/spec/approvers/-","value":{"name":"staff","type":"Group","input":"pending"}}`},
		{"shorten the list", alice, yes + `,{"op":"remove","path":"/spec/approvers/2"}`},
		{"empty the list", alice, `{"op":"replace","path":"/spec/approvers","value":[]}`},
		{"rename an approver", alice, yes + `,{"op":"replace","path":"/spec/approvers/2/name","value":"mallory"}`},
		{"rename oneself", nobody, `{"op":"replace","path":"/spec/approvers/0/name","value":"mallory"},` + yes},
		{"swap the order", alice, yes + `,{"op":"move","from":"/spec/approvers/0","path":"/spec/approvers/2"}`},
		{"one's own name twice", alice, yes + `,{"op":"add","path":"/spec/approvers/-","value":{"name":"alice","type":"User","input":"approve"}}`},
		{"a user into a group", alice, yes + `,{"op":"replace","path":"/spec/approvers/0/type","value":"Group"}`},
		{"a group into a user", dave, `{"op":"replace","path":"/spec/approvers/3/type","value":"User"}`},
		{"a type of nothing", alice, yes + `,{"op":"replace","path":"/spec/approvers/0/type","value":"Robot"}`},
		{"forge another's input", alice, yes + `,{"op":"replace","path":"/spec/approvers/2/input","value":"approve"}`},
		{"reject as another", alice, `{"op":"replace","path":"/spec/approvers/2/input","value":"reject"}`},
		{"forge another's message", alice, yes + `,{"op":"add","path":"/spec/approvers/2/message","value":"I agree"}`},
		{"answer as nobody", nobody, yes},
		{"answer in another case", person{"Alice", "staff"}, yes},
		{"answer with garbage", alice, `{"op":"replace","path":"/spec/approvers/0/input","value":"yes"}`},
		{"answer with nothing", alice, `{"op":"remove","path":"/spec/approvers/0/input"}`},
		{"a message without end", alice, yes + `,{"op":"add","path":"/spec/approvers/0/message","value":"` + strings.Repeat("x", 4097) + `"}`},
		{"users of a user", alice, yes + `,{"op":"add","path":"/spec/approvers/0/users","value":[{"name":"alice","input":"approve"}]}`},
		{"a group that one is not in", alice, `{"op":"add","path":"/spec/approvers/3/users","value":[{"name":"alice","input":"approve"}]}`},
		{"the input of a group that one is not in", alice, yes + `,{"op":"replace","path":"/spec/approvers/3/input","value":"approve"}`},
		{"the message of a group that one is not in", alice, `{"op":"replace","path":"/spec/approvers/1/message","value":"doubtful"}`},
		{"a group of one's own name", person{"sec", "staff"}, `{"op":"replace","path":"/spec/approvers/3/input","value":"approve"}`},
		{"a ghost in one's group", dave, `{"op":"add","path":"/spec/approvers/1/users/-","value":{"name":"ghost","input":"approve"}}`},
		{"a ghost beside oneself", dave, `{"op":"add","path":"/spec/approvers/3/users","value":[{"name":"dave","input":"approve"},{"name":"ghost","input":"approve"}]}`},
		{"another member's input", dave, `{"op":"replace","path":"/spec/approvers/1/users/0/input","value":"reject"}`},
		{"another member's message", dave, `{"op":"replace","path":"/spec/approvers/1/users/0/message","value":"never"}`},
		{"another member renamed", dave, `{"op":"replace","path":"/spec/approvers/1/users/0/name","value":"dave"}`},
		{"another member taken away", dave, `{"op":"remove","path":"/spec/approvers/1/users/0"}`},
		{"oneself twice", dave, `{"op":"add","path":"/spec/approvers/3/users","value":[{"name":"dave","input":"approve"},{"name":"dave","input":"approve"}]}`},
		{"oneself taken away", bob, `{"op":"remove","path":"/spec/approvers/1/users/0"}`},
		{"one's answer back to pending", bob, `{"op":"replace","path":"/spec/approvers/1/users/0/input","value":"pending"}`},
		{"a member who answers with nothing", dave, `{"op":"add","path":"/spec/approvers/3/users","value":[{"name":"dave","input":"pending"}]}`},
		{"a group without oneself", dave, `{"op":"replace","path":"/spec/approvers/3/input","value":"approve"}`},
		{"a group's words without oneself", dave, `{"op":"replace","path":"/spec/approvers/1/message","value":"no"}`},
		{"a group back to pending", bob, `{"op":"replace","path":"/spec/approvers/1/input","value":"pending"}`},
		{"the run's label", alice, yes + `,{"op":"replace","path":"/metadata/labels/tekton.dev~1customRun","value":"other"}`},
		{"no labels", alice, yes + `,{"op":"remove","path":"/metadata/labels"}`},
		{"another Approval", alice, yes + `,{"op":"replace","path":"/metadata/annotations/countersign.dev~1approval","value":"other"}`},
		{"another owner", alice, yes + `,{"op":"replace","path":"/metadata/ownerReferences/0/uid","value":"other"}`},
		{"no owner", alice, yes + `,{"op":"remove","path":"/metadata/ownerReferences"}`},
		{"a finalizer", alice, yes + `,{"op":"add","path":"/metadata/finalizers","value":["example.com/stay"]}`},
		{"the whole spec", alice, `{"op":"replace","path":"/spec","value":{"numberOfApprovalsRequired":1,"approvers":[{"name":"alice","type":"User","input":"approve"}]}}`},
		{"a service of the same name elsewhere", namesake, yes},
		{"an administrator's quorum", admin, `{"op":"replace","path":"/spec/numberOfApprovalsRequired","value":1}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := w.stands(t, task(w.namespace(t)), openshiftv1.StatePending)
			err := c.who.client(t, "almighty").Patch(t.Context(), o.DeepCopy(), client.RawPatch(types.JSONPatchType, []byte("["+c.patch+"]")))
			refused(t, said, c.name, o, err)
		})
	}
}

// refused wants the object as it was, and a refusal: by the policy, by the schema, or for the lack
// of a right. What it says is in the file of sentences.
func refused(t *testing.T, said *golden.Sentences, name string, o *openshiftv1.ApprovalTask, err error) {
	t.Helper()
	if refusal.Policy(err) != "countersign-approvaltasks" && len(refusal.Fields(err)) == 0 && !apierrors.IsForbidden(err) {
		t.Fatalf("got:\n%v\nwant a refusal", err)
	}
	said.Check(t, name, strings.ReplaceAll(refusal.Text(err), o.Namespace, "NAMESPACE"))
	var now openshiftv1.ApprovalTask
	if err := w.admin.Get(t.Context(), client.ObjectKeyFromObject(o), &now); err != nil {
		t.Fatal(err)
	}
	if now.ResourceVersion != o.ResourceVersion {
		t.Errorf("it was changed: %+v", now)
	}
}

// TestHostileWrites are those that are no JSON patch of the object itself.
func TestHostileWrites(t *testing.T) {
	said := golden.Open(t)
	merge := func(text string) func(*testing.T, client.Client, *openshiftv1.ApprovalTask) error {
		return func(t *testing.T, c client.Client, o *openshiftv1.ApprovalTask) error {
			return c.Patch(t.Context(), o, client.RawPatch(types.MergePatchType, []byte(text)))
		}
	}
	status := func(text string) func(*testing.T, client.Client, *openshiftv1.ApprovalTask) error {
		return func(t *testing.T, c client.Client, o *openshiftv1.ApprovalTask) error {
			return c.Status().Patch(t.Context(), o, client.RawPatch(types.MergePatchType, []byte(text)))
		}
	}
	for _, c := range []struct {
		name  string
		who   person
		write func(*testing.T, client.Client, *openshiftv1.ApprovalTask) error
	}{
		{"the state", alice, status(`{"status":{"state":"approved"}}`)},
		{"approvals received", alice, status(`{"status":{"approvalsReceived":2}}`)},
		{"approvals required", alice, status(`{"status":{"approvalsRequired":1}}`)},
		{"the status's approvers", alice, status(`{"status":{"approvers":["alice"]}}`)},
		{"a response", alice, status(`{"status":{"approversResponse":[{"name":"carol","type":"User","response":"approved"}]}}`)},
		{"what was looked at", alice, status(`{"status":{"answers":null}}`)},
		{"the spec by way of the status", alice, status(`{"spec":{"numberOfApprovalsRequired":1},"status":{"state":"approved"}}`)},
		{"the state, as a namesake", namesake, status(`{"status":{"state":"approved"}}`)},
		{"the state, as an administrator", admin, status(`{"status":{"state":"approved"}}`)},
		{"a merge patch of the list", alice, merge(`{"spec":{"approvers":[{"name":"alice","type":"User","input":"approve"}]}}`)},
		{"a merge patch of nothing", dave, merge(`{"spec":{"description":null}}`)},
		{"a whole other object", alice, func(t *testing.T, c client.Client, o *openshiftv1.ApprovalTask) error {
			o.Spec.Approvers[0].Input, o.Spec.Approvers[2].Input = openshiftv1.InputApprove, openshiftv1.InputApprove
			return c.Update(t.Context(), o)
		}},
		{"a forced apply", alice, func(t *testing.T, c client.Client, o *openshiftv1.ApprovalTask) error {
			body := fmt.Sprintf(`{"apiVersion":"openshift-pipelines.org/v1alpha1","kind":"ApprovalTask","metadata":{"name":%q},"spec":{"numberOfApprovalsRequired":2,"approvers":[{"name":"carol","type":"User","input":"approve"}]}}`, o.Name)
			return c.Patch(t.Context(), o, client.RawPatch(types.ApplyPatchType, []byte(body)), client.ForceOwnership, client.FieldOwner("mine"))
		}},
		{"a forced apply of the quorum", alice, func(t *testing.T, c client.Client, o *openshiftv1.ApprovalTask) error {
			body := fmt.Sprintf(`{"apiVersion":"openshift-pipelines.org/v1alpha1","kind":"ApprovalTask","metadata":{"name":%q},"spec":{"numberOfApprovalsRequired":1}}`, o.Name)
			return c.Patch(t.Context(), o, client.RawPatch(types.ApplyPatchType, []byte(body)), client.ForceOwnership, client.FieldOwner("mine"))
		}},
		{"a task of one's own", nobody, func(t *testing.T, c client.Client, o *openshiftv1.ApprovalTask) error {
			mine := task(o.Namespace)
			mine.Name = "mine"
			return c.Create(t.Context(), mine)
		}},
		{"a task of an administrator", admin, func(t *testing.T, c client.Client, o *openshiftv1.ApprovalTask) error {
			mine := task(o.Namespace)
			mine.Name = "mine"
			return c.Create(t.Context(), mine)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := w.stands(t, task(w.namespace(t)), openshiftv1.StatePending)
			refused(t, said, c.name, o, c.write(t, c.who.client(t, "almighty"), o.DeepCopy()))
		})
	}
}

// TestRoles: what the roles of the component leave to whom.
func TestRoles(t *testing.T) {
	said := golden.Open(t)
	for role, name := range map[string]string{"countersign-approvaltask-approver": "alice", "countersign-approvaltask-view": "viewer", "countersign-edit": "editor"} {
		if err := w.grant(t.Context(), role, "User", name); err != nil {
			t.Fatal(err)
		}
	}
	o := w.stands(t, task(w.namespace(t)), openshiftv1.StatePending)
	answer := client.RawPatch(types.JSONPatchType, []byte(`[{"op":"replace","path":"/spec/approvers/0/input","value":"approve"}]`))
	viewer, editor := person{"viewer", "staff"}, person{"editor", "staff"}
	mine := task(o.Namespace)
	mine.Name = "mine"
	refused(t, said, "an approver deletes", o, alice.client(t).Delete(t.Context(), o.DeepCopy()))
	refused(t, said, "an approver creates", o, alice.client(t).Create(t.Context(), mine.DeepCopy()))
	refused(t, said, "an approver writes the status", o, alice.client(t).Status().Patch(t.Context(), o.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(`{"status":{"state":"approved"}}`))))
	refused(t, said, "an editor creates", o, editor.client(t).Create(t.Context(), mine.DeepCopy()))
	refused(t, said, "a viewer answers", o, viewer.client(t).Patch(t.Context(), o.DeepCopy(), answer))
	refused(t, said, "nobody reads", o, nobody.client(t).Get(t.Context(), client.ObjectKeyFromObject(o), o.DeepCopy()))
	refused(t, said, "the service answers", o, w.service.Patch(t.Context(), o.DeepCopy(), answer)) // it answers for nobody
	for name, who := range map[string]person{"viewer": viewer, "approver": alice} {
		if err := who.client(t).Get(t.Context(), client.ObjectKeyFromObject(o), o.DeepCopy()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := alice.client(t).Patch(t.Context(), o, answer); err != nil {
		t.Error(err)
	}
}

// TestAfterTheEnd: what is decided takes no answers.
func TestAfterTheEnd(t *testing.T) {
	said := golden.Open(t)
	for _, state := range []openshiftv1.State{openshiftv1.StateApproved, openshiftv1.StateRejected} {
		o := w.stands(t, task(w.namespace(t)), state)
		for who, patch := range map[person]string{
			alice: `[{"op":"replace","path":"/spec/approvers/0/input","value":"reject"}]`,
			bob:   `[{"op":"replace","path":"/spec/approvers/1/users/0/input","value":"reject"}]`,
			carol: `[{"op":"add","path":"/spec/approvers/2/message","value":"too late"}]`,
		} {
			err := who.client(t, "almighty").Patch(t.Context(), o.DeepCopy(), client.RawPatch(types.JSONPatchType, []byte(patch)))
			refused(t, said, who.name+", "+string(state), o, err)
		}
	}
}

// TestAnswers: the good ways, one after another on one object.
func TestAnswers(t *testing.T) {
	said := golden.Open(t)
	o := w.stands(t, task(w.namespace(t)), openshiftv1.StatePending)
	for _, c := range []struct {
		name  string
		who   person
		patch string
	}{
		{"nothing", nobody, `[]`},
		{"approve, and say why", alice, `[{"op":"replace","path":"/spec/approvers/0/input","value":"approve"},{"op":"add","path":"/spec/approvers/0/message","value":"fine $(rm -rf /)"}]`},
		{"say it again", alice, `[{"op":"replace","path":"/spec/approvers/0/input","value":"approve"}]`},
		{"say it better", alice, `[{"op":"replace","path":"/spec/approvers/0/message","value":"fine"}]`},
		{"reject after all", alice, `[{"op":"replace","path":"/spec/approvers/0/input","value":"reject"}]`},
		{"a member more, as the CLI of v0.7 does", dave, `[{"op":"replace","path":"/spec/approvers/1/users","value":[{"name":"bob","input":"approve"},{"name":"dave","input":"approve"}]},
			{"op":"replace","path":"/spec/approvers/1/message","value":"me too"},
			{"op":"replace","path":"/spec/approvers/3/input","value":"approve"},{"op":"add","path":"/spec/approvers/3/users","value":[{"name":"dave","input":"approve"}]}]`},
		{"a member's rejection", dave, `[{"op":"replace","path":"/spec/approvers/1/users/1/input","value":"reject"},{"op":"replace","path":"/spec/approvers/1/input","value":"reject"}]`},
		{"a member's own message", bob, `[{"op":"add","path":"/spec/approvers/1/users/0/message","value":"still fine"}]`},
		// A user who is in a group too, as the CLI of v0.8 does.
		{"a user and their group", person{"carol", "dev"}, `[{"op":"replace","path":"/spec/approvers/2/input","value":"approve"},{"op":"replace","path":"/spec/approvers/1/input","value":"approve"},{"op":"replace","path":"/spec/approvers/1/message","value":"yes"}]`},
	} {
		if err := c.who.client(t, "almighty").Patch(t.Context(), o, client.RawPatch(types.JSONPatchType, []byte(c.patch))); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	refused(t, said, "approve what one has rejected", o, alice.client(t, "almighty").Patch(t.Context(), o.DeepCopy(), client.RawPatch(types.JSONPatchType, []byte(`[{"op":"replace","path":"/spec/approvers/0/input","value":"approve"}]`))))
	got, _ := json.Marshal(o.Spec.Approvers)
	want := `[{"name":"alice","type":"User","input":"reject","message":"fine"},` +
		`{"name":"dev","type":"Group","input":"approve","message":"yes","users":[{"name":"bob","input":"approve","message":"still fine"},{"name":"dave","input":"reject"}]},` +
		`{"name":"carol","type":"User","input":"approve"},` +
		`{"name":"sec","type":"Group","input":"approve","users":[{"name":"dave","input":"approve"}]}]`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestCollected: Kubernetes may take what it must to delete something, and nothing
// else.
func TestCollected(t *testing.T) {
	said := golden.Open(t)
	o := w.stands(t, task(w.namespace(t)), openshiftv1.StatePending)
	gc := person{"system:serviceaccount:kube-system:generic-garbage-collector", "system:serviceaccounts"}.client(t, "almighty")
	refused(t, said, "the quorum too", o, gc.Patch(t.Context(), o.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"ownerReferences":null},"spec":{"numberOfApprovalsRequired":1}}`))))
	if err := gc.Patch(t.Context(), o, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"ownerReferences":null}}`))); err != nil {
		t.Error(err)
	}
}

// TestLargest: the largest object that the schema lets through costs less than an
// expression may.
func TestLargest(t *testing.T) {
	const most, members = 128, 64
	o := task(w.namespace(t))
	o.Spec.Approvers = nil
	everybody := []openshiftv1.Member{}
	for i := range members - 1 {
		everybody = append(everybody, openshiftv1.Member{Name: fmt.Sprintf("someone-%d@example.com", i), Input: openshiftv1.InputApprove, Message: "fine"})
	}
	groups := []string{}
	for i := range most {
		groups = append(groups, fmt.Sprintf("oidc:team-number-%d", i))
		o.Spec.Approvers = append(o.Spec.Approvers, openshiftv1.Approver{Name: groups[i], Type: openshiftv1.Group, Input: openshiftv1.InputPending, Users: everybody})
	}
	w.stands(t, o, openshiftv1.StatePending)
	for i := range o.Spec.Approvers { // erin is in all of them, and answers as the CLI of v0.7 does
		a := &o.Spec.Approvers[i]
		a.Input, a.Message, a.Users = openshiftv1.InputApprove, "ok", nil
		for _, u := range everybody {
			a.Users = append(a.Users, openshiftv1.Member{Name: u.Name, Input: u.Input})
		}
		a.Users = append(a.Users, openshiftv1.Member{Name: "erin", Input: openshiftv1.InputApprove})
	}
	if err := (person{"erin", strings.Join(groups, ",")}).client(t, "almighty").Update(t.Context(), o); err != nil {
		t.Error(err)
	}
}

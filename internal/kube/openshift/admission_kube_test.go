//go:build kube

package openshift_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	openshiftv1 "github.com/countersign-dev/countersign/api/openshift/v1alpha1"
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

const fixed = "the list of approvers is fixed"

// TestHostilePatches: anyone who may patch ApprovalTasks by RBAC changes their own
// answer and nothing else. The patches are JSON patches, one operation after another;
// most hide behind an answer that by itself is allowed.
func TestHostilePatches(t *testing.T) {
	const (
		yes   = `{"op":"replace","path":"/spec/approvers/0/input","value":"approve"}` // alice's own
		other = "can only answer for yourself"
	)
	for _, c := range []struct {
		name  string
		who   person
		patch string
		want  string
	}{
		{"lower the quorum", alice, yes + `,{"op":"replace","path":"/spec/numberOfApprovalsRequired","value":1}`, "it takes 2 approvals, and that is fixed"},
		{"raise the quorum", alice, yes + `,{"op":"replace","path":"/spec/numberOfApprovalsRequired","value":9}`, "it takes 2 approvals, and that is fixed"},
		{"a quorum of none", alice, yes + `,{"op":"replace","path":"/spec/numberOfApprovalsRequired","value":0}`, "should be greater than or equal to 1"},
		{"change the description", alice, yes + `,{"op":"replace","path":"/spec/description","value":"harmless"}`, "must not change under them"},
		{"take the description away", alice, yes + `,{"op":"remove","path":"/spec/description"}`, "must not change under them"},
		{"append a ghost who approves", alice, yes + `,{"op":"add","path":"/spec/approvers/-","value":{"name":"ghost","type":"User","input":"approve"}}`, fixed},
		{"append a group", alice, yes + `,{"op":"add","path":"/spec/approvers/-","value":{"name":"staff","type":"Group","input":"pending"}}`, fixed},
		{"shorten the list", alice, yes + `,{"op":"remove","path":"/spec/approvers/2"}`, fixed},
		{"empty the list", alice, `{"op":"replace","path":"/spec/approvers","value":[]}`, fixed},
		{"rename an approver", alice, yes + `,{"op":"replace","path":"/spec/approvers/2/name","value":"mallory"}`, fixed},
		{"rename oneself", nobody, `{"op":"replace","path":"/spec/approvers/0/name","value":"mallory"},` + yes, fixed},
		{"swap the order", alice, yes + `,{"op":"move","from":"/spec/approvers/0","path":"/spec/approvers/2"}`, fixed},
		{"one's own name twice", alice, yes + `,{"op":"add","path":"/spec/approvers/-","value":{"name":"alice","type":"User","input":"approve"}}`, "Duplicate value"},
		{"a user into a group", alice, yes + `,{"op":"replace","path":"/spec/approvers/0/type","value":"Group"}`, fixed},
		{"a group into a user", dave, `{"op":"replace","path":"/spec/approvers/3/type","value":"User"}`, fixed},
		{"a type of nothing", alice, yes + `,{"op":"replace","path":"/spec/approvers/0/type","value":"Robot"}`, "Unsupported value"},
		{"forge another's input", alice, yes + `,{"op":"replace","path":"/spec/approvers/2/input","value":"approve"}`, "you are alice and " + other + ": leave the entry of carol"},
		{"reject as another", alice, `{"op":"replace","path":"/spec/approvers/2/input","value":"reject"}`, "leave the entry of carol"},
		{"forge another's message", alice, yes + `,{"op":"add","path":"/spec/approvers/2/message","value":"I agree"}`, "leave the entry of carol"},
		{"answer as nobody", nobody, yes, "you are mallory and " + other + ": leave the entry of alice"},
		{"answer in another case", person{"Alice", "staff"}, yes, "you are Alice and " + other},
		{"answer with garbage", alice, `{"op":"replace","path":"/spec/approvers/0/input","value":"yes"}`, `Unsupported value: "yes": supported values: "pending", "approve", "reject"`},
		{"answer with nothing", alice, `{"op":"remove","path":"/spec/approvers/0/input"}`, "spec.approvers[0].input: Required value"},
		{"a message without end", alice, yes + `,{"op":"add","path":"/spec/approvers/0/message","value":"` + strings.Repeat("x", 4097) + `"}`, "Too long"},
		{"users of a user", alice, yes + `,{"op":"add","path":"/spec/approvers/0/users","value":[{"name":"alice","input":"approve"}]}`, "a user's entry has no users of its own"},
		{"a group that one is not in", alice, `{"op":"add","path":"/spec/approvers/3/users","value":[{"name":"alice","input":"approve"}]}`, "you are alice and not in group sec"},
		{"the input of a group that one is not in", alice, yes + `,{"op":"replace","path":"/spec/approvers/3/input","value":"approve"}`, "not in group sec"},
		{"the message of a group that one is not in", alice, `{"op":"replace","path":"/spec/approvers/1/message","value":"doubtful"}`, "not in group dev"},
		{"a group of one's own name", person{"sec", "staff"}, `{"op":"replace","path":"/spec/approvers/3/input","value":"approve"}`, "you are sec and not in group sec"},
		{"a ghost in one's group", dave, `{"op":"add","path":"/spec/approvers/1/users/-","value":{"name":"ghost","input":"approve"}}`, "in users of group dev, leave everybody else"},
		{"a ghost beside oneself", dave, `{"op":"add","path":"/spec/approvers/3/users","value":[{"name":"dave","input":"approve"},{"name":"ghost","input":"approve"}]}`, "in users of group sec, leave everybody else"},
		{"another member's input", dave, `{"op":"replace","path":"/spec/approvers/1/users/0/input","value":"reject"}`, "in users of group dev, leave everybody else"},
		{"another member's message", dave, `{"op":"replace","path":"/spec/approvers/1/users/0/message","value":"never"}`, "in users of group dev, leave everybody else"},
		{"another member renamed", dave, `{"op":"replace","path":"/spec/approvers/1/users/0/name","value":"dave"}`, "in users of group dev, leave everybody else"},
		{"another member taken away", dave, `{"op":"remove","path":"/spec/approvers/1/users/0"}`, "in users of group dev, leave everybody else"},
		{"oneself twice", dave, `{"op":"add","path":"/spec/approvers/3/users","value":[{"name":"dave","input":"approve"},{"name":"dave","input":"approve"}]}`, "Duplicate value"},
		{"oneself taken away", bob, `{"op":"remove","path":"/spec/approvers/1/users/0"}`, "an answer is approve or reject, and stays"},
		{"one's answer back to pending", bob, `{"op":"replace","path":"/spec/approvers/1/users/0/input","value":"pending"}`, "an answer is approve or reject, and stays"},
		{"a member who answers with nothing", dave, `{"op":"add","path":"/spec/approvers/3/users","value":[{"name":"dave","input":"pending"}]}`, "an answer is approve or reject, and stays"},
		{"a group without oneself", dave, `{"op":"replace","path":"/spec/approvers/3/input","value":"approve"}`, "add yourself to users of the group: {name: dave, input: approve}"},
		{"a group's words without oneself", dave, `{"op":"replace","path":"/spec/approvers/1/message","value":"no"}`, "add yourself to users of the group"},
		{"a group back to pending", bob, `{"op":"replace","path":"/spec/approvers/1/input","value":"pending"}`, "what its own input says counts for nobody"},
		{"the run's label", alice, yes + `,{"op":"replace","path":"/metadata/labels/tekton.dev~1customRun","value":"other"}`, "labels and annotations of an ApprovalTask"},
		{"no labels", alice, yes + `,{"op":"remove","path":"/metadata/labels"}`, "labels and annotations of an ApprovalTask"},
		{"another Approval", alice, yes + `,{"op":"replace","path":"/metadata/annotations/countersign.dev~1approval","value":"other"}`, "labels and annotations of an ApprovalTask"},
		{"another owner", alice, yes + `,{"op":"replace","path":"/metadata/ownerReferences/0/uid","value":"other"}`, "owners and finalizers of an ApprovalTask"},
		{"no owner", alice, yes + `,{"op":"remove","path":"/metadata/ownerReferences"}`, "owners and finalizers of an ApprovalTask"},
		{"a finalizer", alice, yes + `,{"op":"add","path":"/metadata/finalizers","value":["example.com/stay"]}`, "owners and finalizers of an ApprovalTask"},
		{"the whole spec", alice, `{"op":"replace","path":"/spec","value":{"numberOfApprovalsRequired":1,"approvers":[{"name":"alice","type":"User","input":"approve"}]}}`, "it takes 2 approvals, and that is fixed"},
		{"a service of the same name elsewhere", namesake, yes, "you are system:serviceaccount:evil:countersign and " + other},
		{"an administrator's quorum", admin, `{"op":"replace","path":"/spec/numberOfApprovalsRequired","value":1}`, "it takes 2 approvals, and that is fixed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := w.stands(t, task(w.namespace(t)), openshiftv1.StatePending)
			err := c.who.client(t, "almighty").Patch(t.Context(), o.DeepCopy(), client.RawPatch(types.JSONPatchType, []byte("["+c.patch+"]")))
			refused(t, o, err, c.want)
		})
	}
}

// refused wants an error with a sentence in it, and the object as it was.
func refused(t *testing.T, o *openshiftv1.ApprovalTask, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got:\n%v\nwant a refusal with %q", err, want)
	}
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
	const alone = "ApprovalTasks are made, and their status is written, by Countersign alone"
	for _, c := range []struct {
		name  string
		who   person
		write func(*testing.T, client.Client, *openshiftv1.ApprovalTask) error
		want  string
	}{
		{"the state", alice, status(`{"status":{"state":"approved"}}`), "you are alice, and " + alone},
		{"approvals received", alice, status(`{"status":{"approvalsReceived":2}}`), alone},
		{"approvals required", alice, status(`{"status":{"approvalsRequired":1}}`), alone},
		{"the status's approvers", alice, status(`{"status":{"approvers":["alice"]}}`), alone},
		{"a response", alice, status(`{"status":{"approversResponse":[{"name":"carol","type":"User","response":"approved"}]}}`), alone},
		{"what was looked at", alice, status(`{"status":{"answers":null}}`), alone},
		{"the spec by way of the status", alice, status(`{"spec":{"numberOfApprovalsRequired":1},"status":{"state":"approved"}}`), alone},
		{"the state, as a namesake", namesake, status(`{"status":{"state":"approved"}}`), alone},
		{"the state, as an administrator", admin, status(`{"status":{"state":"approved"}}`), alone},
		{"a merge patch of the list", alice, merge(`{"spec":{"approvers":[{"name":"alice","type":"User","input":"approve"}]}}`), fixed},
		{"a merge patch of nothing", dave, merge(`{"spec":{"description":null}}`), "must not change under them"},
		{"a whole other object", alice, func(t *testing.T, c client.Client, o *openshiftv1.ApprovalTask) error {
			o.Spec.Approvers[0].Input, o.Spec.Approvers[2].Input = openshiftv1.InputApprove, openshiftv1.InputApprove
			return c.Update(t.Context(), o)
		}, "leave the entry of carol"},
		{"a forced apply", alice, func(t *testing.T, c client.Client, o *openshiftv1.ApprovalTask) error {
			body := fmt.Sprintf(`{"apiVersion":"openshift-pipelines.org/v1alpha1","kind":"ApprovalTask","metadata":{"name":%q},"spec":{"numberOfApprovalsRequired":2,"approvers":[{"name":"carol","type":"User","input":"approve"}]}}`, o.Name)
			return c.Patch(t.Context(), o, client.RawPatch(types.ApplyPatchType, []byte(body)), client.ForceOwnership, client.FieldOwner("mine"))
		}, "leave the entry of carol"},
		{"a forced apply of the quorum", alice, func(t *testing.T, c client.Client, o *openshiftv1.ApprovalTask) error {
			body := fmt.Sprintf(`{"apiVersion":"openshift-pipelines.org/v1alpha1","kind":"ApprovalTask","metadata":{"name":%q},"spec":{"numberOfApprovalsRequired":1}}`, o.Name)
			return c.Patch(t.Context(), o, client.RawPatch(types.ApplyPatchType, []byte(body)), client.ForceOwnership, client.FieldOwner("mine"))
		}, "it takes 2 approvals, and that is fixed"},
		{"a task of one's own", nobody, func(t *testing.T, c client.Client, o *openshiftv1.ApprovalTask) error {
			mine := task(o.Namespace)
			mine.Name = "mine"
			return c.Create(t.Context(), mine)
		}, "you are mallory, and " + alone},
		{"a task of an administrator", admin, func(t *testing.T, c client.Client, o *openshiftv1.ApprovalTask) error {
			mine := task(o.Namespace)
			mine.Name = "mine"
			return c.Create(t.Context(), mine)
		}, "you are admin, and " + alone},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := w.stands(t, task(w.namespace(t)), openshiftv1.StatePending)
			refused(t, o, c.write(t, c.who.client(t, "almighty"), o.DeepCopy()), c.want)
		})
	}
}

// TestRoles: what the roles of the component leave to whom.
func TestRoles(t *testing.T) {
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
	refused(t, o, alice.client(t).Delete(t.Context(), o.DeepCopy()), `cannot delete resource "approvaltasks"`)
	refused(t, o, alice.client(t).Create(t.Context(), mine.DeepCopy()), `cannot create resource "approvaltasks"`)
	refused(t, o, alice.client(t).Status().Patch(t.Context(), o.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(`{"status":{"state":"approved"}}`))), `cannot patch resource "approvaltasks/status"`)
	refused(t, o, editor.client(t).Create(t.Context(), mine.DeepCopy()), `cannot create resource "approvaltasks"`)
	refused(t, o, viewer.client(t).Patch(t.Context(), o.DeepCopy(), answer), `cannot patch resource "approvaltasks"`)
	refused(t, o, nobody.client(t).Get(t.Context(), client.ObjectKeyFromObject(o), o.DeepCopy()), `cannot get resource "approvaltasks"`)
	refused(t, o, w.service.Patch(t.Context(), o.DeepCopy(), answer), `cannot patch resource "approvaltasks"`) // it answers for nobody
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
	for _, state := range []openshiftv1.State{openshiftv1.StateApproved, openshiftv1.StateRejected} {
		o := w.stands(t, task(w.namespace(t)), state)
		for who, patch := range map[person]string{
			alice: `[{"op":"replace","path":"/spec/approvers/0/input","value":"reject"}]`,
			bob:   `[{"op":"replace","path":"/spec/approvers/1/users/0/input","value":"reject"}]`,
			carol: `[{"op":"add","path":"/spec/approvers/2/message","value":"too late"}]`,
		} {
			err := who.client(t, "almighty").Patch(t.Context(), o.DeepCopy(), client.RawPatch(types.JSONPatchType, []byte(patch)))
			refused(t, o, err, "it is "+string(state)+" already: there is nothing left to answer")
		}
	}
}

// TestAnswers: the good ways, one after another on one object.
func TestAnswers(t *testing.T) {
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
	refused(t, o, alice.client(t, "almighty").Patch(t.Context(), o.DeepCopy(), client.RawPatch(types.JSONPatchType, []byte(`[{"op":"replace","path":"/spec/approvers/0/input","value":"approve"}]`))),
		"an approval can still become a rejection")
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
	o := w.stands(t, task(w.namespace(t)), openshiftv1.StatePending)
	gc := person{"system:serviceaccount:kube-system:generic-garbage-collector", "system:serviceaccounts"}.client(t, "almighty")
	refused(t, o, gc.Patch(t.Context(), o.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"ownerReferences":null},"spec":{"numberOfApprovalsRequired":1}}`))),
		"it takes 2 approvals, and that is fixed")
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

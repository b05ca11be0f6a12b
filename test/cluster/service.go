package cluster

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/internal/app"
)

// NodeAddress is the cluster's node, where the tests' own servers listen: pods
// reach it.
const NodeAddress = "10.87.0.1"

// MailAddress is the address to which the service under test sends its mail.
const MailAddress = NodeAddress + ":2525"

// LeanConfig returns the part of MailConfig that every version of the service understands.
func LeanConfig() string { return mailConfig(external) }

func mailConfig(externalURL string) string {
	return "externalURL: " + externalURL + "\nsmtp: {host: " + NodeAddress + ", port: 2525, tls: none, from: Countersign <countersign@example.com>}\n"
}

// MailConfig is the service's configuration for tests.
func MailConfig(externalURL string) string {
	return mailConfig(externalURL) +
		// What tests do in one namespace within minutes others do not in a day.
		"limits: {namespace: {openApprovals: 50000, heldBytes: 1000000000, eventsPerMinute: 100000, waitingVotes: 20000, mailsPerHour: 1000000, mailsPerHourToOneAddress: 1000000}}\n"
}

// Room is the name of the webhook channel under test, and RoomAddress where it
// posts. A second one posts to where nobody listens.
const (
	Room        = "room"
	DeadRoom    = "dead"
	RoomAddress = NodeAddress + ":2526"
)

// RoomKey signs what is posted to the room.
var RoomKey = []byte("the key of the room, 32 bytes ok")

// rooms is the configuration of the channels under test.
func rooms() string {
	return "channels:\n" +
		"  - {name: " + Room + ", webhook: {url: 'http://" + RoomAddress + "/hook', secretFile: /etc/countersign-secrets/room-key}}\n" +
		"  - {name: " + DeadRoom + ", webhook: {url: 'http://" + NodeAddress + ":9/', secretFile: /etc/countersign-secrets/room-key}}\n"
}

// keyOf puts the room's key where the service reads it.
func keyOf(ctx context.Context, c client.Client) error {
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ServiceNamespace, Name: "countersign-secrets"}}
	s.StringData = map[string]string{"room-key": "whsec_" + base64.StdEncoding.EncodeToString(RoomKey)}
	err := c.Create(ctx, s)
	if apierrors.IsAlreadyExists(err) {
		patch := fmt.Appendf(nil, `{"stringData":{"room-key":%q}}`, s.StringData["room-key"])
		err = c.Patch(ctx, s, client.RawPatch(types.MergePatchType, patch))
	}
	return err
}

// Main starts the mail server of a test program and has the deployed service send
// to it, and to its rooms. It is for TestMain.
func Main() (*Mailbox, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	box, err := listen(MailAddress)
	if err != nil {
		return nil, err
	}
	return box, Deployed(ctx)
}

// Deployed has the deployed service send its mail to MailAddress, where the caller
// listens, and waits until all of its replicas do.
func Deployed(ctx context.Context) error { return DeployedWith(ctx, "", nil) }

// DeployedWith does so with more of a configuration, and secrets that it names.
func DeployedWith(ctx context.Context, config string, secrets map[string]string) error {
	cfg, err := ctrl.GetConfig()
	if err != nil {
		return err
	}
	scheme, err := app.Scheme()
	if err != nil {
		return err
	}
	c, err := client.New(cfg, client.Options{Scheme: scheme})
	if err != nil {
		return err
	}
	if err := keyOf(ctx, c); err != nil {
		return err
	}
	if len(secrets) > 0 {
		if err := setSecrets(ctx, c, secrets); err != nil {
			return err
		}
	}
	return configure(ctx, c, MailConfig(external)+rooms()+config)
}

// setSecrets puts secrets where the service reads them, beside those that are there.
func setSecrets(ctx context.Context, c client.Client, secrets map[string]string) error {
	patch, err := json.Marshal(map[string]any{"stringData": secrets})
	if err != nil {
		return err
	}
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ServiceNamespace, Name: "countersign-secrets"}}
	return c.Patch(ctx, s, client.RawPatch(types.MergePatchType, patch))
}

// Reconfigure gives the deployed service another configuration, and secrets beside
// those that it has, until the test ends.
func (e *Env) Reconfigure(text string, secrets map[string]string) {
	e.t.Helper()
	e.reconfigure(text+rooms(), secrets)
}

func (e *Env) reconfigure(text string, secrets map[string]string) {
	e.t.Helper()
	set := func(ctx context.Context, text string, secrets map[string]string) error {
		if err := setSecrets(ctx, e.WithWatch, secrets); err != nil {
			return err
		}
		return configure(ctx, e.WithWatch, text)
	}
	within := func(ctx context.Context, text string, secrets map[string]string) {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
		defer cancel()
		must(e.t, set(ctx, text, secrets))
	}
	e.t.Cleanup(func() { within(context.WithoutCancel(e.t.Context()), MailConfig(external)+rooms(), nil) })
	within(e.t.Context(), text, secrets)
}

// AddChannel has the deployed service know one more channel, and the secrets that it names, until
// the test ends. channel is one of the configuration's channels.
func (e *Env) AddChannel(channel map[string]any, secrets map[string]string) {
	e.t.Helper()
	raw, err := json.Marshal(channel)
	must(e.t, err)
	e.reconfigure(MailConfig(external)+rooms()+"  - "+string(raw)+"\n", secrets)
}

// external is the address at which, as the service under test thinks, people reach it.
const external = "http://countersign.test"

// configure gives the service its configuration and waits until every pod has it.
func configure(ctx context.Context, c client.Client, text string) error {
	cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: ServiceNamespace, Name: "countersign"}}
	err := c.Get(ctx, client.ObjectKeyFromObject(cm), cm)
	if apierrors.IsNotFound(err) { // the manifests leave it to anyone who installs
		err = c.Create(ctx, cm)
	}
	if err != nil {
		return fmt.Errorf("is the service deployed? %w", err)
	}
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: ServiceNamespace, Name: "countersign"}}
	if strings.TrimSpace(cm.Data["config.yaml"]) != strings.TrimSpace(text) {
		cm.Data = map[string]string{"config.yaml": text}
		if err := c.Update(ctx, cm); err != nil {
			return err
		}
		patch := fmt.Appendf(nil, `{"spec":{"template":{"metadata":{"annotations":{"countersign.dev/restarted":%q}}}}}`, time.Now().Format(time.RFC3339Nano))
		if err := c.Patch(ctx, d, client.RawPatch(types.MergePatchType, patch)); err != nil {
			return err
		}
	}
	for {
		if err := c.Get(ctx, client.ObjectKeyFromObject(d), d); err != nil {
			return err
		}
		var pods corev1.PodList
		if err := c.List(ctx, &pods, client.InNamespace(ServiceNamespace), client.MatchingLabels(d.Spec.Selector.MatchLabels)); err != nil {
			return err
		}
		s := d.Status
		if s.ObservedGeneration == d.Generation && s.UpdatedReplicas == *d.Spec.Replicas && s.AvailableReplicas == *d.Spec.Replicas && len(pods.Items) == int(*d.Spec.Replicas) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the service did not become available: %+v", s)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

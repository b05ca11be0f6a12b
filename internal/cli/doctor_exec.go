package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// execWithin bounds the time in which the service tries its connections.
const execWithin = time.Minute

// connections has the service itself try what its configuration names: from elsewhere the network
// is another one. countersign check prints a line of JSON for each.
func (d *doctor) connections(ctx context.Context) error {
	by := fmt.Sprintf("kubectl -n %s exec deployment/countersign -- countersign check", d.namespace)
	pods, err := d.list(ctx, schema.GroupKind{Kind: "Pod"}, client.InNamespace(d.namespace), client.MatchingLabels{"app.kubernetes.io/name": "countersign"})
	if err != nil {
		return err
	}
	name := ""
	for i := range pods {
		if phase, _, _ := unstructured.NestedString(pods[i].Object, "status", "phase"); phase == string(corev1.PodRunning) && pods[i].GetDeletionTimestamp() == nil {
			name = pods[i].GetName()
		}
	}
	if name == "" {
		d.say(levelUnknown, "fix the service first", "no pod of the service is running, so this was not tested")
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, execWithin)
	defer cancel()
	out, err := execIn(ctx, d.session.config, d.namespace, name, "/ko-app/countersign", "check", "--json")
	if err != nil && out == "" {
		d.say(levelUnknown, by, "the check could not be run in the service's pod: %v", err)
		return nil
	}
	lines := bufio.NewScanner(strings.NewReader(out))
	for lines.Scan() {
		var f struct{ Level, What, Remedy string }
		// A pod that only looks like the service's may print anything.
		if json.Unmarshal(lines.Bytes(), &f) == nil && slices.Contains([]string{levelOK, levelFailed}, f.Level) {
			d.say(f.Level, f.Remedy, "%s", f.What)
		}
	}
	if len(d.found) == 0 {
		d.say(levelUnknown, by, "the service's answer can't be parsed: does the service have another version?")
	}
	return nil
}

// execIn runs a command in a pod, and gives what it printed.
func execIn(ctx context.Context, config *rest.Config, namespace, pod string, command ...string) (string, error) {
	config = rest.CopyConfig(config)
	config.GroupVersion, config.APIPath = &corev1.SchemeGroupVersion, "/api"
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	c, err := rest.RESTClientFor(config)
	if err != nil {
		return "", err
	}
	request := c.Post().Resource("pods").Namespace(namespace).Name(pod).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{Container: "countersign", Command: command, Stdout: true, Stderr: true}, runtime.NewParameterCodec(scheme.Scheme))
	executor, err := remotecommand.NewSPDYExecutor(config, "POST", request.URL())
	if err != nil {
		return "", err
	}
	var out, problems bytes.Buffer
	err = executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: &out, Stderr: &problems})
	if err != nil && out.Len() == 0 {
		return "", fmt.Errorf("%w %s", err, strings.TrimSpace(problems.String()))
	}
	return out.String(), err
}

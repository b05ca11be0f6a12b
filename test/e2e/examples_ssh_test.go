//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/test/cluster"
)

// gitServer is a real sshd with a bare repository, which one key may read.
const gitServer = `
apiVersion: v1
kind: Service
metadata: {name: git}
spec: {selector: {app: git}, ports: [{port: 22}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: git}
spec:
  selector: {matchLabels: {app: git}}
  template:
    metadata: {labels: {app: git}}
    spec:
      containers:
        - name: sshd
          image: cluster.local/git-ssh:1
          command: [/bin/sh, -ec]
          args:
            - |
              mkdir -p /run/sshd /etc/keys /team /home/git
              (umask 077 && cat /keys/host-key >/etc/keys/host-key)
              cat /keys/authorized_keys >/etc/keys/authorized_keys
              export HOME=/tmp GIT_AUTHOR_NAME=Rob GIT_AUTHOR_EMAIL=rob@example.com GIT_COMMITTER_NAME=Rob GIT_COMMITTER_EMAIL=rob@example.com
              git init -q -b main /tmp/work && cd /tmp/work
              echo 'The shop, first edition' >README.md
              git add . && git commit -q -m 'Open the shop'
              git clone -q --bare /tmp/work /team/shop.git
              chown -R git /team /home/git
              exec /usr/sbin/sshd -D -e -f /dev/null -h /etc/keys/host-key -o AuthorizedKeysFile=/etc/keys/authorized_keys -o StrictModes=no -o PasswordAuthentication=no -o PidFile=none
          ports: [{containerPort: 22}]
          readinessProbe: {tcpSocket: {port: 22}, periodSeconds: 1}
          volumeMounts: [{name: keys, mountPath: /keys}]
      volumes: [{name: keys, secret: {secretName: git-server}}]
`

// A private repository over ssh, with a real sshd and git, started by curl; main moves on while
// people decide, and what was tested is what is released.
func TestExamplePrivateRepo(t *testing.T) {
	t.Parallel()
	e := tried(t, "private-repo", "git[.]example[.]com", "git")
	host, key := sshKey(t), sshKey(t)
	create := func(name string, data map[string]string) {
		t.Helper()
		if err := e.Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: e.NS, Name: name}, StringData: data}); err != nil {
			t.Fatal(err)
		}
	}
	create("git-server", map[string]string{"host-key": host.private, "authorized_keys": key.public})
	create("deploy-key", map[string]string{"ssh-privatekey": key.private, "known_hosts": "git " + host.public})
	e.Apply(gitServer)
	e.Eventually(2*time.Minute, "the git server", func() error {
		var d appsv1.Deployment
		if err := e.Get(t.Context(), types.NamespacedName{Namespace: e.NS, Name: "git"}, &d); err != nil {
			return err
		}
		if d.Status.AvailableReplicas == 0 {
			return fmt.Errorf("no replica is available")
		}
		return nil
	})
	listener := e.ListenerURL("check")
	e.ListenerURL("release")
	for _, other := range []string{
		`{"url": "ssh://git@elsewhere/team/shop.git"}`,
		`{"url": "ssh://git@git/team/shop.git; reboot"}`,
		`{"url": "--upload-pack=reboot"}`,
	} {
		e.Post(listener, nil, []byte(other)) // the key is not for these
	}
	e.Post(listener, nil, []byte(`{"url": "ssh://git@git/team/shop.git", "revision": "main"}`))
	one := ran(t, e, "check")
	one.ends(corev1.ConditionTrue, "Succeeded")
	commit := ""
	for _, r := range one.pipelineRun().Status.Results {
		if r.Name == "commit" {
			commit = r.Value.StringVal
		}
	}
	a := e.OneApproval()
	if len(commit) != 40 || !strings.Contains(fmt.Sprint(a.Spec.Resolved.Params), commit) {
		t.Fatalf("commit %q is not among what is approved: %v", commit, a.Spec.Resolved.Params)
	}
	if raw := fmt.Sprintf("%+v", *a); strings.Contains(raw, "PRIVATE KEY") {
		t.Error("the key is in the Approval")
	}
	inGit(t, e, "cd /tmp/work && echo 'The shop, second edition' >README.md && HOME=/tmp git -c user.name=Rob -c user.email=rob@example.com commit -q -a -m 'Paint the door' && HOME=/tmp git config --global --add safe.directory '*' && HOME=/tmp git push -q /team/shop.git main")
	one.says(a.Name, "alice@example.com", "approve", "")
	two := next(t, e, a.Name)
	two.ends(corev1.ConditionTrue, "Succeeded")
	if got, want := two.log("release"), "releasing "+commit+", approved by alice@example.com: The shop, first edition"; got != want {
		t.Errorf("release printed %q, want %q", got, want)
	}
	if n := len(e.Runs("check")); n != 1 {
		t.Errorf("%d runs of check: the others had no business here", n)
	}
}

type keyPair struct{ private, public string }

func sshKey(t *testing.T) keyPair {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key")
	if out, err := exec.CommandContext(t.Context(), "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "tekton", "-f", file).CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen: %v: %s", err, out)
	}
	read := func(name string) string {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	return keyPair{read(file), read(file + ".pub")}
}

func inGit(t *testing.T, e *cluster.Env, script string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "kubectl", "-n", e.NS, "exec", "deploy/git", "--", "/bin/sh", "-ec", script).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

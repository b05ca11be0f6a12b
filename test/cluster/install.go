package cluster

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Installation is a version of the service that tests install: its own manifests, and an image that
// the cluster has.
type Installation struct {
	Tree  string // a checkout of that version
	Image string
}

// This returns the version under test, as test/run.sh names it.
func This() Installation {
	return Installation{Tree: os.Getenv("COUNTERSIGN_ROOT"), Image: os.Getenv("COUNTERSIGN_IMAGE")}
}

// Previous returns an earlier landed version whose objects have the names of this one.
func Previous() Installation {
	return Installation{Tree: os.Getenv("COUNTERSIGN_PREVIOUS_TREE"), Image: os.Getenv("COUNTERSIGN_PREVIOUS_IMAGE")}
}

// Oldest returns the first version whose objects have the names that they have now.
func Oldest() Installation {
	return Installation{Tree: os.Getenv("COUNTERSIGN_OLDEST_TREE"), Image: os.Getenv("COUNTERSIGN_OLDEST_IMAGE")}
}

// Renamed returns an earlier landed version whose objects have other names.
func Renamed() Installation {
	return Installation{Tree: os.Getenv("COUNTERSIGN_RENAMED_TREE"), Image: os.Getenv("COUNTERSIGN_RENAMED_IMAGE")}
}

const koImage = "ko://github.com/countersign-dev/countersign/cmd/countersign"

// Manifests returns what kustomize makes of a folder of the version, such as deploy or deploy/overlays/ha.
func (i Installation) Manifests(ctx context.Context, folder string) (string, error) {
	if i.Tree == "" || i.Image == "" {
		return "", fmt.Errorf("a version to install has tree %q and image %q: test/run.sh names both", i.Tree, i.Image)
	}
	text, err := Command(ctx, "", "kubectl", "kustomize", filepath.Join(i.Tree, folder))
	return strings.ReplaceAll(text, koImage, i.Image), err
}

// Install does what the documentation tells people to do: to install, to upgrade, and to go back.
func (i Installation) Install(ctx context.Context, folder string) error {
	text, err := i.Manifests(ctx, folder)
	if err != nil {
		return err
	}
	_, err = Command(ctx, text, "kubectl", "apply", "--server-side", "-f", "-")
	return err
}

// RolledOut waits until all replicas are those of the Deployment as it is now.
func RolledOut(ctx context.Context) error {
	_, err := Command(ctx, "", "kubectl", "-n", ServiceNamespace, "rollout", "status", "deployment/countersign", "--timeout=3m")
	return err
}

// Removed removes what is installed, of any version, with all Gates and Approvals of the cluster, by the command that
// is made for it, and waits until its namespace is gone.
func Removed(ctx context.Context) error {
	if _, err := Command(ctx, "", os.Getenv("COUNTERSIGN_TKN"), "uninstall", "--data", "--ignore-triggers", "--yes"); err != nil {
		return err
	}
	// The command leaves a namespace that others have made, as Helm does.
	_, err := Command(ctx, "", "kubectl", "delete", "namespace", ServiceNamespace, "--ignore-not-found", "--timeout=2m")
	return err
}

// Command runs a program with an input, and returns what it wrote to its standard output. The error has what
// it wrote to the other one.
func Command(ctx context.Context, input, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 4*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin = strings.NewReader(input)
	var out, wrong bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &wrong
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s %s: %w\n%s%s", name, strings.Join(args, " "), err, &wrong, tail(out.Bytes(), 4000))
	}
	return out.String(), nil
}

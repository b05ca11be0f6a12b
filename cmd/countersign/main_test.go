package main

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestVersion: the program says its version wherever it is asked among its flags, and starts nothing.
func TestVersion(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"version"}, {"--version"}, {"-version"}, {"--log-level=debug", "--version"}} {
		if out, code := countersign(t, "", args...); code != 0 || out != "countersign devel\n" {
			t.Errorf("countersign %q: exit code %d, %q", args, code, out)
		}
	}
}

// TestStartingLine: the first line of the log says which version starts, even if its cluster is not there.
func TestStartingLine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const nowhere = `{apiVersion: v1, kind: Config, current-context: c, clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}], contexts: [{name: c, context: {cluster: c, user: u}}], users: [{name: u, user: {}}]}`
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "--config", write("config.yaml", "externalURL: https://approve.example.com\n"))
	cmd.Env = append(os.Environ(), asCommand+"=1", "KUBECONFIG="+write("kubeconfig", nowhere))
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	text, err := bufio.NewReader(log).ReadBytes('\n')
	var line struct{ Msg, Version string }
	if err != nil || json.Unmarshal(text, &line) != nil || line.Msg != "starting" || line.Version != "devel" {
		t.Errorf("%v: the log begins with %s", err, text)
	}
}

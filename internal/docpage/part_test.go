package docpage

import (
	"os"
	"path/filepath"
	"testing"
)

func TestHold(t *testing.T) {
	t.Parallel()
	const page = "before\n\n<!-- generated table: from x -->\n\nold\n\n<!-- end of table -->\n\nafter\n"
	path := filepath.Join(t.TempDir(), "page.md")
	if err := os.WriteFile(path, []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Hold(path, "table", "old", false); err != nil {
		t.Errorf("the same: %v", err)
	}
	if err := Hold(path, "table", "new\n", false); err == nil {
		t.Error("another text is no error")
	}
	if err := Hold(path, "table", "new\n", true); err != nil {
		t.Error(err)
	}
	got, err := os.ReadFile(path)
	if want := "before\n\n<!-- generated table: from x -->\n\nnew\n\n<!-- end of table -->\n\nafter\n"; err != nil || string(got) != want {
		t.Errorf("%v, got\n%s\nwant\n%s", err, got, want)
	}
	if err := Hold(path, "other", "x", true); err == nil {
		t.Error("a part that is not there is no error")
	}
}

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/chromedp/chromedp"
)

// shown are the pictures of the README: what somebody sees of a page at one moment.
var shown = []struct {
	file, page, scheme string
	width, height      int64
	top                string // the selector of what is at the top, "" for the page's beginning
}{
	{"board.png", "board.html", "light", 1100, 760, "h1"},
	{"plan.png", "plan-json.html", "light", 1100, 760, ""},
	{"plan-dark.png", "plan-json.html", "dark", 1100, 760, ""},
	{"phone.png", "plan-json.html", "light", 390, 760, ""},
	{"ended.png", "run-failed.html", "light", 1100, 760, ""},
}

// readme writes the pictures of the README into dir.
func readme(base, dir string) error {
	ctx, cancel := browser()
	defer cancel()
	for _, s := range shown {
		png, err := moment(ctx, base+"/"+s.page, s.scheme, s.top, s.width, s.height)
		if err != nil {
			return fmt.Errorf("%s: %w", s.file, err)
		}
		if err := os.WriteFile(filepath.Join(dir, s.file), png, 0o644); err != nil { //nolint:gosec // pictures for everybody
			return err
		}
	}
	return nil
}

func moment(ctx context.Context, url, scheme, top string, width, height int64) ([]byte, error) {
	if err := dressed(ctx, scheme); err != nil {
		return nil, err
	}
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(width, height), chromedp.Navigate(url)); err != nil {
		return nil, err
	}
	if top != "" {
		script := fmt.Sprintf(`(scrollBy(0, document.querySelector(%q).getBoundingClientRect().top - 24), true)`, top)
		if _, err := chromedp.Run(ctx, chromedp.Evaluate[bool](script)); err != nil {
			return nil, err
		}
	}
	return chromedp.Run(ctx, chromedp.CaptureScreenshot())
}

// Command storybook shows every page and mail with canned data, in each language: in English the
// golden files of templates; by a web server, or as pictures at a desk's and a phone's width, light
// and dark.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"html/template"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/countersign-dev/countersign/templates"
)

const golden = "templates/testdata/golden"

func main() {
	listen := flag.String("listen", "127.0.0.1:8090", "`address` to serve at")
	dir := flag.String("screenshots", "", "write a PNG of each page at each width into this `folder`, and end")
	only := flag.String("only", "", "of those whose name matches this `regexp` alone")
	images := flag.String("readme", "", "write the pictures of the README into this `folder`, and end")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "Shows every page and mail with canned data. Run it in the project's folder, after make golden.")
		flag.PrintDefaults()
	}
	flag.Parse()
	if err := run(*listen, *dir, *only, *images); err != nil {
		fmt.Fprintln(os.Stderr, "storybook:", err)
		os.Exit(1)
	}
}

func run(listen, dir, only, images string) error {
	names, err := pages()
	if err != nil {
		return err
	}
	other, err := translated()
	if err != nil {
		return err
	}
	names = append(names, sorted(other)...)
	wanted, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	names = slices.DeleteFunc(names, func(n string) bool { return !wanted.MatchString(n) })
	if dir != "" || images != "" {
		listen = "127.0.0.1:0"
	}
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", listen)
	if err != nil {
		return err
	}
	defer l.Close()
	base := "http://" + l.Addr().String()
	srv := &http.Server{Handler: handler(names, other), ReadHeaderTimeout: 5 * time.Second}
	if dir == "" && images == "" {
		fmt.Println("storybook: " + base)
		return srv.Serve(l)
	}
	go func() { _ = srv.Serve(l) }()
	if images != "" {
		return readme(base, images)
	}
	return screenshots(base, names, dir)
}

// pages are the names of the golden HTML files.
func pages() ([]string, error) {
	files, err := filepath.Glob(golden + "/*.html")
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s holds no page: run it in the project's folder", golden)
	}
	for i, f := range files {
		files[i] = filepath.Base(f)
	}
	return files, nil
}

var index = template.Must(template.New("index").Parse(`<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Storybook</title><link rel="stylesheet" href="/static/countersign.css">
<body><main class="wrap"><h1>Every page and mail</h1><ul>{{range .}}<li><a href="/{{.}}">{{.}}</a></li>{{end}}</ul></main></body></html>
`))

func handler(names []string, other map[string][]byte) http.Handler {
	mux := http.NewServeMux()
	for _, prefix := range []string{"/static/", "/countersign/static/"} { // some are behind a prefix
		mux.Handle("GET "+prefix, http.StripPrefix(prefix, http.FileServerFS(static())))
	}
	files := http.FileServer(http.Dir(golden))
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/")
		// The choice at a page's foot leads to the same page in that language.
		if to := r.URL.Query().Get("language"); to != "" {
			name = path.Base(name)
			if to != templates.English {
				name = to + "/" + name
			}
			http.Redirect(w, r, "/"+name, http.StatusSeeOther)
			return
		}
		if page, ok := other[name]; ok {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = w.Write(page)
			return
		}
		files.ServeHTTP(w, r)
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { _ = index.Execute(w, names) })
	return mux
}

func static() fs.FS { return templates.Static }

// widths are a desk's and a phone's.
var widths = []int64{1280, 390}

// schemes are what a reader's system may ask for.
var schemes = []string{"light", "dark"}

func screenshots(base string, names []string, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // pictures for everybody
		return err
	}
	ctx, cancel := browser()
	defer cancel()
	start := time.Now()
	for i, name := range names {
		for _, width := range widths {
			for _, scheme := range schemes {
				png, err := picture(ctx, base+"/"+name, width, scheme)
				if err != nil {
					return fmt.Errorf("%s at %d px: %w", name, width, err)
				}
				file := filepath.Join(dir, fmt.Sprintf("%s-%d-%s.png", strings.TrimSuffix(name, ".html"), width, scheme))
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { //nolint:gosec // pictures for everybody
					return err
				}
				if err := os.WriteFile(file, png, 0o644); err != nil { //nolint:gosec // pictures for everybody
					return err
				}
			}
		}
		fmt.Printf("%6.1fs  %d of %d  %s\n", time.Since(start).Seconds(), i+1, len(names), name)
	}
	return nil
}

func browser() (context.Context, context.CancelFunc) {
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-quic", true), chromedp.Flag("no-proxy-server", true))
	allocated, end := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, cancel := chromedp.NewContext(allocated)
	return ctx, func() {
		cancel()
		end()
	}
}

// dressed has pages be light or dark, as a reader's system may ask for.
func dressed(ctx context.Context, scheme string) error {
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	return err
}

func picture(ctx context.Context, url string, width int64, scheme string) ([]byte, error) {
	if err := dressed(ctx, scheme); err != nil {
		return nil, err
	}
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(width, 900), chromedp.Navigate(url)); err != nil {
		return nil, err
	}
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err == nil && len(png) == 0 {
		err = errors.New("an empty picture")
	}
	return png, err
}

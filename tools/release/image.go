package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// epoch is the time stamp of everything in a release, so that two builds give the same bytes.
var epoch = time.Unix(0, 0).UTC()

func (r *release) ociName() string { return "countersign-" + r.Version + "-image-oci.tar" }

func (r *release) dockerName(arch string) string {
	return "countersign-" + r.Version + "-image-linux-" + arch + ".docker.tar"
}

// images makes the image from nothing, one static program in one layer, and gives the digest of its index.
func (r *release) images(programs []program) (v1.Hash, error) {
	tag, err := name.NewTag(r.Repository + ":" + r.Version)
	if err != nil {
		return v1.Hash{}, err
	}
	var index v1.ImageIndex = mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, p := range programs {
		if p.Name != "countersign" {
			continue
		}
		img, err := r.image(p)
		if err != nil {
			return v1.Hash{}, err
		}
		if err := tarball.WriteToFile(filepath.Join(r.Out, r.dockerName(p.Arch)), tag, img); err != nil {
			return v1.Hash{}, err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: p.OS, Architecture: p.Arch}}})
	}
	dir, err := os.MkdirTemp("", "oci")
	if err != nil {
		return v1.Hash{}, err
	}
	defer os.RemoveAll(dir)
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		return v1.Hash{}, err
	}
	if err := path.AppendIndex(index, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": r.Version})); err != nil {
		return v1.Hash{}, err
	}
	archive, err := tarOf(dir)
	if err != nil {
		return v1.Hash{}, err
	}
	if err := r.write(r.ociName(), archive); err != nil {
		return v1.Hash{}, err
	}
	return index.Digest()
}

func (r *release) image(p program) (v1.Image, error) {
	layer, err := layerOf(p.Path)
	if err != nil {
		return nil, err
	}
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	if img, err = mutate.Append(img, mutate.Addendum{Layer: layer, History: v1.History{Created: v1.Time{Time: epoch}, CreatedBy: "make release"}}); err != nil {
		return nil, err
	}
	labels := map[string]string{
		"org.opencontainers.image.title":    "Countersign",
		"org.opencontainers.image.version":  r.Version,
		"org.opencontainers.image.source":   "https://" + module,
		"org.opencontainers.image.licenses": "Apache-2.0",
	}
	img, err = mutate.ConfigFile(img, &v1.ConfigFile{
		Architecture: p.Arch, OS: p.OS, Created: v1.Time{Time: epoch},
		Config:  v1.Config{Entrypoint: []string{"/ko-app/countersign"}, User: "65532", Env: []string{"PATH=/ko-app"}, WorkingDir: "/", Labels: labels},
		RootFS:  v1.RootFS{Type: "layers", DiffIDs: must(img.ConfigFile()).RootFS.DiffIDs},
		History: must(img.ConfigFile()).History,
	})
	if err != nil {
		return nil, err
	}
	return mutate.Annotations(img, labels).(v1.Image), nil
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// layerOf has the program where ko puts it, and a /tmp. The program brings the CAs of the world itself.
func layerOf(path string) (v1.Layer, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, h := range []*tar.Header{
		{Name: "ko-app/", Typeflag: tar.TypeDir, Mode: 0o755},
		{Name: "ko-app/countersign", Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(b))},
		{Name: "tmp/", Typeflag: tar.TypeDir, Mode: 0o1777},
	} {
		h.ModTime, h.Format = epoch, tar.FormatPAX
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := w.Write(b); err != nil {
				return nil, err
			}
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buf.Bytes())), nil }, tarball.WithMediaType(types.OCILayer))
}

// open reads the image of a release that was made.
func (r *release) open() (v1.ImageIndex, func(), error) {
	dir, err := os.MkdirTemp("", "oci")
	if err != nil {
		return nil, nil, err
	}
	done := func() { os.RemoveAll(dir) }
	if err := untar(filepath.Join(r.Out, r.ociName()), dir); err != nil {
		done()
		return nil, nil, fmt.Errorf("make the release first: %w", err)
	}
	outer, err := layout.ImageIndexFromPath(dir)
	if err == nil {
		var m *v1.IndexManifest
		if m, err = outer.IndexManifest(); err == nil {
			var inner v1.ImageIndex
			if inner, err = outer.ImageIndex(m.Manifests[0].Digest); err == nil {
				return inner, done, nil
			}
		}
	}
	done()
	return nil, nil, err
}

// push pushes the index under its version, and says by which digest it is pulled. What signs blobs signs the image too, the way
// that cosign looks for.
func (r *release) push() error {
	index, done, err := r.open()
	if err != nil {
		return err
	}
	defer done()
	var opts []name.Option
	if r.Insecure {
		opts = append(opts, name.Insecure)
	}
	tag, err := name.NewTag(r.Repository+":"+r.Version, opts...)
	if err != nil {
		return err
	}
	auth := remote.WithAuthFromKeychain(authn.DefaultKeychain)
	if err := remote.WriteIndex(tag, index, auth); err != nil {
		return err
	}
	digest, err := index.Digest()
	if err != nil {
		return err
	}
	fmt.Printf("%s@%s\n", r.Repository, digest)
	if r.Key == "" {
		return nil
	}
	key, err := readKey(r.Key)
	if err != nil {
		return err
	}
	payload := fmt.Appendf(nil, `{"critical":{"identity":{"docker-reference":%q},"image":{"docker-manifest-digest":%q},"type":"cosign container image signature"},"optional":null}`, r.Repository, digest)
	sig, err := key.sign(payload)
	if err != nil {
		return err
	}
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	if img, err = mutate.Append(img, mutate.Addendum{
		Layer: static.NewLayer(payload, "application/vnd.dev.cosign.simplesigning.v1+json"), Annotations: map[string]string{"dev.cosignproject.cosign/signature": sig},
	}); err != nil {
		return err
	}
	return remote.Write(tag.Context().Tag(digest.Algorithm+"-"+digest.Hex+".sig"), img, auth)
}

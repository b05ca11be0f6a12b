package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// Load reads and checks a file, and those of folder config.d beside it, where components put
// what they set. There may be none: then all is as by default. The error lists everything
// that is wrong.
func Load(path string) (Config, error) {
	names, err := files(path)
	if err != nil {
		return Config{}, fmt.Errorf("read configuration: %w", err)
	}
	raw, err := merge(names)
	if err != nil {
		return Config{}, fmt.Errorf("read configuration: %w", err)
	}
	c, err := parse(raw)
	if err != nil {
		return Config{}, fmt.Errorf("configuration %s:\n%w", strings.Join(names, ", "), err)
	}
	c.Files = names
	return c, nil
}

// files are the file, when it is there, and those of config.d in the order of their names.
func files(path string) ([]string, error) {
	dir := filepath.Dir(path)
	names, err := filepath.Glob(filepath.Join(dir, "config.d", "*.yaml"))
	if err != nil {
		return nil, err
	}
	_, err = os.Stat(path)
	if err == nil {
		return append([]string{path}, names...), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	// In an empty folder nothing is configured. With anything else in it, or without the folder,
	// somebody has misspelt a name, and must not be given the defaults.
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if name := e.Name(); name != "config.d" && !strings.HasPrefix(name, ".") { // Kubernetes' own begin with dots
			return nil, fmt.Errorf("there is no %s, but there is %s: does it need the other name?", path, filepath.Join(dir, name))
		}
	}
	return names, nil
}

// merge is all files as one. Each sets fields of its own: which of two would count could only
// be guessed.
func merge(names []string) ([]byte, error) {
	all, from := map[string]any{}, map[string]string{}
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		if len(names) == 1 {
			return raw, nil // as it is written, so that errors name its lines
		}
		var f file
		if err := yaml.UnmarshalStrict(raw, &f); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		var fields map[string]any
		if err := yaml.Unmarshal(raw, &fields); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for _, field := range slices.Sorted(maps.Keys(fields)) {
			if other := from[field]; other != "" {
				return nil, fmt.Errorf("%s is set in %s and in %s: keep one of them", field, other, name)
			}
			all[field], from[field] = fields[field], name
		}
	}
	return yaml.Marshal(all)
}

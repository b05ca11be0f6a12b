//go:build chaos

package chaos

import (
	"context"
	"fmt"
	"time"
)

// storeFaults break the store of the record. They are all kinds, whether this run has one.
func (i *injector) storeFaults() map[string]fault {
	return map[string]fault{
		// As after a power cut, and for a while.
		"store-down": func(ctx context.Context) (string, error) {
			d := i.seconds(6, 14)
			if err := i.store.Down(); err != nil {
				return "", err
			}
			wait(ctx, d)
			return fmt.Sprintf("for %.1f s", d.Seconds()), i.store.Up()
		},
		"store-refuses": func(ctx context.Context) (string, error) {
			d := i.seconds(6, 14)
			i.store.shut()
			wait(ctx, d)
			return fmt.Sprintf("for %.1f s", d.Seconds()), i.store.open(context.WithoutCancel(ctx))
		},
		"store-hangs": func(ctx context.Context) (string, error) {
			d := i.seconds(8, 20)
			goOn := i.store.hang()
			wait(ctx, d)
			goOn()
			return fmt.Sprintf("for %.1f s", d.Seconds()), nil
		},
		"store-slow": func(ctx context.Context) (string, error) {
			d, late := i.seconds(10, 20), i.seconds(0.3, 1.5)
			i.store.slow(late)
			wait(ctx, d)
			i.store.slow(0)
			return fmt.Sprintf("each piece after %.1f s, for %.1f s", late.Seconds(), d.Seconds()), nil
		},
		"store-full": i.fullStore,
	}
}

// fullStore fills the disk. A PostgreSQL that ended of it is started again.
func (i *injector) fullStore(ctx context.Context) (string, error) {
	d := i.seconds(8, 16)
	empty, n, err := i.store.fill()
	if err != nil {
		return "", err
	}
	wait(ctx, d)
	if err := empty(); err != nil {
		return "", err
	}
	end, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	ended := ""
	err = persist(end, func() error {
		if i.store.Runs() {
			return nil
		}
		ended = ", it ended of it"
		return i.store.Up()
	})
	return fmt.Sprintf("%d MiB filled it, for %.1f s%s", n>>20, d.Seconds(), ended), err
}

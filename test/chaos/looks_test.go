//go:build chaos

package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/countersign-dev/countersign/test/chaos/history"
)

// looks looks at the service all the time, as somebody who waits for it: a page's worth
// of reading, and a vote that changes each time.
func (l *load) looks(ctx context.Context, approval string) {
	at := l.w.url + "/api/v1/namespaces/" + l.w.ns + "/approvals/" + approval
	var n atomic.Int64
	vote := func(ctx context.Context, p *history.Look) {
		body, err := json.Marshal(map[string]any{"vote": "approve", "comment": fmt.Sprintf("look %d", n.Add(1))})
		if err == nil {
			p.Status, p.Err = post(ctx, web, at+"/votes", asJSON(l.w.tokens["probe"]), body)
		}
	}
	get := func(ctx context.Context, p *history.Look) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
		if err != nil {
			p.Err = err.Error()
			return
		}
		req.Header.Set("Authorization", "Bearer "+l.w.tokens["probe"])
		resp, err := web.Do(req)
		if err != nil {
			p.Err = err.Error()
			return
		}
		_ = resp.Body.Close()
		p.Status = resp.StatusCode
	}
	for kind, look := range map[string]func(context.Context, *history.Look){"get": get, "vote": vote} {
		go func() {
			tick := time.NewTicker(500 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
				go func() {
					once, cancel := context.WithTimeout(ctx, 10*time.Second)
					defer cancel()
					p := history.Look{Kind: kind, Start: time.Now()}
					look(once, &p)
					p.Took = float64(time.Since(p.Start).Microseconds()) / 1000
					if p.Status/100 == 2 {
						p.Err = ""
					}
					if ctx.Err() == nil {
						l.o.Add(history.LooksFile, p)
					}
				}()
			}
		}()
	}
}

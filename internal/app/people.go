package app

import (
	"github.com/countersign-dev/countersign/approvals/web"
	"github.com/countersign-dev/countersign/internal/audit/sqlstore"
	"github.com/countersign-dev/countersign/internal/intake"
	"github.com/countersign-dev/countersign/internal/oidc"
)

func (c *core) people(kept *sqlstore.Ledger) (web.Deps, error) {
	d := web.Deps{
		Store: c.store, Overview: c.overview, Desk: c.desk, People: c.Config.Directory, Auth: c.auth, Operators: c.auth, Dashboard: c.Config.Dashboard,
		Ring: c.keys.Ring, Templates: c.pages, External: c.Config.External, Now: c.Now, Log: c.Log, Observe: c.metrics.observe,
		Proved: intake.Proved, Evidence: c.evidence, Uploads: c.uploads(),
	}
	if conf := c.Config.OIDC; conf != nil {
		login, err := oidc.New(*conf, oidc.Deps{External: c.Config.External, Ring: c.keys.Ring, Now: c.Now, Log: c.Log})
		if err != nil {
			return d, err
		}
		d.Login, d.Auth, d.Changes = login, oidc.Bearer{Cluster: c.auth, Login: login}, c.news.Changes
	}
	if kept != nil {
		d.History, c.desk.Recording = kept, kept
	}
	return d, nil
}

package oidc

import (
	"context"

	"github.com/countersign-dev/countersign/approvals"
)

// Cluster proves the cluster's own tokens and knows what RBAC lets people see.
type Cluster interface {
	Authenticate(ctx context.Context, token string) (approvals.Identity, error)
	MaySee(ctx context.Context, id approvals.Identity, verb, namespace, name string) (bool, error)
}

// Bearer proves bearer tokens: ID tokens of the login's provider, and all others
// by the cluster.
type Bearer struct {
	Cluster
	Login *Login
}

// Authenticate implements Cluster.
func (b Bearer) Authenticate(ctx context.Context, token string) (approvals.Identity, error) {
	if b.Login.Issued(token) {
		return b.Login.Authenticate(ctx, token)
	}
	return b.Cluster.Authenticate(ctx, token)
}

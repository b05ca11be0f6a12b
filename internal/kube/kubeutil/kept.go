package kubeutil

// What informers' caches keep of values that tenants write: docs/reference/limits.md.
const (
	// MaxKept is how many bytes of an Approval's values are kept, and of its votes' words, and
	// of its claims. Most have less: nothing is read a second time for them.
	MaxKept = 512
	// PerText is what a text costs beside its bytes.
	PerText = 16
)

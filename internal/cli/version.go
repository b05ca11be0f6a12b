package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/internal/version"
)

const interceptorName = "countersign"

func (c *command) versionCommand() *cobra.Command {
	var alone bool
	cmd := &cobra.Command{
		Use: "version", Short: "Show the versions of this program and of the service, and whether they work together",
		Long: `Show the versions of this program and of the service, and whether they work together.

The service writes its version to ClusterInterceptor countersign. The two may be one minor
version apart; more than that is an error. Without the permission to get ClusterInterceptors
you see only the version of this program.`,
		Example:           examples("tkn approval version\ntkn approval version --client"),
		Args:              none,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			fmt.Fprintf(c.Out, "tkn-approval %s, %s\n", c.Version, v1alpha1.GroupVersion)
			if alone {
				return nil
			}
			s, err := c.connect()
			if err != nil {
				return err
			}
			server, err := s.serverVersion(cmd.Context())
			switch {
			case apierrors.IsForbidden(err):
				_, err := fmt.Fprintln(c.Out, "service      unknown: you may not get clusterinterceptors.triggers.tekton.dev")
				return err
			case err != nil:
				return err
			}
			fmt.Fprintf(c.Out, "service      %s\n", line(server))
			if apart := version.Skew(c.Version, server); apart != "" {
				return errors.New(apart)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&alone, "client", false, "only this program's version, without a cluster")
	return cmd
}

// serverVersion asks the service for its version.
func (s *session) serverVersion(ctx context.Context) (string, error) {
	ci := &metav1.PartialObjectMetadata{}
	ci.SetGroupVersionKind(schema.GroupVersionKind{Group: "triggers.tekton.dev", Version: "v1alpha1", Kind: "ClusterInterceptor"})
	err := s.client.Get(ctx, client.ObjectKey{Name: interceptorName}, ci)
	if apierrors.IsNotFound(err) || meta.IsNoMatchError(err) {
		return "not installed: there is no ClusterInterceptor " + interceptorName, nil
	}
	if err != nil {
		return "", err
	}
	if v := ci.Annotations[version.Annotation]; v != "" {
		return v, nil
	}
	return "older than v0.1.0", nil
}

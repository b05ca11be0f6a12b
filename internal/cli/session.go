package cli

import (
	"context"
	"errors"
	"fmt"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
)

type session struct {
	client    client.WithWatch
	namespace string
	scheme    *runtime.Scheme
	me        *approvals.Identity
	config    *rest.Config
}

// connect reads the kubeconfig. It asks the cluster nothing.
func (c *command) connect() (*session, error) {
	if c.sess != nil {
		return c.sess, nil
	}
	loader := c.flags.ToRawKubeConfigLoader()
	raw, err := loader.RawConfig()
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig: %w", err)
	}
	if len(raw.Clusters) == 0 && *c.flags.APIServer == "" && !inCluster() {
		return nil, errors.New("no kubeconfig found: give --kubeconfig FILE, or set KUBECONFIG")
	}
	cfg, err := loader.ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("the kubeconfig can't be used: %w; kubectl config get-contexts lists the contexts", err)
	}
	cfg.QPS, cfg.Burst = 50, 100
	cfg.WarningHandler = rest.NewWarningWriter(c.Err, rest.WarningWriterOptions{Deduplicate: true})
	s := &session{scheme: runtime.NewScheme(), config: cfg}
	if s.namespace, _, err = loader.Namespace(); err != nil {
		return nil, fmt.Errorf("the kubeconfig's namespace: %w", err)
	}
	for _, add := range []func(*runtime.Scheme) error{v1alpha1.AddToScheme, authenticationv1.AddToScheme, authorizationv1.AddToScheme} {
		if err := add(s.scheme); err != nil {
			return nil, err
		}
	}
	if s.client, err = client.NewWithWatch(cfg, client.Options{Scheme: s.scheme, Mapper: mapper()}); err != nil {
		return nil, err
	}
	c.sess = s
	return s, nil
}

func inCluster() bool {
	_, err := rest.InClusterConfig()
	return err == nil
}

// mapper knows the few resources that are asked for, which saves asking the API
// server for all that it has.
func mapper() meta.RESTMapper {
	m := meta.NewDefaultRESTMapper(nil)
	for _, kind := range []string{"Approval", "Gate", "Vote", "Delegation", "Evidence"} {
		m.Add(v1alpha1.GroupVersion.WithKind(kind), meta.RESTScopeNamespace)
	}
	m.Add(authenticationv1.SchemeGroupVersion.WithKind("SelfSubjectReview"), meta.RESTScopeRoot)
	m.Add(authorizationv1.SchemeGroupVersion.WithKind("SelfSubjectAccessReview"), meta.RESTScopeRoot)
	m.Add(authorizationv1.SchemeGroupVersion.WithKind("SubjectAccessReview"), meta.RESTScopeRoot)
	m.Add(schema.GroupVersionKind{Group: "triggers.tekton.dev", Version: "v1alpha1", Kind: "ClusterInterceptor"}, meta.RESTScopeRoot)
	return m
}

// whoami returns the caller's user name and groups, by the API server.
func (s *session) whoami(ctx context.Context) (approvals.Identity, error) {
	if s.me == nil {
		var r authenticationv1.SelfSubjectReview
		if err := s.client.Create(ctx, &r); err != nil {
			return approvals.Identity{}, fmt.Errorf("ask the cluster who you are: %w", err)
		}
		u := r.Status.UserInfo
		s.me = &approvals.Identity{Name: u.Username, Groups: u.Groups, AuthMethod: approvals.AuthObject}
	}
	return *s.me, nil
}

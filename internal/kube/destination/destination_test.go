package destination

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/golden"
)

// world is EventListener shop/hooks and the Service that Triggers makes for it.
func world() (*triggersv1.EventListener, *corev1.Service) {
	el := &triggersv1.EventListener{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "hooks", UID: "u-1"}}
	svc := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "el-hooks", UID: "s-1", OwnerReferences: []metav1.OwnerReference{
			{APIVersion: "triggers.tekton.dev/v1beta1", Kind: "EventListener", Name: "hooks", UID: "u-1", Controller: new(true)},
		}},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeClusterIP, ClusterIP: "10.96.0.10", Selector: map[string]string{"eventlistener": "hooks"},
			Ports: []corev1.ServicePort{{Name: "http-listener", Port: 8080}, {Name: "http-metrics", Port: 9000}},
		},
	}
	return el, svc
}

func withTLS(el *triggersv1.EventListener, names ...string) {
	el.Spec.Resources.KubernetesResource = &triggersv1.KubernetesResource{}
	var env []corev1.EnvVar
	for _, name := range names {
		env = append(env, corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{Key: "k"}}})
	}
	el.Spec.Resources.KubernetesResource.Template.Spec.Containers = []corev1.Container{{Env: env}}
}

// TestOf: an address is the EventListener's own Service's, or there is none.
func TestOf(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	for name, c := range map[string]struct {
		change func(*triggersv1.EventListener, *corev1.Service)
		want   string // where it leads, or
		code   approvals.Code
	}{
		"as Triggers makes it": {nil, "http://el-hooks.shop.svc:8080 at 10.96.0.10", ""},
		"IPv6":                 {func(_ *triggersv1.EventListener, s *corev1.Service) { s.Spec.ClusterIP = "fd00:10:96::a" }, "http://el-hooks.shop.svc:8080 at fd00:10:96::a", ""},
		"a NodePort has a ClusterIP": {func(_ *triggersv1.EventListener, s *corev1.Service) {
			s.Spec.Type, s.Spec.Ports[0].NodePort = corev1.ServiceTypeNodePort, 30080
		}, "http://el-hooks.shop.svc:8080 at 10.96.0.10", ""},
		"another port": {func(_ *triggersv1.EventListener, s *corev1.Service) { s.Spec.Ports[0].Port = 80 }, "http://el-hooks.shop.svc:80 at 10.96.0.10", ""},
		"TLS": {func(el *triggersv1.EventListener, s *corev1.Service) {
			withTLS(el, "TLS_CERT", "TLS_KEY")
			s.Spec.Ports[0] = corev1.ServicePort{Name: "https-listener", Port: 8443}
		}, "https://el-hooks.shop.svc:8443 at 10.96.0.10", ""},
		"TLS that is not served yet, not in the clear": {func(el *triggersv1.EventListener, _ *corev1.Service) { withTLS(el, "TLS_CERT", "TLS_KEY") }, "", approvals.CodeUnavailable},
		"TLS by the Service's word alone": {func(_ *triggersv1.EventListener, s *corev1.Service) {
			s.Spec.Ports[0].Name = "https-listener"
		}, "", approvals.CodeUnavailable},
		"half of TLS is none": {func(el *triggersv1.EventListener, _ *corev1.Service) { withTLS(el, "TLS_CERT") }, "http://el-hooks.shop.svc:8080 at 10.96.0.10", ""},
		"the status has no say": {func(el *triggersv1.EventListener, _ *corev1.Service) {
			el.Status.SetAddress("evil.example:8080")
		}, "http://el-hooks.shop.svc:8080 at 10.96.0.10", ""},

		"nobody's": {func(_ *triggersv1.EventListener, s *corev1.Service) { s.OwnerReferences = nil }, "", approvals.CodeInvalid},
		"of an EventListener before this one": {func(_ *triggersv1.EventListener, s *corev1.Service) {
			s.OwnerReferences[0].UID = "u-0"
		}, "", approvals.CodeInvalid},
		"of two that have no UID": {func(el *triggersv1.EventListener, s *corev1.Service) {
			el.UID, s.OwnerReferences[0].UID = "", ""
		}, "", approvals.CodeInvalid},
		"owned, not controlled": {func(_ *triggersv1.EventListener, s *corev1.Service) { s.OwnerReferences[0].Controller = nil }, "", approvals.CodeInvalid},
		"of another kind":       {func(_ *triggersv1.EventListener, s *corev1.Service) { s.OwnerReferences[0].Kind = "Deployment" }, "", approvals.CodeInvalid},
		"of another group": {func(_ *triggersv1.EventListener, s *corev1.Service) {
			s.OwnerReferences[0].APIVersion = "triggers.tekton.dev.evil/v1"
		}, "", approvals.CodeInvalid},
		"of another name":       {func(_ *triggersv1.EventListener, s *corev1.Service) { s.Name = "other" }, "", approvals.CodeInvalid},
		"of another namespace":  {func(_ *triggersv1.EventListener, s *corev1.Service) { s.Namespace = "evil" }, "", approvals.CodeInvalid},
		"ExternalName":          {func(_ *triggersv1.EventListener, s *corev1.Service) { s.Spec.Type = "ExternalName" }, "", approvals.CodeInvalid},
		"headless":              {func(_ *triggersv1.EventListener, s *corev1.Service) { s.Spec.ClusterIP = "None" }, "", approvals.CodeInvalid},
		"no address yet":        {func(_ *triggersv1.EventListener, s *corev1.Service) { s.Spec.ClusterIP = "" }, "", approvals.CodeInvalid},
		"a name":                {func(_ *triggersv1.EventListener, s *corev1.Service) { s.Spec.ClusterIP = "evil.example" }, "", approvals.CodeInvalid},
		"endpoints by hand":     {func(_ *triggersv1.EventListener, s *corev1.Service) { s.Spec.Selector = nil }, "", approvals.CodeInvalid},
		"pods of another":       {func(_ *triggersv1.EventListener, s *corev1.Service) { s.Spec.Selector["eventlistener"] = "evil" }, "", approvals.CodeInvalid},
		"loopback":              {ip("127.0.0.1"), "", approvals.CodeInvalid},
		"loopback, IPv6":        {ip("::1"), "", approvals.CodeInvalid},
		"loopback, mapped":      {ip("::ffff:127.0.0.1"), "", approvals.CodeInvalid},
		"metadata of the cloud": {ip("169.254.169.254"), "", approvals.CodeInvalid},
		"link-local, IPv6":      {ip("fe80::1"), "", approvals.CodeInvalid},
		"with a zone":           {ip("fe80::1%eth0"), "", approvals.CodeInvalid},
		"unspecified":           {ip("0.0.0.0"), "", approvals.CodeInvalid},
		"unspecified, IPv6":     {ip("::"), "", approvals.CodeInvalid},
		"multicast":             {ip("224.0.0.1"), "", approvals.CodeInvalid},
		"broadcast":             {ip("255.255.255.255"), "", approvals.CodeInvalid},
		"a port that is none":   {func(_ *triggersv1.EventListener, s *corev1.Service) { s.Spec.Ports[0].Port = 70_000 }, "", approvals.CodeUnavailable},
		"the port of metrics":   {func(_ *triggersv1.EventListener, s *corev1.Service) { s.Spec.Ports = s.Spec.Ports[1:] }, "", approvals.CodeUnavailable},
		"Knative": {func(el *triggersv1.EventListener, _ *corev1.Service) {
			el.Spec.Resources.CustomResource = &triggersv1.CustomResource{RawExtension: runtime.RawExtension{Raw: []byte(`{"kind":"Service","apiVersion":"serving.knative.dev/v1"}`)}}
		}, "", approvals.CodeInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			el, svc := world()
			if c.change != nil {
				c.change(el, svc)
			}
			d, err := Of(el, svc)
			if c.want != "" {
				if err != nil || d.String() != c.want || d.Name() != "shop/hooks" {
					t.Errorf("%s of %s, %v; want %s", d, d.Name(), err, c.want)
				}
				return
			}
			if approvals.CodeOf(err) != c.code || d != (Destination{}) {
				t.Errorf("%s: %v, want %s", approvals.CodeOf(err), err, c.code)
			}
			said.Check(t, name, approvals.Message(err))
		})
	}
	el, _ := world()
	_, err := Of(el, nil)
	if approvals.CodeOf(err) != approvals.CodeUnavailable {
		t.Errorf("without a Service: %v", err)
	}
	said.Check(t, "without a Service", approvals.Message(err))
}

func ip(s string) func(*triggersv1.EventListener, *corev1.Service) {
	return func(_ *triggersv1.EventListener, svc *corev1.Service) { svc.Spec.ClusterIP = s }
}

// notPaths are addresses that lead elsewhere when they are written behind a host, or
// that are no path as HTTP writes it.
var notPaths = []string{
	"%2fx@attacker/", "@attacker/", ".attacker/", ":80@attacker/x", "1/x", "attacker/x", "//attacker/x", "/\\attacker/x", "\\\\attacker", "http://attacker/x", "https:attacker",
	"/x#y", "/x\r\nHost: attacker", "/x y", "/x\x00", "/x\x7f", "?x=1", "*", "", "/%zz", "/a|b",
}

func TestTo(t *testing.T) {
	t.Parallel()
	el, svc := world()
	d, err := Of(el, svc)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/", "/hooks/a%2Fb?env=prod", "/x?", "/@attacker/x", "/x?next=http://user@attacker/", "/%2fx@attacker/", "/..;/x", "/x?q=%00"} {
		u, err := d.to(path)
		if err != nil {
			t.Errorf("%q: %v", path, err)
			continue
		}
		if d := cmp.Diff("http://el-hooks.shop.svc:8080"+path, u.String()); d != "" {
			t.Error(d)
		}
	}
	for _, path := range notPaths {
		if u, err := d.to(path); err == nil {
			t.Errorf("%q leads to %s", path, u)
		}
	}
}

package destination

import (
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/interceptor/resend"
)

// Label is on every Service that Triggers makes for an EventListener, and in its
// selector. It proves nothing.
const Label = "eventlistener"

// Names of Triggers' ports. Beside these the Service has one for metrics.
const (
	plainPort = "http-listener"
	tlsPort   = "https-listener"
)

// Destination is one EventListener's Service. It can be compared: two that are equal
// lead to the same Service, with or without TLS.
type Destination struct {
	namespace, listener string
	listenerUID, uid    types.UID // of the EventListener and of the Service
	address             netip.AddrPort
	tls                 bool
}

// ServiceName is the name that Triggers gives an EventListener's Service.
func ServiceName(el *triggersv1.EventListener) string { return "el-" + el.Name }

// Of returns the address for el's events. svc is the Service ServiceName of el's namespace,
// nil when it does not exist. Errors: CodeUnavailable for what may change by itself,
// CodeInvalid for what somebody has to change.
func Of(el *triggersv1.EventListener, svc *corev1.Service) (Destination, error) {
	refuse := func(code approvals.Code, format string, args ...any) (Destination, error) {
		args = append([]any{el.Namespace, el.Name}, args...)
		return Destination{}, approvals.Errorf(code, "EventListener %s/%s "+format, args...)
	}
	if el.Spec.Resources.CustomResource != nil {
		return refuse(approvals.CodeInvalid, "has resources.customResource (Knative, for example), so it has no Service of its own that the signed event could be posted to: "+
			"run the Trigger by an EventListener with resources.kubernetesResource, which is the default")
	}
	if svc == nil {
		return refuse(approvals.CodeUnavailable, "has no Service %s yet: check its status and the controller of Tekton Triggers", ServiceName(el))
	}
	if owner := metav1.GetControllerOf(svc); owner == nil || owner.Kind != "EventListener" || !strings.HasPrefix(owner.APIVersion, "triggers.tekton.dev/") ||
		owner.Name != el.Name || el.UID == "" || owner.UID != el.UID || svc.Namespace != el.Namespace || svc.Name != ServiceName(el) {
		return refuse(approvals.CodeInvalid, "does not own Service %s, so nothing is posted to it: find out who created that Service and delete it; Triggers then creates the right one", ServiceName(el))
	}
	if svc.Spec.Selector[Label] != el.Name {
		return refuse(approvals.CodeInvalid, "has a Service %s that does not select its pods (%s=%s), so nothing is posted to it: delete the Service; Triggers creates it again", ServiceName(el), Label, el.Name)
	}
	addr, why := clusterIP(svc)
	if why != "" {
		return refuse(approvals.CodeInvalid, "has a Service %s %s, so nothing is posted to it: delete the Service; Triggers creates it again", ServiceName(el), why)
	}
	d := Destination{namespace: el.Namespace, listener: el.Name, listenerUID: el.UID, uid: svc.UID, tls: hasTLS(el)}
	name := plainPort
	if d.tls {
		name = tlsPort
	}
	for _, p := range svc.Spec.Ports {
		if p.Name == name && p.Port > 0 && p.Port < 1<<16 {
			d.address = netip.AddrPortFrom(addr, uint16(p.Port))
			return d, nil
		}
	}
	return refuse(approvals.CodeUnavailable, "has a Service %s without port %s yet: check the controller of Tekton Triggers", ServiceName(el), name)
}

// clusterIP is svc's, or why it is none to post to. NodePort and LoadBalancer have
// one too, and only that one is used.
func clusterIP(svc *corev1.Service) (_ netip.Addr, why string) {
	switch svc.Spec.Type {
	case "", corev1.ServiceTypeClusterIP, corev1.ServiceTypeNodePort, corev1.ServiceTypeLoadBalancer:
	default:
		return netip.Addr{}, "of type " + string(svc.Spec.Type)
	}
	addr, err := netip.ParseAddr(svc.Spec.ClusterIP)
	if err != nil || addr.Zone() != "" {
		return netip.Addr{}, "without a ClusterIP"
	}
	addr = addr.Unmap()
	if !addr.IsGlobalUnicast() || addr.IsLoopback() || addr.IsUnspecified() || addr.IsLinkLocalUnicast() || addr.IsMulticast() {
		return netip.Addr{}, "with address " + addr.String() + ", which no Service has"
	}
	return addr, ""
}

// hasTLS reports whether Triggers serves el by TLS: both variables are set, as its controller
// requires.
func hasTLS(el *triggersv1.EventListener) bool {
	k := el.Spec.Resources.KubernetesResource
	if k == nil || len(k.Template.Spec.Containers) == 0 {
		return false
	}
	keys := map[string]string{}
	for _, e := range k.Template.Spec.Containers[0].Env {
		if e.ValueFrom != nil && e.ValueFrom.SecretKeyRef != nil {
			keys[e.Name] = e.ValueFrom.SecretKeyRef.Key
		}
	}
	return keys["TLS_CERT"] != "" && keys["TLS_KEY"] != ""
}

// Name is the EventListener's, for people.
func (d Destination) Name() string { return d.namespace + "/" + d.listener }

// String returns the address, for logs and tests.
func (d Destination) String() string {
	scheme := "http"
	if d.tls {
		scheme = "https"
	}
	return scheme + "://" + d.host() + " at " + d.address.Addr().String()
}

// service is the name that TLS is for.
func (d Destination) service() string { return "el-" + d.listener + "." + d.namespace + ".svc" }

func (d Destination) host() string {
	return net.JoinHostPort(d.service(), strconv.Itoa(int(d.address.Port())))
}

// to is the address for a held event's path and query.
func (d Destination) to(path string) (*url.URL, error) {
	if d.tls {
		return resend.URL("https", d.host(), path)
	}
	return resend.URL("http", d.host(), path)
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/streaming/pkg/httpstream"
)

// target is a port of any ready pod with these labels.
type target struct {
	namespace, labels string
	port              int
}

// pods reaches pods through the API server, which can be reached from everywhere.
type pods struct {
	config *rest.Config
	kube   kubernetes.Interface
}

// dial connects to a pod that is ready now: a pod that was replaced costs its open
// connections, not later ones.
func (p *pods) dial(ctx context.Context, to target) (*podConn, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	name, err := p.ready(ctx, to)
	if err != nil {
		return nil, err
	}
	transport, upgrader, err := spdy.RoundTripperFor(p.config)
	if err != nil {
		return nil, fmt.Errorf("port-forward: %w", err)
	}
	url := p.kube.CoreV1().RESTClient().Post().Resource("pods").Namespace(to.namespace).Name(name).SubResource("portforward").URL()
	dialer := spdy.NewDialerForStreaming(upgrader, &http.Client{Transport: transport, Timeout: 10 * time.Second}, http.MethodPost, url)
	conn, _, err := dialer.Dial(portforward.PortForwardProtocolV1Name)
	if err != nil {
		return nil, fmt.Errorf("port-forward to pod %s/%s: %w", to.namespace, name, err)
	}
	header := http.Header{}
	header.Set(corev1.PortHeader, strconv.Itoa(to.port))
	header.Set(corev1.PortForwardRequestIDHeader, "0")
	header.Set(corev1.StreamType, corev1.StreamTypeError)
	failures, err := conn.CreateStream(header)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("port-forward to pod %s/%s: %w", to.namespace, name, err), conn.Close())
	}
	closing(failures) // nothing is written to it
	header.Set(corev1.StreamType, corev1.StreamTypeData)
	data, err := conn.CreateStream(header)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("port-forward to pod %s/%s: %w", to.namespace, name, err), conn.Close())
	}
	go func() {
		// Whatever is said here, the pod did not take the connection.
		if b, _ := io.ReadAll(io.LimitReader(failures, 4096)); len(b) > 0 {
			closing(conn)
		}
	}()
	return &podConn{Stream: data, conn: conn}, nil
}

func (p *pods) ready(ctx context.Context, to target) (string, error) {
	list, err := p.kube.CoreV1().Pods(to.namespace).List(ctx, metav1.ListOptions{LabelSelector: to.labels})
	if err != nil {
		return "", fmt.Errorf("look for a pod: %w", err)
	}
	for _, pod := range list.Items {
		if pod.DeletionTimestamp != nil {
			continue
		}
		for _, c := range pod.Status.Conditions {
			if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
				return pod.Name, nil
			}
		}
	}
	return "", fmt.Errorf("no pod with %s in namespace %s is ready: kubectl -n %s get pods", to.labels, to.namespace, to.namespace)
}

// http is a client whose requests all go to one target, whatever their host.
func (p *pods) http(to target) *http.Client {
	return &http.Client{
		Timeout: 15 * time.Second,
		Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return p.dial(ctx, to) },
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// serve forwards what arrives at l until ctx ends.
func (p *pods) serve(ctx context.Context, l net.Listener, to target, failed func(error)) {
	context.AfterFunc(ctx, func() { closing(l) })
	for {
		local, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer closing(local)
			remote, err := p.dial(ctx, to)
			if err != nil {
				failed(err)
				return
			}
			defer closing(remote)
			stop := context.AfterFunc(ctx, func() { closing(remote) })
			defer stop()
			go func() {
				_, _ = io.Copy(remote, local) // ends when either side does
				closing(remote.Stream)        // half: an answer may still come
			}()
			_, _ = io.Copy(local, remote)
		}()
	}
}

// podConn is a forwarded connection. It has no deadlines: its users bound their
// requests as a whole.
type podConn struct {
	httpstream.Stream
	conn httpstream.Connection
}

var _ net.Conn = (*podConn)(nil)

func (c *podConn) Close() error { return c.conn.Close() }

func (*podConn) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (*podConn) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (*podConn) SetDeadline(time.Time) error      { return nil }
func (*podConn) SetReadDeadline(time.Time) error  { return nil }
func (*podConn) SetWriteDeadline(time.Time) error { return nil }

// closing closes what is at its end either way.
func closing(c io.Closer) { _ = c.Close() }

package outbound

import (
	"fmt"
	"net"
	"net/url"
	"strings"
)

// Address returns an error for an address that is not safe for a secret, which is sent there or is
// part of it: plain http is allowed inside the cluster and on this machine only. The error names
// field and never has the address.
func Address(field, address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("%s is not an address: use https://HOST/PATH", field)
	case u.Scheme == "http" && !inside(u.Hostname()):
		return fmt.Errorf("%s begins with http, so anyone on the network path can read its secrets: use https (http is for services of the cluster and localhost)", field)
	}
	return nil
}

// inside reports whether a host is in the cluster or on this machine.
func inside(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".svc") || strings.HasSuffix(host, ".svc.cluster.local") || ip != nil && ip.IsLoopback()
}

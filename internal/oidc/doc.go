// Package oidc proves people by an OpenID Connect provider, in two ways. The
// browser is sent there and comes back with a code (authorization code, PKCE,
// state, nonce); what is kept is a session in an encrypted and signed cookie, and
// nothing on our side. Or a proxy in front has done so and passes on the ID token,
// which is verified again here. A header that merely names somebody proves nothing.
//
// The provider may be down when the service starts, and later: it is asked when
// it is needed. Pages are approvals/web's business; what a person may do is the
// rules'.
package oidc

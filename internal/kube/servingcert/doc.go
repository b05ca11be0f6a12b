// Package servingcert gives the interceptor its TLS: a CA and a serving certificate
// of our own in one Secret, made where they are missing, renewed long before
// their end, taken up without a restart, and told to EventListeners through the
// ClusterInterceptor's caBundle.
package servingcert

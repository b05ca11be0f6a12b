// Package pages looks at every page of the storybook in a real Chromium, under the
// Content-Security-Policy that the service sends: no cluster, no service.
package pages

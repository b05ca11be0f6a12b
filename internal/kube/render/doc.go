// Package render works out what a TriggerTemplate makes of an Approval's event, without
// posting it: which objects, from which params, and which of them are not known before.
package render

// Package signedevent makes the event that is posted for a decided Approval: a held event
// again as it came, or one that tells of a run's completion, with the signature.
package signedevent

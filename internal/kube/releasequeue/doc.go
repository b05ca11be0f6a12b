// Package releasequeue releases at once, in the process that took the deciding vote, and
// follows what it posted until the run comes. What it drops, or forgets with its process, the
// leader does (package lifecycle).
package releasequeue

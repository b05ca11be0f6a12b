// Package releasequeue releases at once, in the process that took the deciding vote, and
// follows what it posted until the run comes. What a leader decided that dies, another replica
// releases. What is dropped, or forgotten with its process, the leader does (package lifecycle).
package releasequeue

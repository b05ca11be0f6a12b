// Package secondrun follows the run that an outcome started to its end, and writes that end
// into the Approval, once. It only looks: it starts, stops and changes no run.
package secondrun

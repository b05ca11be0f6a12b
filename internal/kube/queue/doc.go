// Package queue holds what controllers and workers of one process have to do, and hands it
// out fairly: in turn by namespace, and within a namespace in turn by part, a Trigger say.
// It is the queue of controller-runtime's controllers (controller.Options.NewQueue), and of
// the process's own workers.
//
// Nothing in it outlives the process, and nothing has to: informers list everything again.
package queue

package topology

import "cmp"

// Workload is what made the pod of a node: its deployment, stateful set, daemon
// set, cron job or job; empty if that is not known.
func (a *Attributes) Workload() string {
	return cmp.Or(a.Deployment, a.StatefulSet, a.DaemonSet, a.CronJob, a.Job)
}

// Container is what people call the container of a node: its name, in a pod the
// one that the pod gives it; empty if only its id is known.
func (a *Attributes) Container() string { return cmp.Or(a.PodContainer, a.ContainerName) }

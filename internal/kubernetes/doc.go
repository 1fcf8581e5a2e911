// Package kubernetes says which pod, workload, service or node of Kubernetes a
// process or an address belongs to.
//
// It knows from two places: the API server, of which it lists and watches pods,
// services, nodes, and the names of what owns pods, and the kubelet's files on
// this host, which need no access to anything. Both are optional.
//
// Nobody waits for it. Questions are answered at once from what is known by then
// (Directory); a caller that asks again later gets the better answer.
package kubernetes

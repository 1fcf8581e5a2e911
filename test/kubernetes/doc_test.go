//go:build kubernetes

// Package kubernetes_test runs internal/kubernetes against a real API server:
// kube-apiserver with etcd and the controller manager, kwok in the place of kubelets,
// and the test in that of a scheduler. `make kubernetes` builds them and runs it.
package kubernetes_test

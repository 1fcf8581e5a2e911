// Package policy writes rules that allow exactly what a map saw: NetworkPolicies
// for Kubernetes, nftables for a host. What is not certain is said in a comment
// and never made a rule.
package policy

// Package conntrack tells which addresses the network namespaces of the host
// rewrite: the entries of the kernel's connection tracking whose answers do not
// simply come back from where the packets were sent to (DNAT, SNAT, masquerade,
// redirect). It reads them through ctnetlink, and changes nothing: a namespace
// without rules is not tracked, and stays so.
package conntrack

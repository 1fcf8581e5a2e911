package view

import (
	"net/netip"
	"strings"

	"peerscope/internal/topology"
)

// isExternal: an address of no observed namespace, and not known as a pod,
// service or node of the cluster.
func isExternal(n *topology.Node) bool {
	a := &n.Attributes
	if n.Kind != topology.KindAddress || a.AddressLocal || a.PodName != "" || a.KubeService != "" || a.NodeName != "" {
		return false
	}
	addr, err := netip.ParseAddr(a.PeerAddress)
	return err == nil && !addr.Unmap().IsLoopback() && !addr.IsUnspecified()
}

// isFar: an external address that is of the internet, and not of a private
// network.
func isFar(n *topology.Node) bool {
	if n == nil || !isExternal(n) {
		return false
	}
	addr, _ := netip.ParseAddr(n.Attributes.PeerAddress)
	addr = addr.Unmap()
	return !addr.IsPrivate() && !addr.IsLinkLocalUnicast() && addr.IsGlobalUnicast()
}

// isUnknown: there is or may be a process of this host, and nobody knows which.
func isUnknown(n *topology.Node) bool {
	if n.Kind != topology.KindAddress {
		return false
	}
	return n.Attributes.PeerAddress == "" || n.Attributes.AddressLocal
}

// store is the data store that a node is, in words, and why; empty: none is
// known. What was really spoken goes before the name of the program, that before
// the port that others call; of a process a port says nothing.
func store(n *topology.Node, in []*line) (name, reason string) {
	for _, l := range in {
		for _, p := range l.Protocols {
			if s := storeByProtocol(p.Name); s != "" {
				return s, "speaks " + clean(p.Name)
			}
		}
	}
	for _, what := range [...]string{program(n), n.Name} {
		if s := storeByProgram(what); s != "" {
			return s, "runs " + clean(what)
		}
	}
	if n.Kind != topology.KindAddress {
		return "", ""
	}
	for _, l := range in {
		if s := storeByPort(l.ServerPort); s != "" && l.Transport == "tcp" {
			return s, "is called on the port of " + s
		}
	}
	return "", ""
}

func storeByProtocol(name string) string {
	switch strings.ToLower(name) {
	case "postgres", "postgresql":
		return "PostgreSQL"
	case "mysql":
		return "MySQL"
	case "redis":
		return "Redis"
	case "memcached", "mongodb", "cassandra", "clickhouse", "etcd":
		return name
	}
	return ""
}

// storeByProgram knows executables too: Debian's redis-server is a link to
// redis-check-rdb.
func storeByProgram(name string) string {
	switch name {
	case "postgres", "postmaster":
		return "PostgreSQL"
	case "mysqld", "mariadbd":
		return "MySQL"
	case "redis-server", "redis-check-rdb", "valkey-server", "keydb-server", "dragonfly":
		return "Redis"
	case "mongod", "mongos":
		return "MongoDB"
	case "memcached":
		return "memcached"
	case "etcd":
		return "etcd"
	case "clickhouse-server", "clickhouse":
		return "ClickHouse"
	case "influxd", "cockroach", "victoria-metrics", "minio", "slapd", "scylla":
		return name
	}
	return ""
}

// storeByPort has only ports that nothing else is known to use.
func storeByPort(port uint16) string {
	switch port {
	case 5432:
		return "PostgreSQL"
	case 3306:
		return "MySQL"
	case 6379:
		return "Redis"
	case 11211:
		return "memcached"
	case 27017:
		return "MongoDB"
	case 9042:
		return "Cassandra"
	case 2379:
		return "etcd"
	case 1433:
		return "SQL Server"
	case 1521:
		return "Oracle"
	}
	return ""
}

// role is that of a node, by its edges. A datastore is one also where its
// process is not known; who calls others is one only by what it is.
func role(n *topology.Node, in, out []*line) (role, reason string) {
	name, why := store(n, in)
	switch {
	case name != "" && len(in) > 0:
		return RoleDatastore, why
	case isExternal(n):
		return RoleExternal, "is an address of no namespace that is observed"
	case len(in) > 0 && len(out) > 0:
		return RoleBoth, ""
	case len(in) > 0:
		return RoleServer, ""
	case len(out) > 0:
		return RoleClient, ""
	}
	return "", ""
}

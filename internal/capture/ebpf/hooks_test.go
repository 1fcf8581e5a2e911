package ebpf

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
)

// typesOf makes type information that has these functions, by their numbers of
// parameters, these types and these places for programs of a cgroup.
func typesOf(t *testing.T, functions map[string]int, types, places []string) *btf.Spec {
	t.Helper()
	b, err := btf.NewBuilder(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	integer := &btf.Int{Name: "int", Size: 4, Encoding: btf.Signed}
	add := func(typ btf.Type) {
		if _, err := b.Add(typ); err != nil {
			t.Fatal(err)
		}
	}
	for name, n := range functions {
		proto := &btf.FuncProto{Return: integer}
		for i := range n {
			proto.Params = append(proto.Params, btf.FuncParam{Name: fmt.Sprintf("p%d", i), Type: integer})
		}
		add(&btf.Func{Name: name, Type: proto})
	}
	for _, name := range types {
		add(&btf.Typedef{Name: name, Type: integer})
	}
	if places != nil {
		kinds := &btf.Enum{Name: "bpf_attach_type", Size: 4}
		for i, name := range places {
			kinds.Values = append(kinds.Values, btf.EnumValue{Name: name, Value: uint64(i)})
		}
		add(kinds)
	}
	raw, err := b.Marshal(nil, &btf.MarshalOptions{Order: binary.NativeEndian})
	if err != nil {
		t.Fatal(err)
	}
	spec, err := btf.LoadSpecFromReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// The functions of a kernel: Debian's 5.10 is built without MPTCP, 6.1 has lost
// a parameter of recvmsg.
func functionsOf(received int, mptcp bool) map[string]int {
	out := map[string]int{"tcp_sendmsg": 3, "udp_sendmsg": 3, "udpv6_sendmsg": 3, "tcp_recvmsg": received, "udp_recvmsg": received, "udpv6_recvmsg": received,
		"unix_stream_sendmsg": 3, "unix_dgram_sendmsg": 3, "unix_seqpacket_sendmsg": 3,
		"unix_stream_recvmsg": 4, "unix_dgram_recvmsg": 4, "unix_seqpacket_recvmsg": 4, "inet_csk_accept": 4}
	if mptcp {
		out["mptcp_sendmsg"], out["mptcp_recvmsg"] = 3, received
	}
	return out
}

func TestChoose(t *testing.T) {
	unixPlace := []string{"BPF_CGROUP_UDP4_SENDMSG", "BPF_CGROUP_UNIX_SENDMSG"}
	for _, tt := range []struct {
		name      string
		functions map[string]int
		types     []string
		places    []string
		atSocket  bool
		rung      string
		has, not  []string // programs
		missing   []string // codes
	}{
		{
			name: "6.12", functions: functionsOf(5, true), types: []string{"btf_trace_sock_send_length"}, places: unixPlace, atSocket: true,
			rung: rungTracepoints, has: []string{"send_length", "recv_length", "send_to_unix"}, not: []string{"sent_tcp_sendmsg", "accepted", "named_datagram"},
		}, {
			name: "6.1", functions: functionsOf(5, true), places: unixPlace[:1], atSocket: true,
			rung: rungFunctions, has: []string{"received_tcp_recvmsg", "received_mptcp_recvmsg", "sent_mptcp_sendmsg", "accepted", "named_datagram"},
			not: []string{"received6_tcp_recvmsg", "send_length", "send_to_unix"},
		}, {
			name: "5.10", functions: functionsOf(6, false), places: unixPlace[:1],
			rung: rungAddresses, has: []string{"received6_tcp_recvmsg", "received6_udpv6_recvmsg", "received_unix_dgram_recvmsg"},
			not: []string{"received_tcp_recvmsg", "sent_mptcp_sendmsg"},
		}, {
			name: "a function has other parameters", functions: functionsOf(7, false), places: unixPlace, atSocket: true,
			rung: rungFunctions, has: []string{"sent_tcp_sendmsg"}, not: []string{"received_tcp_recvmsg", "received6_tcp_recvmsg"},
			missing: []string{codeMessages, codeMessages, codeMessages},
		}, {
			name: "tracepoints, and the helpers are refused", functions: functionsOf(5, true), types: []string{"btf_trace_sock_send_length"}, places: unixPlace,
			rung: rungAddresses, has: []string{"sent_tcp_sendmsg"}, not: []string{"send_length"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := choose(typesOf(t, tt.functions, tt.types, tt.places), tt.atSocket)
			if c.rung != tt.rung {
				t.Errorf("rung %s, want %s", c.rung, tt.rung)
			}
			has := func(name string) bool {
				return slices.ContainsFunc(c.hooks, func(h hook) bool { return h.name == name })
			}
			for _, name := range tt.has {
				if !has(name) {
					t.Errorf("%s is not chosen", name)
				}
			}
			for _, name := range tt.not {
				if has(name) {
					t.Errorf("%s is chosen", name)
				}
			}
			var missing []string
			for _, h := range c.missing {
				missing = append(missing, h.code)
			}
			if !slices.Equal(missing, tt.missing) {
				t.Errorf("missing %q, want %q", missing, tt.missing)
			}
		})
	}
}

// Every program that a hook names is in the objects, and says where it belongs.
func TestHooksHavePrograms(t *testing.T) {
	spec, err := loadPeerscope()
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{peerscopeProgKeepsAtSocket: true, freed.name: true, freed.instead.name: true}
	for _, list := range [][]hook{required, forOneLook, always, tracepoints} {
		for _, h := range list {
			named[h.name] = true
			if h.instead != nil {
				named[h.instead.name] = true
			}
			if p := spec.Programs[h.name]; p != nil && h.cgroup != ebpf.AttachNone && p.AttachType != h.cgroup {
				t.Errorf("%s is for %v, its hook for %v", h.name, p.AttachType, h.cgroup)
			}
		}
	}
	for _, f := range functions {
		for _, name := range f.programs {
			named[name] = true
			if p := spec.Programs[name]; p != nil && p.AttachTo != f.name {
				t.Errorf("%s is for %s, its hook for %s", name, p.AttachTo, f.name)
			}
		}
	}
	for name := range named {
		if spec.Programs[name] == nil {
			t.Errorf("no object has the program %s", name)
		}
	}
	for name := range spec.Programs {
		if !named[name] {
			t.Errorf("no hook uses the program %s", name)
		}
	}
}

package flow

// Role is which end of a connection one socket is.
type Role uint8

// The roles. RoleNone is a legal answer: not known.
const (
	RoleNone Role = iota
	Client
	Server
)

var roleNames = [...]string{"none", "client", "server"}

func (r Role) String() string { return nameOf(roleNames[:], int(r)) }

// MarshalText writes the name.
func (r Role) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads a name; an unknown one is an error.
func (r *Role) UnmarshalText(b []byte) error {
	i, err := indexOf(roleNames[:], b, "role")
	*r = Role(i)
	return err
}

// Reverse is the role of the other end.
func (r Role) Reverse() Role {
	switch r {
	case Client:
		return Server
	case Server:
		return Client
	}
	return RoleNone
}

// PeerEvidence is on what grounds the other end of a connection is named.
// The order is the ladder: a smaller value is stronger.
type PeerEvidence uint8

// The ladder of peer evidence, strongest first.
const (
	// PeerSequence: the other end has the same TCP sequence identity.
	PeerSequence PeerEvidence = iota
	// PeerKernel: the kernel itself names the peer (unix peer inode, self-connect).
	PeerKernel
	// PeerTuple: exactly one socket with the mirrored tuple where that address lives.
	PeerTuple
	// PeerNAT: the same after a conntrack translation.
	PeerNAT
	// PeerListener: nobody holds the mirrored tuple, but one process listens there.
	PeerListener
	// PeerSidecar: the mesh rule of a proxy and the app it serves.
	PeerSidecar
	// PeerAmbiguous: several sockets fit the strongest rule that fits; nobody is picked.
	PeerAmbiguous
	// PeerNone: an address outside what is observed.
	PeerNone
)

// PeerEvidenceNames are the words of the ladder, in its order.
var PeerEvidenceNames = [...]string{"sequence", "kernel", "tuple", "nat", "listener", "sidecar", "ambiguous", "none"}

func (e PeerEvidence) String() string { return nameOf(PeerEvidenceNames[:], int(e)) }

// RoleEvidence is on what grounds client and server are told apart. A smaller
// value is stronger.
type RoleEvidence uint8

// The ladder of role evidence, strongest first.
const (
	// RoleHandshake: SYN_SENT or SYN_RECV was seen.
	RoleHandshake RoleEvidence = iota
	// RoleSequence: the one-off between the bases of the two ends.
	RoleSequence
	// RoleKernel: the accepted unix socket carries the listener's address.
	RoleKernel
	// RoleSynByte: bytes_acked counts a client's SYN and not a server's.
	RoleSynByte
	// RolePeer: the reverse of the other end's role.
	RolePeer
	// RoleListener: the local port is listened on in that namespace.
	RoleListener
	// RoleExposedPort: declared by the process's container, or learnt before.
	RoleExposedPort
	// RoleFirstDatagram: UDP, seen from the first datagram.
	RoleFirstDatagram
	// RoleBound: UDP, one end is bound and unconnected.
	RoleBound
	// RoleUnknown: nothing tells.
	RoleUnknown
)

// RoleEvidenceNames are the words of the ladder, in its order.
var RoleEvidenceNames = [...]string{"handshake", "sequence", "kernel", "syn-byte", "peer", "listener",
	"exposed-port", "first-datagram", "bound", "none"}

func (e RoleEvidence) String() string { return nameOf(RoleEvidenceNames[:], int(e)) }

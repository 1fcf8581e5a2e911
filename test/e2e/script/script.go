// Package script is the language in which the lab tells its actors what to do,
// and in which they report what really happened.
//
// One Command is one JSON line to an actor, one Fact is its one JSON line back,
// with the same ID. Truth is made of facts only: what an actor was told to do
// proves nothing, what the kernel answered it does.
package script

// Op names one thing an actor can do.
type Op string

// The operations. Each leaves the socket it made or used under Command.Sock.
const (
	// Hello reports who the actor is and does nothing.
	Hello Op = "hello"
	// Listen binds and listens; for datagrams it only binds.
	Listen Op = "listen"
	// GoListen listens through Go's net package with its defaults (MPTCP since Go 1.24).
	GoListen Op = "golisten"
	// Accept takes one connection from Sock and names it As.
	Accept Op = "accept"
	// TryAccept is Accept that answers EAGAIN instead of waiting.
	TryAccept Op = "tryaccept"
	// Connect connects Sock, making it first if there is none of that name.
	Connect Op = "connect"
	// Finish waits until a connect that was left pending is decided.
	Finish Op = "finish"
	// Send gives Bytes to a connected socket, by the way Via names.
	Send Op = "send"
	// Receive takes exactly Bytes, or all until the end if Bytes is negative.
	Receive Op = "receive"
	// ReadText takes what there is, once, and reports it as Text.
	ReadText Op = "readtext"
	// SendTo sends one datagram of Bytes to Addr.
	SendTo Op = "sendto"
	// ReceiveFrom takes one datagram and reports its sender as Peer.
	ReceiveFrom Op = "receivefrom"
	// Shutdown ends one direction or both, see How.
	Shutdown Op = "shutdown"
	// Close closes, leaving the rest to the kernel.
	Close Op = "close"
	// Reset closes with SO_LINGER 0: no FIN, a RST.
	Reset Op = "reset"
	// Disconnect is connect(AF_UNSPEC): the socket lives, its connection does not.
	Disconnect Op = "disconnect"
	// Inspect reports what the kernel says of a socket now.
	Inspect Op = "inspect"
	// SocketPair makes two connected unix sockets, Sock and As.
	SocketPair Op = "socketpair"
	// Give passes the socket Pass to another process over the unix socket Sock.
	Give Op = "give"
	// Take receives such a socket from Sock and names it As.
	Take Op = "take"
	// Spawn starts a child actor that inherits the sockets in Inherit.
	Spawn Op = "spawn"
	// Wait reaps the child of Command.PID.
	Wait Op = "wait"
	// Serve accepts from Sock in the background: each connection gives Request
	// bytes and gets Reply bytes. On a UDP socket it answers every datagram.
	Serve Op = "serve"
	// Stop ends a Serve, after its connections, and reports its totals.
	Stop Op = "stop"
	// Forward accepts from Sock in the background and passes each connection on,
	// to where Via says, with what it moves. With Pool it answers requests from a
	// few connections of its own that all its clients share.
	Forward Op = "forward"
	// Relays reports the connections that a Forward has passed on until now.
	Relays Op = "relays"
	// Burst makes Count connections one after the other to Addr, each gives
	// Request bytes and takes Reply bytes.
	Burst Op = "burst"
	// Rate is Burst with PerSecond connections a second from several threads.
	Rate Op = "rate"
	// Brief runs Exe Count times, one after the other: a process that makes one
	// connection to Addr, gives Request bytes, takes Reply bytes and exits.
	Brief Op = "brief"
	// Exit ends the process at once, with all its sockets open.
	Exit Op = "exit"
)

// Kinds of sockets, for Command.Kind. "tcp" is plain TCP even where a program
// would get MPTCP by default.
const (
	TCP        = "tcp"
	MPTCP      = "mptcp"
	UDP        = "udp"
	UnixStream = "unix"
	UnixPacket = "unixpacket"
	UnixDgram  = "unixgram"
)

// Ways of moving bytes, for Command.Via.
const (
	BySplice   = "splice"
	BySendFile = "sendfile"
	ByUring    = "io_uring"
	// ByRead takes a datagram without asking who sent it.
	ByRead = "read"
	// Bulk writes with large buffers, and drops what it receives without copying.
	Bulk = "bulk"
)

// Where a Forward passes a connection on to, for Command.Via; without it, to Addr.
const (
	// ToOriginal is the address that a redirect took the connection from
	// (SO_ORIGINAL_DST, linux/netfilter_ipv4.h).
	ToOriginal = "original"
	// ToLocal is the accepted socket's own address, which is the one that the
	// client dialled where a transparent proxy took it (TPROXY).
	ToLocal = "local"
)

// Directions of Shutdown, for Command.How. Serve and Burst close the server's end
// first if How is Write, else the client's.
const (
	Write = "write"
	Read  = "read"
	Both  = "both"
)

// Command is one step. Fields that an operation does not name are ignored.
type Command struct {
	ID   int    `json:"id"`
	Op   Op     `json:"op"`
	Sock string `json:"sock,omitempty"`
	As   string `json:"as,omitempty"`
	Kind string `json:"kind,omitempty"`
	// Addr is host:port, [ip%interface]:port, a path, or @abstract.
	Addr string `json:"addr,omitempty"`
	// Bind is the local address of a Connect; empty leaves it to the kernel. The
	// connections of a Burst take the ports from there on.
	Bind string `json:"bind,omitempty"`

	Backlog     int  `json:"backlog,omitempty"`
	ReusePort   bool `json:"reuse_port,omitempty"`
	V6Only      bool `json:"v6_only,omitempty"`
	NonBlocking bool `json:"non_blocking,omitempty"`
	// Join is a multicast group that Listen joins.
	Join string `json:"join,omitempty"`
	// FastOpen lets Listen take data with a SYN, and Connect send Bytes with it if
	// it may (TCP Fast Open).
	FastOpen bool `json:"fast_open,omitempty"`
	// SynRetries bounds how long the kernel tries to connect (TCP_SYNCNT); 0: its default.
	SynRetries int `json:"syn_retries,omitempty"`
	// TimeoutMS bounds the step; 0 means 10 seconds.
	TimeoutMS int `json:"timeout_ms,omitempty"`

	Bytes int64  `json:"bytes,omitempty"`
	Via   string `json:"via,omitempty"`
	How   string `json:"how,omitempty"`
	// Text is what Send sends instead of zeros.
	Text    string `json:"text,omitempty"`
	Pass    string `json:"pass,omitempty"`
	Count   int    `json:"count,omitempty"`
	Request int64  `json:"request,omitempty"`
	Reply   int64  `json:"reply,omitempty"`
	// Transparent lets Listen take connections to addresses that are not its own
	// (IP_TRANSPARENT).
	Transparent bool `json:"transparent,omitempty"`
	// Mark is the firewall mark of the connections that a Forward makes, by which
	// rules tell them from those it is to take (SO_MARK).
	Mark int `json:"mark,omitempty"`
	// Pool is how many connections a Forward shares among its clients: each passes
	// one request of Request bytes and its reply of Reply bytes at a time.
	Pool int `json:"pool,omitempty"`
	// Extra is what a Forward with a Pool adds to each request, as headers are.
	Extra int64 `json:"extra,omitempty"`
	// Keep lets Serve answer one request after the other on each connection.
	Keep bool `json:"keep,omitempty"`
	// PauseUS is the time between the connections of a Burst, in microseconds.
	PauseUS   int64 `json:"pause_us,omitempty"`
	PerSecond int   `json:"per_second,omitempty"`

	// Exe, In, Out and Inherit describe the child of a Spawn: its program, its
	// two control FIFOs and the names of the sockets it gets.
	Exe     string   `json:"exe,omitempty"`
	In      string   `json:"in,omitempty"`
	Out     string   `json:"out,omitempty"`
	Inherit []string `json:"inherit,omitempty"`
	// PID of Spawn asks for a child of exactly that pid (clone3 with set_tid,
	// Linux 5.5); of Wait, it names the child.
	PID int `json:"pid,omitempty"`
}

// Fact is what a step really did, as the actor's kernel told it.
type Fact struct {
	ID int `json:"id"`
	// PID and Start are the actor's own, Start from field 22 of /proc/self/stat.
	PID   int    `json:"pid"`
	Start uint64 `json:"start"`
	// Began and Ended are CLOCK_REALTIME in nanoseconds.
	Began int64 `json:"began"`
	Ended int64 `json:"ended"`

	// Local and Peer are getsockname and getpeername, IPv4-mapped IPv6 as IPv4.
	Local string `json:"local,omitempty"`
	Peer  string `json:"peer,omitempty"`
	// Bytes moved by the step; of Serve and Burst, received.
	Bytes int64 `json:"bytes,omitempty"`
	// BytesSent is what Serve and Burst sent.
	BytesSent int64 `json:"bytes_sent,omitempty"`
	// Count is the connections of Serve and Burst, Failed those that were not made.
	Count  int `json:"count,omitempty"`
	Failed int `json:"failed,omitempty"`
	// Text is what ReadText took.
	Text string `json:"text,omitempty"`
	// End says that Receive met the end of the stream.
	End bool `json:"end,omitempty"`
	// Errno is the name of the error the kernel answered, if it did.
	Errno string `json:"errno,omitempty"`
	// State is the kernel's TCP state number, Queued the bytes sent but not yet
	// acknowledged (SIOCOUTQ), of Inspect.
	State  int `json:"state,omitempty"`
	Queued int `json:"queued,omitempty"`
	// Acked, Wired and Again are bytes_acked, bytes_sent and bytes_retrans of
	// tcp_info, of Inspect.
	Acked uint64 `json:"acked,omitempty"`
	Wired uint64 `json:"wired,omitempty"`
	Again uint64 `json:"again,omitempty"`
	// Multipath: the connection really is MPTCP, not a fallback to plain TCP.
	Multipath bool `json:"multipath,omitempty"`
	// SynData: data of the SYN was acknowledged with it, of Inspect.
	SynData bool `json:"syn_data,omitempty"`
	// Children are the processes of Brief.
	Children []Child `json:"children,omitempty"`
	// Relays are the connections of a Forward.
	Relays []Relay `json:"relays,omitempty"`
	// Child is the pid that Spawn made.
	Child int `json:"child,omitempty"`
	// Problem says why the actor could not do the step at all; Errno does not.
	Problem string `json:"problem,omitempty"`
}

// Child is a process that a step started and that is gone.
type Child struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"` // as in Fact
	Began int64  `json:"began"`
	Ended int64  `json:"ended"`
	// Status is what it exited with; 0: it moved exactly what it was told to.
	Status int `json:"status"`
}

// Relay is a connection that a Forward accepted, or of one with a Pool made, and
// the one that belongs to it. A side that there is not has no addresses.
type Relay struct {
	In  Leg `json:"in"`
	Out Leg `json:"out"`
	// Original is the address that the client dialled, as the proxy was told.
	Original string `json:"original,omitempty"`
	// Errno is why it was not passed on.
	Errno string `json:"errno,omitempty"`
}

// Leg is one connection of a proxy, as its own socket has it.
type Leg struct {
	Local string `json:"local,omitempty"`
	Peer  string `json:"peer,omitempty"`
	Began int64  `json:"began,omitempty"`
	Ended int64  `json:"ended,omitempty"`
	// Received and Sent are payload.
	Received int64 `json:"received,omitempty"`
	Sent     int64 `json:"sent,omitempty"`
}

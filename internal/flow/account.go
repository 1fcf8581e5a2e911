package flow

// Account is how one connection was decided: what each rung of the ladder looked
// at, and what came of it. It is made on demand, of a window that was closed, and
// can be written down as it is: nodes are named by what the caller calls them.
type Account struct {
	// Line is the connection in one line:
	// (layer)service:instance:process(ip:port)(pid) -> the other end: evidence.
	Line  string `json:"line"`
	State string `json:"state"`           // open, pending, closed, failed
	Error string `json:"error,omitempty"` // of a failed connect; empty: not known
	// Peer and Role are the words of evidence that the connection is counted under.
	Peer string `json:"peer"`
	Role string `json:"role"`

	// The sockets of the two ends, in the order of their edge: Client and Server,
	// or First and Second where the roles are not known. Nil: not observed.
	Client *Endpoint `json:"client,omitempty"`
	Server *Endpoint `json:"server,omitempty"`
	First  *Endpoint `json:"first,omitempty"`
	Second *Endpoint `json:"second,omitempty"`

	Steps []Step `json:"-"`
}

// Ends are the two sockets, whatever they are called.
func (a *Account) Ends() [2]*Endpoint {
	if a.First != nil || a.Second != nil {
		return [2]*Endpoint{a.First, a.Second}
	}
	return [2]*Endpoint{a.Client, a.Server}
}

// Swap exchanges the first and the second end, where the roles are not known.
func (a *Account) Swap() {
	other := func(end string) string {
		switch end {
		case "first":
			return "second"
		case "second":
			return "first"
		}
		return end
	}
	a.First, a.Second = a.Second, a.First
	for i := range a.Steps {
		s := &a.Steps[i]
		s.About = other(s.About)
		for k := range s.Facts.Votes {
			s.Facts.Votes[k].End = other(s.Facts.Votes[k].End)
		}
	}
}

// Endpoint is one socket of a connection, as it was told.
type Endpoint struct {
	Cookie SocketCookie `json:"cookie,omitempty"`
	Inode  uint64       `json:"inode,omitempty"` // of a unix socket
	Local  string       `json:"local,omitempty"`
	Peer   string       `json:"peer,omitempty"`
	Path   string       `json:"path,omitempty"`
	Netns  Place        `json:"netns"`

	// Holders are the processes that hold it open, the one that stands for it first.
	Holders []string `json:"holders,omitempty"`

	Since string `json:"since,omitempty"` // it began, or was first seen, RFC 3339
	Exact bool   `json:"exact,omitempty"` // Since is when it began, to a millisecond
	Until string `json:"until,omitempty"` // it was over
	// BeforeStart: it was there before observation began.
	BeforeStart bool `json:"before_start,omitempty"`
	Vanished    bool `json:"vanished,omitempty"`   // over, and nobody told how
	Unaccepted  bool `json:"unaccepted,omitempty"` // no process had accepted it
	Kernel      bool `json:"kernel,omitempty"`     // the kernel itself holds it

	Sequence *Sequence `json:"sequence,omitempty"`
}

// Place is a network namespace as people know it.
type Place struct {
	Inode uint64 `json:"inode,omitempty"`
	Name  string `json:"name,omitempty"`
}

// Step is one rung that was asked.
type Step struct {
	// About is what it could have told: the peer, the role, or the process behind
	// the socket of one end (client, server, first, second).
	About  string `json:"about"`
	Rule   string `json:"rule"` // a word of evidence, or holder
	Result Result `json:"result"`
	Facts  Facts  `json:"facts"`
}

// What steps are about, beside the names of ends.
const (
	AboutPeer = "peer"
	AboutRole = "role"
)

// RuleHolder is the step that looks who holds a socket open.
const RuleHolder = "holder"

// Result is what came of a step.
type Result string

// The results.
const (
	Matched       Result = "matched"        // it decides
	Agrees        Result = "agrees"         // it says what a stronger one has decided
	Rejected      Result = "rejected"       // something was there, and does not count
	Contradicts   Result = "contradicts"    // it says the reverse of another
	Ambiguous     Result = "ambiguous"      // several fit equally well
	NothingFound  Result = "nothing found"  // it was asked in vain
	NotApplicable Result = "not applicable" // it says nothing of such connections
	NotAsked      Result = "not asked"      // a stronger one had decided
)

// Facts are what a step looked at. What does not belong to its rule is absent.
type Facts struct {
	Why string `json:"why,omitempty"` // the result in words

	LookedFor  string    `json:"looked_for,omitempty"` // addresses that the other end would have
	Namespaces []Place   `json:"namespaces,omitempty"` // where the peer's address lives, as far as is known
	Unread     []Place   `json:"unread,omitempty"`     // of these, those whose sockets are not read
	Own        *Sequence `json:"own,omitempty"`
	Other      *Sequence `json:"other,omitempty"`

	Sockets   []Considered `json:"sockets,omitempty"`
	Hops      []Hop        `json:"translations,omitempty"`
	Listeners []Listens    `json:"listeners,omitempty"`
	More      int          `json:"more,omitempty"`      // sockets or listeners that are left out here
	Processes []string     `json:"processes,omitempty"` // that hold a socket, or among which was chosen
	Votes     []Vote       `json:"votes,omitempty"`
}

// Considered is a socket that might be the other end.
type Considered struct {
	Endpoint
	Verdict string `json:"verdict"` // "fits", or why not
}

// Hop is a translation that was told: addresses as one side's socket has them,
// and as the other side's has.
type Hop struct {
	From  string `json:"from"`
	To    string `json:"to"`
	Netns Place  `json:"netns"` // that rewrites
}

// Listens is a listener that might have taken the connection.
type Listens struct {
	Address   string `json:"address"`
	Netns     Place  `json:"netns"`
	Made      string `json:"made_by,omitempty"` // its oldest holder
	Until     string `json:"until,omitempty"`   // it was closed
	Younger   string `json:"not_yet,omitempty"` // it was not there yet at this time
	Exited    bool   `json:"exited,omitempty"`  // who made it has ended
	Interface uint32 `json:"ifindex,omitempty"` // it is bound to
	Verdict   string `json:"verdict"`           // "fits", or why not
}

// Vote is what one fact says of the roles.
type Vote struct {
	End  string `json:"end"`  // whose socket tells: client, server, first, second
	Says string `json:"says"` // what that end is by it: client, server
	By   string `json:"by"`   // the fact
}

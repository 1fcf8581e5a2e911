package metrics

// Kind is what a metric does.
type Kind uint8

// The kinds of metrics.
const (
	Counter   Kind = iota + 1 // only grows
	Gauge                     // what is now
	Histogram                 // a distribution, of seconds
)

// Metric is one metric under both of its names. The Prometheus name is what
// OpenTelemetry's rules of translation make of the OTLP name and its unit, so
// that a receiver of OTLP that stores for PromQL has the same names.
type Metric struct {
	OTLP       string
	Prometheus string
	Unit       string // UCUM, as OTLP wants it; "" where Prometheus alone has it
	Kind       Kind
	Help       string
	Labels     []Label // beside those of the series
}

// Label is a label of Prometheus and the attribute that it is in OTLP.
type Label struct {
	Prometheus string
	OTLP       string
	Help       string
}

// What is no name but a word begins with "~", as no program does.
const (
	WordOther      = "~other"       // an end, or an edge, for which there was no room
	WordShortLived = "~short-lived" // a program that is not old enough for a series
	WordExternal   = "~external"    // an address that is not of this host
	WordLocal      = "~local"       // an address of this host, process not known
	WordMulticast  = "~multicast"
	WordUnknown    = "~unknown" // not even an address
	WordKernel     = "~kernel"
	WordMixed      = "~mixed" // several protocols on one edge
)

// Labels of an end stand behind "client", "server", "first" or "second".
var (
	labelHost      = Label{"host", "host.name", "name of the host that the process runs on; of an address the node of Kubernetes that it is of"}
	labelNamespace = Label{"namespace", "k8s.namespace.name", "namespace of Kubernetes"}
	labelWorkload  = Label{"workload", "peerscope.workload", "what owns the pod (deployment, stateful set, daemon set, job), else its service or the pod itself; without Kubernetes the service of systemd"}
	labelContainer = Label{"container", "container.name", "name of the container, in a pod the one that the pod gives it"}
	labelProgram   = Label{"program", "peerscope.program", "what runs: the executable, or the script that an interpreter runs; or a word with ~"}
	labelPID       = Label{"pid", "process.pid", "process id, with the option pid"}
	labelAddress   = Label{"address", "address", "of an end that is no process, with the option addresses"}
)

// Labels of an edge.
var (
	labelPort      = Label{"server_port", "server.port", "that the server's socket has"}
	labelPath      = Label{"path", "peerscope.path", "of unix sockets, with the option paths"}
	labelTransport = Label{"transport", "network.transport", "tcp, udp or unix"}
	labelProtocol  = Label{"protocol", "network.protocol.name", "where it is known; ~mixed if there are several"}
	labelTLS       = Label{"tls", "tls.established", "true or false, where it is known and the same for all connections"}
	labelObserved  = Label{"observed_by", "peerscope.observed_by", "whose sockets were observed: client, server (or first, second) or both"}
	labelDirection = Label{"direction", "direction", "to_server or to_client; without roles first_to_second or second_to_first"}
	labelError     = Label{"error_type", "error.type", "name of the error, such as ECONNREFUSED, where it is known"}
	labelReason    = Label{"reason", "reason", "why"}
	labelQuality   = Label{"quality", "quality", "exact, inferred or unknown"}
	labelExporter  = Label{"exporter", "exporter", "which"}
	labelCode      = Label{"code", "code", "of what could not be seen, as in capture.degraded of the map"}
	labelBPF       = Label{"program", "program", "name of the program in the kernel"}
)

// form is how edges are told: those with roles, and those without.
type form struct {
	first, second string    // what the labels of the ends begin with
	directions    [2]string // first to second, and back

	bytes, active, opened, failed, connect, rtt, retransmits Metric
}

var edgeForm = form{
	first: "client", second: "server", directions: [2]string{"to_server", "to_client"},
	bytes: Metric{"peerscope.edge.bytes", "peerscope_edge_bytes_total", "By", Counter,
		"Payload bytes between a client and a server, once, as the map counts them.", []Label{labelDirection}},
	active: Metric{"peerscope.edge.connections.active", "peerscope_edge_connections_active", "{connection}", Gauge,
		"Connections open at the end of the last window.", nil},
	opened: Metric{"peerscope.edge.connections.opened", "peerscope_edge_connections_opened_total", "{connection}", Counter,
		"Connections established.", nil},
	failed: Metric{"peerscope.edge.connections.failed", "peerscope_edge_connections_failed_total", "{connection}", Counter,
		"Connects that ended in an error.", []Label{labelError}},
	connect: Metric{"peerscope.edge.connect.duration", "peerscope_edge_connect_duration_seconds", "s", Histogram,
		"Time from SYN to established, one sample a connection.", nil},
	rtt: Metric{"peerscope.edge.tcp.rtt", "peerscope_edge_tcp_rtt_seconds", "s", Histogram,
		"Smoothed round-trip time as the kernel has it, one sample a connection and window.", nil},
	retransmits: Metric{"peerscope.edge.tcp.retransmits", "peerscope_edge_tcp_retransmits_total", "{segment}", Counter,
		"Segments sent again.", []Label{labelDirection}},
}

var pairForm = form{
	first: "first", second: "second", directions: [2]string{"first_to_second", "second_to_first"},
	bytes: Metric{"peerscope.pair.bytes", "peerscope_pair_bytes_total", "By", Counter,
		"Payload bytes between two ends of which it is not known who called whom.", []Label{labelDirection}},
	active: Metric{"peerscope.pair.connections.active", "peerscope_pair_connections_active", "{connection}", Gauge,
		"Connections open at the end of the last window, roles not known.", nil},
	opened: Metric{"peerscope.pair.connections.opened", "peerscope_pair_connections_opened_total", "{connection}", Counter,
		"Connections established, roles not known.", nil},
	failed: Metric{"peerscope.pair.connections.failed", "peerscope_pair_connections_failed_total", "{connection}", Counter,
		"Connects that ended in an error, roles not known.", []Label{labelError}},
	connect: Metric{"peerscope.pair.connect.duration", "peerscope_pair_connect_duration_seconds", "s", Histogram,
		"Time from SYN to established, one sample a connection, roles not known.", nil},
	rtt: Metric{"peerscope.pair.tcp.rtt", "peerscope_pair_tcp_rtt_seconds", "s", Histogram,
		"Smoothed round-trip time as the kernel has it, one sample a connection and window, roles not known.", nil},
	retransmits: Metric{"peerscope.pair.tcp.retransmits", "peerscope_pair_tcp_retransmits_total", "{segment}", Counter,
		"Segments sent again, roles not known.", []Label{labelDirection}},
}

// The metrics of Grafana's service graph, see serviceGraph.
var (
	labelGraphClient    = Label{"client", "client", "workload of Kubernetes, else program"}
	labelGraphServer    = Label{"server", "server", "likewise"}
	labelGraphClientNS  = Label{"client_service_namespace", "client_service_namespace", "namespace of Kubernetes"}
	labelGraphServerNS  = Label{"server_service_namespace", "server_service_namespace", "likewise"}
	labelGraphType      = Label{"connection_type", "connection_type", "virtual_node if an end is no process that was observed, else empty"}
	graphRequests       = Metric{"traces_service_graph_request_total", "traces_service_graph_request_total", "", Counter, "Connections tried between two services. A connection is the unit, not a request: what is said on it is not known.", graphLabels}
	graphRequestsFailed = Metric{"traces_service_graph_request_failed_total", "traces_service_graph_request_failed_total", "", Counter, "Connections tried between two services that failed.", graphLabels}
	graphLabels         = []Label{labelGraphClient, labelGraphServer, labelGraphClientNS, labelGraphServerNS, labelGraphType}
)

// What the agent says of itself and of its maps.
var (
	selfBuild = Metric{"peerscope.build.info", "peerscope_build_info", "{build}", Gauge,
		"Always 1; the labels say what runs.", []Label{{"version", "version", "of peerscope"}, {"revision", "revision", "of its source"}, {"goversion", "goversion", "that built it"}}}
	selfWindows = Metric{"peerscope.windows", "peerscope_windows_total", "{window}", Counter,
		"Windows of observation that were counted.", nil}
	selfWindowEnd = Metric{"peerscope.window.end.timestamp", "peerscope_window_end_timestamp_seconds", "s", Gauge,
		"When the last window ended, seconds since 1970.", nil}
	selfEdges = Metric{"peerscope.edges", "peerscope_edges", "{edge}", Gauge,
		"Edges of the last map, between processes.", nil}
	selfNodes = Metric{"peerscope.nodes", "peerscope_nodes", "{node}", Gauge,
		"Nodes of the last map.", nil}
	selfSeries = Metric{"peerscope.series", "peerscope_series", "{series}", Gauge,
		"Edges between programs that have series here.", nil}
	selfSeriesDropped = Metric{"peerscope.series.dropped", "peerscope_series_dropped_total", "{edge}", Counter,
		"Edges of a window that were added to a series of several: max_edges (no room), min_age (a short-lived program), external_names (too many of one program); no_buckets: round-trip times that are in no histogram.", []Label{labelReason}}
	selfLost = Metric{"peerscope.lost", "peerscope_lost_total", "{event}", Counter,
		"What was lost while observing, as capture.lost of the map.", []Label{labelReason}}
	selfDegraded = Metric{"peerscope.degraded", "peerscope_degraded", "{gap}", Gauge,
		"1 for each thing that could not be seen in the last window.", []Label{labelCode}}
	selfCompleteness = Metric{"peerscope.completeness", "peerscope_completeness_ratio", "1", Gauge,
		"Share of the kernel's own total that the last map holds.", nil}
	selfAttribution = Metric{"peerscope.edge.attribution", "peerscope_edge_attribution_ratio", "1", Gauge,
		"Share of the last map's connections by how well the other end is known.", []Label{labelQuality}}
	selfUnattributed = Metric{"peerscope.unattributed.bytes", "peerscope_unattributed_bytes_total", "By", Counter,
		"Bytes of edges of which no end has a process.", nil}
	selfExportSent = Metric{"peerscope.export.sent", "peerscope_export_sent_total", "{batch}", Counter,
		"Batches that the receiver took.", []Label{labelExporter}}
	selfExportFailed = Metric{"peerscope.export.failed", "peerscope_export_failed_total", "{batch}", Counter,
		"Batches that the receiver did not take, after all retries.", []Label{labelExporter}}
	selfExportDropped = Metric{"peerscope.export.dropped", "peerscope_export_dropped_total", "{window}", Counter,
		"Windows that were not offered, as the queue was full.", []Label{labelExporter}}
	selfHistorySize = Metric{"peerscope.history.size", "peerscope_history_size_bytes", "By", Gauge,
		"What the history takes on disk.", nil}
	selfHistoryOldest = Metric{"peerscope.history.oldest.timestamp", "peerscope_history_oldest_timestamp_seconds", "s", Gauge,
		"When the oldest window of the history began, seconds since 1970.", nil}
	selfHistoryDropped = Metric{"peerscope.history.dropped", "peerscope_history_dropped_total", "{window}", Counter,
		"Windows that did not get into the history.", nil}
	selfBPFRun = Metric{"peerscope.bpf.run", "peerscope_bpf_run_seconds_total", "s", Counter,
		"Processor time of the programs in the kernel, if kernel.bpf_stats_enabled is 1.", []Label{labelBPF}}
)

// Metrics are all of them, those of edges first: what documents, dashboards and
// rules are checked against.
func Metrics() []Metric {
	var out []Metric
	for _, f := range [...]*form{&edgeForm, &pairForm} {
		out = append(out, f.bytes, f.active, f.opened, f.failed, f.connect, f.rtt, f.retransmits)
	}
	return append(out, graphRequests, graphRequestsFailed, selfBuild, selfWindows, selfWindowEnd, selfEdges, selfNodes, selfSeries,
		selfSeriesDropped, selfLost, selfDegraded, selfCompleteness, selfAttribution, selfUnattributed,
		selfExportSent, selfExportFailed, selfExportDropped, selfHistorySize, selfHistoryOldest, selfHistoryDropped, selfBPFRun)
}

// Labels are those that series of edges may have, of both forms, for the same.
func Labels() []Label {
	var out []Label
	for _, f := range [...]*form{&edgeForm, &pairForm} {
		for _, side := range [...]string{f.first, f.second} {
			for _, l := range endLabels() {
				out = append(out, l.of(side))
			}
		}
	}
	return append(out, labelPort, labelPath, labelTransport, labelProtocol, labelTLS, labelObserved)
}

func endLabels() []Label {
	return []Label{labelHost, labelNamespace, labelWorkload, labelContainer, labelProgram, labelPID, labelAddress}
}

// of is the label of one end.
func (l Label) of(side string) Label {
	return Label{side + "_" + l.Prometheus, side + "." + l.OTLP, l.Help}
}

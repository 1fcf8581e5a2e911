// Package config is what `peerscope serve` can be told: by a file, by the
// environment and by flags, the later ones win.
//
// Everything is strict: an unknown key is an error that names the file, the line
// and the key that was probably meant. Where each value came from is kept, so
// that it can be shown.
package config

import "time"

// Config is the whole configuration. The field tags are its reference: yaml is
// the key, doc what it means, live that it holds without a restart;
// docs/config.schema.json is made of them.
type Config struct {
	Listen         string   `yaml:"listen" doc:"where the API and the web map are served, host:port"`
	Hosts          []string `yaml:"hosts" doc:"names by which clients may call it beside localhost and addresses, as that of a proxy before it"`
	InsecureListen bool     `yaml:"insecure_listen" doc:"serve other hosts without authentication"`
	Auth           Auth     `yaml:"auth" doc:"who may read the API; needed to listen on anything but loopback"`
	Pprof          bool     `yaml:"pprof" doc:"serve profiles of the agent itself below /debug/pprof"`
	Source         string   `yaml:"source" doc:"how connections are observed" enum:"auto,ebpf,netlink"`
	Namespaces     []string `yaml:"namespaces" doc:"only these network namespaces: names, paths or inodes; empty: all"`
	OriginalDst    bool     `yaml:"original_dst" doc:"where conntrack cannot be read, ask servers' sockets what their clients dialled"`
	Entities       string   `yaml:"entities" doc:"a file that says as which services processes are known"`
	Kubeconfig     string   `yaml:"kubeconfig" doc:"the way to a Kubernetes API server; empty: as it is found"`
	Window         Duration `yaml:"window" doc:"how long a window is that is remembered and exported"`
	Tick           Duration `yaml:"tick" doc:"how often live views are told, while somebody looks"`
	Filter         string   `yaml:"filter" doc:"which edges are remembered and exported, in the filter language; empty: all. Read again on SIGHUP" live:"true"`

	History   History   `yaml:"history" doc:"what is remembered on disk"`
	Exporters Exporters `yaml:"exporters" doc:"who is told"`
	Log       Log       `yaml:"log" doc:"what the agent says of itself, on standard error"`
}

// Auth says who may read the API.
type Auth struct {
	TokenFile     string `yaml:"token_file" doc:"a file with a token; clients send it as a bearer token"`
	BasicAuthFile string `yaml:"basic_auth_file" doc:"a file of lines user:password-hash (bcrypt)"`
	CertFile      string `yaml:"cert_file" doc:"the server's certificate, PEM; with it the API is served by TLS"`
	KeyFile       string `yaml:"key_file" doc:"the key of cert_file, PEM"`
	ClientCAFile  string `yaml:"client_ca_file" doc:"clients must have a certificate of these authorities, PEM"`
}

// History says what is remembered.
type History struct {
	Enabled bool     `yaml:"enabled" doc:"remember windows on disk"`
	Dir     string   `yaml:"dir" doc:"the directory; empty: $STATE_DIRECTORY/history, as root /var/lib/peerscope/history, else below $XDG_STATE_HOME"`
	MaxSize Size     `yaml:"max_size" doc:"how much disk it may use; the oldest goes first"`
	MaxAge  Duration `yaml:"max_age" doc:"how long anything is kept"`
}

// Exporters are who is told of every window.
type Exporters struct {
	Series     Series     `yaml:"series" doc:"which series edges become, for all exporters of metrics"`
	Prometheus Prometheus `yaml:"prometheus" doc:"metrics to be scraped at /metrics"`
	OTLP       OTLP       `yaml:"otlp" doc:"metrics pushed by OTLP; OTEL_EXPORTER_OTLP_* variables hold where nothing is said here. Read again on SIGHUP" live:"true"`
}

// Series says how edges become series of metrics.
type Series struct {
	MaxEdges     int      `yaml:"max_edges" doc:"how many edges have series of their own; what is more is added up in one named ~other"`
	MaxExternal  int      `yaml:"max_external_names_per_client" doc:"how many outside names one program has series for; what is more is ~other"`
	MinAge       Duration `yaml:"min_age" doc:"programs that lived shorter are added up in ~short-lived"`
	Expire       Duration `yaml:"expire" doc:"series that did not change for so long are left out"`
	Addresses    string   `yaml:"addresses" doc:"which ends that are no process are told apart by their address" enum:"none,servers,all"`
	PID          bool     `yaml:"pid" doc:"give each process series of its own"`
	Paths        bool     `yaml:"paths" doc:"tell unix sockets apart by their path"`
	ServiceGraph bool     `yaml:"service_graph" doc:"add the traces_service_graph_* series that Grafana draws a service graph of"`
}

// Prometheus says what is offered to a scraper.
type Prometheus struct {
	Enabled bool   `yaml:"enabled" doc:"serve /metrics"`
	Buckets string `yaml:"buckets" doc:"how fine histograms are" enum:"full,coarse,none"`
	Created bool   `yaml:"created" doc:"say in OpenMetrics since when each series counts"`
}

// OTLP says where metrics are pushed to.
type OTLP struct {
	Enabled     bool              `yaml:"enabled" doc:"push metrics; also true if endpoint or OTEL_EXPORTER_OTLP_ENDPOINT is set"`
	Endpoint    string            `yaml:"endpoint" doc:"a URL, as http://collector:4318"`
	Protocol    string            `yaml:"protocol" doc:"how it is sent; empty: OTEL_EXPORTER_OTLP_PROTOCOL, else http/protobuf" enum:",http/protobuf,grpc"`
	Headers     map[string]string `yaml:"headers" doc:"sent with every request"`
	Compression string            `yaml:"compression" doc:"of what is sent" enum:",gzip,none"`
	Temporality string            `yaml:"temporality" doc:"of sums; empty: as OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE says, else cumulative" enum:",cumulative,delta"`
	Names       string            `yaml:"names" doc:"of attributes: OpenTelemetry's, or those of the labels of a scrape" enum:"otel,prometheus"`
	Interval    Duration          `yaml:"interval" doc:"how often all series are sent"`
	Timeout     Duration          `yaml:"timeout" doc:"for one request; 0: as OTEL_EXPORTER_OTLP_TIMEOUT says, else 10s"`
	RetryFor    Duration          `yaml:"retry_for" doc:"how long one request is tried again"`
	CAFile      string            `yaml:"ca_file" doc:"authorities of the receiver, PEM; empty: the system's"`
	CertFile    string            `yaml:"cert_file" doc:"this agent's certificate, PEM"`
	KeyFile     string            `yaml:"key_file" doc:"the key of cert_file, PEM"`
}

// Log says what the agent says of itself.
type Log struct {
	Format string `yaml:"format" doc:"how" enum:"text,json"`
	Level  string `yaml:"level" doc:"the least that is said" enum:"debug,info,warn,error"`
}

// Default is the configuration where nothing is said.
func Default() Config {
	return Config{
		Listen: "127.0.0.1:4180", Source: "auto",
		Window: Duration(10 * time.Second), Tick: Duration(time.Second),
		History: History{Enabled: true, MaxSize: 1 << 30, MaxAge: Duration(30 * 24 * time.Hour)},
		Exporters: Exporters{
			Series:     Series{MaxEdges: 5000, MaxExternal: 50, MinAge: Duration(30 * time.Second), Expire: Duration(15 * time.Minute), Addresses: "none"},
			Prometheus: Prometheus{Enabled: true, Buckets: "coarse"},
			OTLP: OTLP{Names: "otel", Interval: Duration(10 * time.Second),
				RetryFor: Duration(30 * time.Second)},
		},
		Log: Log{Format: "text", Level: "info"},
	}
}

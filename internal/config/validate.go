package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// Validate says what cannot work together, each thing with where it was set.
func (l *Loaded) Validate() error {
	var errs []error
	wrong := func(path, format string, args ...any) {
		text := fmt.Sprintf(format, args...)
		if origin := l.Origins[path]; origin != "" {
			text += " (set by " + origin + ")"
		}
		errs = append(errs, fmt.Errorf("%s: %s", path, text))
	}
	if err := checkListen(l.Listen); err != nil {
		wrong("listen", "%q: %v", l.Listen, err)
	}
	window, tick := time.Duration(l.Window), time.Duration(l.Tick)
	switch {
	case window < time.Second || window > time.Hour || window%time.Second != 0:
		wrong("window", "%v: it is whole seconds, from 1s to 1h", l.Window)
	case tick < time.Second || tick > window || window%tick != 0:
		wrong("tick", "%v: it is at least 1s, and the window (%v) is a multiple of it", l.Tick, l.Window)
	}
	if l.History.Enabled && l.History.MaxSize < 1<<20 {
		wrong("history.max_size", "%v: at least 1MiB; to remember nothing: history.enabled: false", l.History.MaxSize)
	}
	if l.History.Enabled && time.Duration(l.History.MaxAge) < window {
		wrong("history.max_age", "%v: at least one window; to remember nothing: history.enabled: false", l.History.MaxAge)
	}
	if (l.Auth.CertFile == "") != (l.Auth.KeyFile == "") {
		wrong("auth.cert_file", "cert_file and key_file belong together; one of them is not set")
	}
	if l.Auth.ClientCAFile != "" && l.Auth.CertFile == "" {
		wrong("auth.client_ca_file", "clients can show certificates only to a server with one: set cert_file and key_file")
	}
	o := &l.Exporters.OTLP
	if o.Endpoint != "" {
		u, err := url.Parse(o.Endpoint)
		if err != nil || u.Host == "" || !slices.Contains([]string{"http", "https"}, u.Scheme) {
			wrong("exporters.otlp.endpoint", "%q: it is a URL, as http://collector:4318", o.Endpoint)
		}
	}
	if o.Interval < Duration(time.Second) {
		wrong("exporters.otlp.interval", "%v: at least 1s", o.Interval)
	}
	return errors.Join(errs...)
}

func checkListen(s string) error {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return errors.New("it is host:port, as 127.0.0.1:4180")
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return errors.New("the port is a number from 0 to 65535")
	}
	if host != "" && host != "localhost" && net.ParseIP(host) == nil {
		return errors.New("the host is an address, or localhost")
	}
	return nil
}

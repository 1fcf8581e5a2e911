package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// LeastAge is the least that a history can be told to keep.
const LeastAge = 10 * time.Minute

// At says of what is wrong with a value which it is and where it was set: file and
// line come first, as editors find them.
func (l *Loaded) At(path string, err error) error {
	if text, ok := strings.CutPrefix(err.Error(), path+": "); ok {
		err = errors.New(text)
	}
	switch origin := l.Origins[path]; {
	case origin == "":
		return fmt.Errorf("%s: %w", path, err)
	case strings.Contains(origin, ":"): // a file; names of variables and flags have none
		return fmt.Errorf("%s: %s: %w", origin, path, err)
	default:
		return fmt.Errorf("%s: %w (set by %s)", path, err, origin)
	}
}

// Validate says what cannot work together, each thing with where it was set. What
// is in files that are named it does not know.
func (l *Loaded) Validate() error {
	var errs []error
	wrong := func(path, format string, args ...any) {
		errs = append(errs, l.At(path, fmt.Errorf(format, args...)))
	}
	if err := checkListen(l.Listen); err != nil {
		wrong("listen", "%q: %v", l.Listen, err)
	} else if a := &l.Auth; !onlyHere(l.Listen) && !l.InsecureListen && a.TokenFile == "" && a.BasicAuthFile == "" && a.ClientCAFile == "" {
		wrong("listen", "%q: other hosts reach it, and nobody is asked who he is: set auth.token_file, auth.basic_auth_file or auth.client_ca_file, "+
			"listen on 127.0.0.1, or say that this is meant: insecure_listen: true", l.Listen)
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
	if l.History.Enabled && time.Duration(l.History.MaxAge) < LeastAge {
		wrong("history.max_age", "%v: at least %v; to remember nothing: history.enabled: false", l.History.MaxAge, Duration(LeastAge))
	}
	if one, other := "auth.cert_file", "auth.key_file"; (l.Auth.CertFile == "") != (l.Auth.KeyFile == "") {
		if l.Auth.CertFile == "" {
			one, other = other, one
		}
		wrong(one, "the certificate and its key belong together; %s is not set", other)
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

// onlyHere: other hosts do not reach it. No host is every address.
func onlyHere(listen string) bool {
	host, _, _ := net.SplitHostPort(listen)
	return host == "localhost" || net.ParseIP(host).IsLoopback()
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

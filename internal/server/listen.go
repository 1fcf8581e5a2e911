package server

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
)

// listen opens the address, and refuses one that other hosts reach while nobody
// is asked who he is.
func listen(c *Config, asked bool) (net.Listener, error) {
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: it is host:port, as %s", c.Listen, defaultListen)
	}
	if !isLoopback(host) && !asked && !c.Insecure {
		return nil, fmt.Errorf("listen on %s: other hosts reach it, and nobody is asked who he is: set a token file (auth.token_file), "+
			"a password file (auth.basic_auth_file) or an authority of client certificates (auth.client_ca_file), "+
			"listen on 127.0.0.1:%s, or say that this is meant (insecure_listen)", c.Listen, port)
	}
	l, err := net.Listen("tcp", c.Listen)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, takenError(fmt.Sprintf("listen on %s: another program has that port, perhaps another peerscope serve: "+
			"choose one with --listen %s, or any free one with --listen %s", c.Listen, nextPort(host, port), net.JoinHostPort(host, "0")))
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("listen on %s: ports below 1024 need CAP_NET_BIND_SERVICE: choose one with --listen %s", c.Listen, net.JoinHostPort(host, "4180"))
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("listen on %s: this host does not have that address: choose one of its own with --listen", c.Listen)
	case err != nil:
		return nil, fmt.Errorf("listen on %s: %w", c.Listen, err)
	}
	t, err := tlsConfig(c)
	switch {
	case err != nil:
		l.Close()
		return nil, err
	case t != nil:
		return tls.NewListener(l, t), nil
	}
	return l, nil
}

// takenError says that another program has the port.
type takenError string

func (e takenError) Error() string { return string(e) }
func (takenError) Unwrap() error   { return syscall.EADDRINUSE }

// isLoopback: only this host reaches it. The empty host is every address.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

func nextPort(host, port string) string {
	n, err := net.LookupPort("tcp", port)
	if err != nil || n >= 65535 {
		n = 4180
	}
	return net.JoinHostPort(host, fmt.Sprint(n+1))
}

// tlsConfig is nil where no certificate is given.
func tlsConfig(c *Config) (*tls.Config, error) {
	if c.CertFile == "" && c.KeyFile == "" {
		if c.ClientCAFile != "" {
			return nil, errors.New("certificates of clients are seen over TLS only: set a certificate and key of the server (auth.cert_file, auth.key_file), too")
		}
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("read certificate %s and key %s: %w", c.CertFile, c.KeyFile, err)
	}
	t := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
	if c.ClientCAFile == "" {
		return t, nil
	}
	pem, err := os.ReadFile(c.ClientCAFile)
	if err != nil {
		return nil, fmt.Errorf("read authorities of client certificates: %w", err)
	}
	t.ClientCAs = x509.NewCertPool()
	if !t.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read authorities of client certificates: %s has no certificate in PEM", c.ClientCAFile)
	}
	t.ClientAuth = tls.RequireAndVerifyClientCert
	return t, nil
}

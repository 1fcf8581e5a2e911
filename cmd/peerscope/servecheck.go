package main

import (
	"errors"
	"strings"
	"time"

	"peerscope/internal/config"
	"peerscope/internal/filter"
	"peerscope/internal/history"
	"peerscope/internal/server"
)

// checkServe fails where serve would refuse a configuration: on what is in the files
// that it names, too. It opens no port and no history. from is a recording that is
// served; empty: this host.
func checkServe(l *config.Loaded, from string) error {
	var errs []error
	check := func(path string, err error) {
		if err != nil {
			errs = append(errs, l.At(path, err))
		}
	}
	_, err := filter.Parse(l.Filter)
	check("filter", err)
	a := &l.Auth
	check("auth.token_file", server.Config{TokenFile: a.TokenFile}.CheckFiles())
	check("auth.basic_auth_file", server.Config{BasicAuthFile: a.BasicAuthFile}.CheckFiles())
	certificate := server.Config{CertFile: a.CertFile, KeyFile: a.KeyFile}
	if err := certificate.CheckFiles(); err != nil {
		check("auth.cert_file", err)
	} else {
		certificate.ClientCAFile = a.ClientCAFile
		check("auth.client_ca_file", certificate.CheckFiles())
	}
	if from == "" {
		ob := observationOf(l)
		check("entities", ob.readEntities())
		check("kubeconfig", ob.findCluster())
		if l.History.Enabled {
			check("history", historyOptions(l).Check())
		}
	}
	check(valueOf(l, "exporters.series", seriesConfig(l.Exporters.Series).Validate()))
	check(valueOf(l, "exporters.prometheus", prometheusConfig(l.Exporters.Prometheus).Validate()))
	c, err := otlpConfig(l)
	if err == nil && c.Enabled {
		err = c.CheckFiles()
	}
	check(valueOf(l, "exporters.otlp", err))
	return errors.Join(errs...)
}

// valueOf is the path of what an error of a group speaks of, if its first word is a
// key that was set, else that of the group.
func valueOf(l *config.Loaded, group string, err error) (string, error) {
	if err == nil {
		return group, nil
	}
	text := strings.TrimPrefix(err.Error(), group+": ")
	key, rest, _ := strings.Cut(text, " ")
	if path := group + "." + key; l.Origins[path] != "" {
		return path, errors.New(strings.TrimPrefix(rest, "is "))
	}
	return group, err
}

// observationOf is what is to be observed, until it is interrupted.
func observationOf(l *config.Loaded) observation {
	return observation{length: -1, source: l.Source, namespaces: l.Namespaces, entities: l.Entities, kubeconfig: l.Kubeconfig, originalDst: l.OriginalDst}
}

func historyOptions(l *config.Loaded) history.Options {
	return history.Options{MaxBytes: int64(l.History.MaxSize), Keep: keepFor(time.Duration(l.History.MaxAge))}
}

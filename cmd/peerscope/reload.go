package main

import (
	"strings"

	"github.com/coreos/go-systemd/v22/daemon"

	"peerscope/internal/config"
	"peerscope/internal/filter"
)

// reloadFrom takes a changed configuration over: the filter and the exporters. One
// with an error changes nothing, and what takes a restart stays as it is.
func (a *agent) reloadFrom(load func() (*config.Loaded, error)) {
	if a.ready.Load() { // else READY=1 would say what is not true yet
		_, _ = daemon.SdNotify(false, daemon.SdNotifyReloading+"\n"+daemon.SdNotifyMonotonicUsec())
		defer daemon.SdNotify(false, daemon.SdNotifyReady)
	}
	l, err := load()
	if err == nil {
		l, err = a.reload(l)
	}
	if err != nil {
		a.log.Error("the configuration was not taken over, what held before holds on", "error", oneLine(err))
		return
	}
	if len(l.Restart) > 0 {
		a.log.Warn("the filter and exporters.otlp were taken over; what else is changed takes a restart", "files", l.Files, "keys", strings.Join(l.Restart, ", "))
		return
	}
	a.log.Info("the configuration was taken over", "files", l.Files)
}

// reload gives what holds from now on.
func (a *agent) reload(next *config.Loaded) (*config.Loaded, error) {
	l := a.cfg.Load().Reload(next)
	wanted, err := filter.Parse(l.Filter)
	if err != nil {
		return nil, usage(err)
	}
	if err := a.changePush(l); err != nil {
		return nil, err
	}
	a.filter.Store(wanted)
	a.cfg.Store(l)
	return l, nil
}

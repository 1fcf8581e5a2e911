package identity

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// dockerState is what is used of Docker's config.v2.json, and of the answer to
// GET /containers/ID/json, which is the same in these fields.
type dockerState struct {
	ID     string
	Name   string
	Config struct {
		Image  string
		Labels map[string]string
	}
}

// container is what the state says. Docker writes names with a slash before.
func (s *dockerState) container() container {
	c := container{runtime: "docker", name: text(strings.TrimPrefix(s.Name, "/")), pod: kubeletPod(s.Config.Labels, "io.kubernetes.docker.type")}
	c.setImage(s.Config.Image)
	c.setLabels(s.Config.Labels)
	return c
}

// docker reads the state file of a container, or asks the daemon if the file is
// not to be had.
func (r *runtimes) docker(ref containerRef, before stamp) (container, stamp, error) {
	failed := error(fs.ErrNotExist)
	for _, p := range r.dockerRoots(ref) {
		name := "containers/" + ref.id + "/config.v2.json"
		var s dockerState
		now, err := p.decode(name, before, &s)
		if err == nil && s.ID != ref.id {
			err = &fs.PathError{Op: "read", Path: p.path(name), Err: errOther}
		}
		switch {
		case err == nil:
			return s.container(), now, nil
		case errors.Is(err, errUnchanged):
			return container{}, now, err
		}
		failed = worse(failed, err)
	}
	if ref.runtime != "docker" || ref.user != "" {
		return container{}, stamp{}, failed
	}
	c, err := r.askDocker(ref.id)
	if err == nil {
		return c, stamp{}, nil
	}
	return container{}, stamp{}, worse(failed, err)
}

// dockerRoots are where Docker may keep its state: for the host, where its
// configuration says; for a user without root, below the home.
func (r *runtimes) dockerRoots(ref containerRef) []place {
	if ref.user != "" {
		return r.below(ref.user, ".local/share/docker")
	}
	places := []place{{base: r.root + "/var/lib/docker"}}
	var config struct {
		DataRoot string `json:"data-root"`
	}
	etc := place{base: r.root + "/etc/docker"}
	if _, err := etc.decode("daemon.json", stamp{}, &config); err == nil && filepath.IsAbs(config.DataRoot) {
		places = slices.Insert(places, 0, place{base: r.root + config.DataRoot})
	}
	return places
}

const (
	// socketWait bounds one answer of a daemon.
	socketWait = 2 * time.Second
	// socketRetry is how long a daemon that did not answer is left alone.
	socketRetry = 30 * time.Second
)

// askDocker asks the daemon for one container. A daemon that does not answer is
// not asked again for a while.
func (r *runtimes) askDocker(id string) (container, error) {
	socket := r.root + "/run/docker.sock"
	if _, err := os.Stat(socket); err != nil {
		return container{}, err
	}
	if !r.dockerDown.IsZero() && r.now().Sub(r.dockerDown) < socketRetry {
		return container{}, r.dockerErr
	}
	s, err := getDocker(socket, id)
	if err != nil && !isMissing(err) {
		r.dockerDown, r.dockerErr = r.now(), err
	}
	if err != nil {
		return container{}, err
	}
	return s.container(), nil
}

// getDocker asks by hand: a client of net/http keeps goroutines, and logs.
func getDocker(socket, id string) (*dockerState, error) {
	request, err := http.NewRequest(http.MethodGet, "http://docker/containers/"+id+"/json", nil)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", socket, err)
	}
	request.Close = true
	conn, err := net.DialTimeout("unix", socket, socketWait)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", socket, shortError(err))
	}
	defer conn.Close()
	err = conn.SetDeadline(time.Now().Add(socketWait))
	if err == nil {
		err = request.Write(conn)
	}
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", socket, shortError(err))
	}
	response, err := http.ReadResponse(bufio.NewReader(io.LimitReader(conn, maxState)), request)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", socket, shortError(err))
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return nil, fs.ErrNotExist
	default:
		return nil, fmt.Errorf("ask %s: %s", socket, response.Status)
	}
	b, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", socket, shortError(err))
	}
	var s dockerState
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, fmt.Errorf("ask %s: %w", socket, err)
	}
	if s.ID != id {
		return nil, fmt.Errorf("ask %s: %w", socket, errOther)
	}
	return &s, nil
}

// shortError says of a daemon that hangs that it does, and of others why.
func shortError(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("no answer within %v", socketWait)
	}
	var op *net.OpError
	if errors.As(err, &op) { // the rest of it is the path again
		return op.Err
	}
	return err
}

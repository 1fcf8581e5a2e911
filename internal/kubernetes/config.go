package kubernetes

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Access is the way to an API server.
type Access struct {
	From string // where it was found, for people
	// Asked: somebody named it. What was only found is asked only where pods run.
	Asked  bool
	config *rest.Config
	broken error // it is of no use; said only where pods run
}

// serviceAccount is where a pod has its token and the server's certificate.
const serviceAccount = "/var/run/secrets/kubernetes.io/serviceaccount"

// Find looks for the way to an API server: the file named, else the service
// account of a pod, else the files that kubectl takes. Nil without an error:
// there is none. An error is of the file named alone: what else is there was not
// asked for, and is said in a gap.
func Find(file string) (*Access, error) {
	if file != "" {
		if _, err := os.Stat(file); err != nil {
			return nil, fmt.Errorf("read kubeconfig: %w", err)
		}
		a, err := fromFiles([]string{file})
		if err != nil {
			return nil, fmt.Errorf("read kubeconfig %s: %w", file, err)
		}
		a.Asked = true
		return a, nil
	}
	if _, err := os.Stat(filepath.Join(serviceAccount, "token")); err == nil && os.Getenv("KUBERNETES_SERVICE_HOST") != "" {
		c, err := rest.InClusterConfig()
		return &Access{From: "the pod's service account", Asked: true, config: c, broken: err}, nil
	}
	var files []string
	for _, f := range kubectlFiles() {
		if _, err := os.Stat(f); err == nil {
			files = append(files, f)
		}
	}
	if len(files) == 0 {
		return nil, nil
	}
	a, err := fromFiles(files)
	if err != nil {
		return &Access{From: files[0], broken: err}, nil
	}
	return a, nil
}

// kubectlFiles are those of KUBECONFIG, else the one in the user's home.
func kubectlFiles() []string {
	if list := os.Getenv("KUBECONFIG"); list != "" {
		return filepath.SplitList(list)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return nil
	}
	return []string{filepath.Join(home, ".kube", "config")}
}

func fromFiles(files []string) (*Access, error) {
	rules := clientcmd.ClientConfigLoadingRules{Precedence: files, WarnIfAllMissing: false}
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(&rules, &clientcmd.ConfigOverrides{})
	raw, err := loader.RawConfig()
	if err != nil {
		return nil, err
	}
	switch c := raw.Contexts[raw.CurrentContext]; {
	case len(raw.Clusters) == 0:
		return nil, errors.New("it names no cluster")
	case c == nil:
		return nil, errors.New("it has no current context")
	case raw.Clusters[c.Cluster] == nil:
		return nil, fmt.Errorf("its context is of the cluster %q, which it does not have", c.Cluster)
	}
	c, err := loader.ClientConfig()
	if err != nil {
		return nil, err
	}
	return &Access{From: files[0], config: c}, nil
}

// runs is the program that a configuration would start to log in; empty: none.
func (a *Access) runs() string {
	if a.config.ExecProvider == nil {
		return ""
	}
	return a.config.ExecProvider.Command
}

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"peerscope/internal/config"
)

// systemConfig is read first, where it exists.
const systemConfig = "/etc/peerscope/config.yaml"

func newConfig(s streams) *cobra.Command {
	var file string
	var origin, docs bool
	c := &cobra.Command{Use: "config", Short: "Check or show the configuration of serve", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.PersistentFlags().StringVar(&file, "config", "", "the `FILE` only (default "+systemConfig+", then the user's)")
	_ = c.MarkPersistentFlagFilename("config")
	check := &cobra.Command{
		Use: "check", Short: "Say whether the configuration is right, and what is wrong in which line", Args: noArgs,
		Example: "  peerscope config check\n  peerscope config check --config /etc/peerscope/config.yaml",
		RunE: func(*cobra.Command, []string) error {
			l, err := loadConfig(file, nil)
			if err != nil {
				return err
			}
			if err := checkServe(l, ""); err != nil {
				return usage(err)
			}
			for _, u := range l.Unknown {
				fmt.Fprintf(s.err, "peerscope: this variable sets nothing: %s\n", u)
			}
			from := "nothing is set: every value is the default"
			if len(l.Files) > 0 {
				from = strings.Join(l.Files, ", ")
			}
			fmt.Fprintf(s.out, "the configuration is right (%s)\n", from)
			return nil
		},
	}
	show := &cobra.Command{
		Use: "show", Short: "Show the configuration as it is after file and environment", Args: noArgs,
		Example: "  peerscope config show --origin   # where each value came from\n  peerscope config show --docs     # what each means",
		RunE: func(*cobra.Command, []string) error {
			l, err := loadConfig(file, nil)
			if err != nil {
				return err
			}
			return l.Show(s.out, docs, origin)
		},
	}
	show.Flags().BoolVar(&origin, "origin", false, "say where each value came from")
	show.Flags().BoolVar(&docs, "docs", false, "say what each value means")
	c.AddCommand(check, show)
	return c
}

// loadConfig reads what there is: the files, the environment, then the flags that
// were given. Every error is said at once.
func loadConfig(file string, flags *pflag.FlagSet) (*config.Loaded, error) {
	l := config.New()
	var errs []error
	for _, name := range configFiles(file) {
		if err := l.File(name); err != nil {
			errs = append(errs, err)
		}
	}
	errs = append(errs, l.Environment(os.Environ()))
	if flags != nil {
		flags.Visit(func(f *pflag.Flag) {
			if path := f.Annotations[configPath]; len(path) == 1 {
				errs = append(errs, l.Flag(path[0], f.Name, flagText(f)))
			}
		})
	}
	if err := errors.Join(errs...); err != nil {
		return nil, usage(err)
	}
	if err := l.Validate(); err != nil {
		return nil, usage(err)
	}
	return l, nil
}

// configPath is the annotation of a flag that sets a value of the configuration.
const configPath = "peerscope_config"

// bindConfig says which value of the configuration a flag sets.
func bindConfig(flags *pflag.FlagSet, paths map[string]string) {
	for name, path := range paths {
		_ = flags.SetAnnotation(name, configPath, []string{path})
	}
}

// flagText is what was given, a list separated by commas.
func flagText(f *pflag.Flag) string {
	if list, ok := f.Value.(pflag.SliceValue); ok {
		return strings.Join(list.GetSlice(), ",")
	}
	return f.Value.String()
}

// configFiles are those that are read. One that was asked for must exist; the
// user's must belong to the user, since it may name files to be read as root.
func configFiles(asked string) []string {
	if asked != "" {
		return []string{asked}
	}
	var out []string
	for _, name := range []string{systemConfig, userConfig()} {
		if st, err := os.Stat(name); name != "" && err == nil && st.Mode().IsRegular() && ownedByUser(st) {
			out = append(out, name)
		}
	}
	return out
}

// userConfig is the file of the one who called, also below sudo.
func userConfig() string {
	dir := os.Getenv("XDG_CONFIG_HOME")
	if name := os.Getenv("SUDO_USER"); name != "" && os.Geteuid() == 0 {
		dir = filepath.Join("/home", filepath.Base(name), ".config")
	}
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		dir = filepath.Join(home, ".config")
	}
	return filepath.Join(dir, "peerscope", "config.yaml")
}

func ownedByUser(st fs.FileInfo) bool {
	owner, ok := st.Sys().(*syscall.Stat_t)
	if !ok || owner.Uid == 0 || int(owner.Uid) == os.Geteuid() {
		return ok
	}
	return os.Geteuid() == 0 && os.Getenv("SUDO_UID") == strconv.Itoa(int(owner.Uid))
}

package identity

import "strings"

// podUID reads the uid of a pod off the path of a cgroup that the kubelet made:
// /kubepods/burstable/podUID/..., or with systemd
// /kubepods.slice/kubepods-podUID.slice/..., where dashes are underscores. Empty
// if there is none. Pods from files have a uid of 32 digits without dashes.
func podUID(path string) string {
	if !strings.Contains(path, "kubepods") {
		return ""
	}
	for part := range strings.SplitSeq(path, "/") {
		part, _, _ = strings.Cut(part, ":") // slice:prefix:id
		part = strings.TrimSuffix(part, ".slice")
		i := strings.LastIndex(part, "pod")
		if i < 0 || i > 0 && part[i-1] != '-' {
			continue
		}
		uid := strings.ReplaceAll(part[i+len("pod"):], "_", "-")
		if isUID(uid) {
			return uid
		}
	}
	return ""
}

// isUID reports whether s is a UUID, with its dashes or without.
func isUID(s string) bool {
	switch len(s) {
	case 32:
		return isHex(s)
	case 36:
		for i, n := 0, 0; i < len(s); i++ {
			if s[i] != '-' {
				continue
			}
			n++
			if want := [...]int{8, 13, 18, 23}; n > len(want) || i != want[n-1] {
				return false
			}
		}
		plain := strings.ReplaceAll(s, "-", "")
		return len(plain) == 32 && isHex(plain)
	}
	return false
}

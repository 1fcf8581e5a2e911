package identity_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/identity"
)

const (
	id1 = "3f4e1c0a9b8d7e6f5a4b3c2d1e0f9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c4d3e2f"
	id2 = "aaaabbbbccccddddeeeeffff0000111122223333444455556666777788889999"
	pod = "8f0c3e55-7c4b-4ad7-8d0b-3f6a7f4d6f3c"
)

func TestCgroupNamesUnitAndContainer(t *testing.T) {
	f := func(path, unit, container, runtime string) {
		t.Helper()
		path = strings.NewReplacer("ID1", id1, "ID2", id2, "POD", pod).Replace(path)
		want := identity.Cgroup{Path: path, Unit: strings.ReplaceAll(unit, "ID1", id1), Container: container, Runtime: runtime}
		for _, file := range []string{
			"0::" + path + "\n",
			"0::" + path + " (deleted)\n",
			"12:pids:" + path + "\n11:cpuset:/\n1:name=systemd:" + path + "\n0::/\n",
			"4:memory:" + path + "\n1:name=systemd:/\n0::/",
		} {
			if diff := cmp.Diff(want, identity.ParseCgroup([]byte(file))); diff != "" {
				t.Errorf("ParseCgroup(%q) (-want +got):\n%s", file, diff)
			}
		}
	}

	// systemd
	f("/init.scope", "init.scope", "", "")
	f("/system.slice/nginx.service", "nginx.service", "", "")
	f("/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service", "", "")
	f("/system.slice/postgresql@16-main.service", "postgresql@16-main.service", "", "")
	f(`/system.slice/system-systemd\x2dfsck.slice/systemd-fsck@dev-disk.service`, "systemd-fsck@dev-disk.service", "", "")
	f("/user.slice/user-1000.slice/session-3.scope", "session-3.scope", "", "")
	f("/user.slice/user-1000.slice/user@1000.service/init.scope", "init.scope", "", "")
	f("/user.slice/user-1000.slice/user@1000.service/app.slice/foo.service", "foo.service", "", "")
	f("/user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-firefox-3210.scope", "app-gnome-firefox-3210.scope", "", "")
	f("/system.slice/foo.service/supervisor", "foo.service", "", "")
	f("/system.slice/containerd.service", "containerd.service", "", "")
	f("/system.slice", "", "", "")
	f("/.service", "", "", "")
	f("/process_api/96f230a1e83ef9cf7550dafea2b65c8f", "", "", "")
	f("/../../system.slice/nginx.service", "nginx.service", "", "")

	// docker
	f("/docker/ID1", "", id1, "docker")
	f("/docker/ID1/init.scope", "init.scope", id1, "docker")
	f("/system.slice/docker-ID1.scope", "docker-ID1.scope", id1, "docker")
	f("/system.slice/docker-ID1.scope/system.slice/ssh.service", "ssh.service", id1, "docker")
	f("/user.slice/user-1000.slice/user@1000.service/user.slice/docker-ID1.scope", "docker-ID1.scope", id1, "docker")
	f("/system.slice:docker:ID1", "", id1, "docker")
	f("/docker/ID2/docker/ID1", "", id1, "docker")
	f("/ecs/0123456789abcdef0123456789abcdef/ID1", "", id1, "docker")
	f("/ecs/0123456789abcdef0123456789abcdef/0123456789abcdef0123456789abcdef-2531612879", "", "0123456789abcdef0123456789abcdef-2531612879", "")
	f("/kubepods/burstable/podPOD/docker-ID1.scope", "docker-ID1.scope", id1, "docker")
	f("/actions_job/ID1", "", id1, "")
	f("/docker/buildx", "", "", "")

	// containerd
	f("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podPOD.slice/cri-containerd-ID1.scope", "cri-containerd-ID1.scope", id1, "containerd")
	f("/kubepods/besteffort/podPOD/ID1", "", id1, "containerd")
	f("/kubepods.slice/kubepods-podPOD.slice/ID1", "", id1, "containerd")
	f("/system.slice/containerd.service/kubepods-burstable-podPOD.slice:cri-containerd:ID1", "containerd.service", id1, "containerd")
	f("/kubepods-burstable-podPOD.slice:cri-containerd:ID1", "", id1, "containerd")
	f("/default/ID1", "", id1, "containerd")
	f("/k8s.io/ID1", "", id1, "containerd")
	f("/system.slice/nerdctl-ID1.scope", "nerdctl-ID1.scope", id1, "containerd")
	// a node of kind is a container of docker itself
	f("/docker/ID2/kubelet/kubepods/burstable/podPOD/ID1", "", id1, "containerd")
	f("/system.slice/docker-ID2.scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-podPOD.slice/cri-containerd-ID1.scope", "cri-containerd-ID1.scope", id1, "containerd")

	// cri-o
	f("/kubepods.slice/kubepods-podPOD.slice/crio-ID1.scope", "crio-ID1.scope", id1, "cri-o")
	f("/kubepods.slice/kubepods-podPOD.slice/crio-ID1.scope/container", "crio-ID1.scope", id1, "cri-o")
	f("/kubepods/podPOD/crio-ID1", "", id1, "cri-o")
	f("/kubepods.slice/kubepods-podPOD.slice/crio-conmon-ID1.scope", "crio-conmon-ID1.scope", "", "")

	// podman
	f("/machine.slice/libpod-ID1.scope", "libpod-ID1.scope", id1, "podman")
	f("/machine.slice/libpod-ID1.scope/container", "libpod-ID1.scope", id1, "podman")
	f("/machine.slice/machine-libpod_pod_ID2.slice/libpod-ID1.scope/container", "libpod-ID1.scope", id1, "podman")
	f("/machine.slice/libpod-conmon-ID1.scope", "libpod-conmon-ID1.scope", "", "")
	f("/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID1.scope/container", "libpod-ID1.scope", id1, "podman")
	f("/libpod_parent/libpod-ID1", "", id1, "podman")
	f("/libpod_parent/conmon", "", "", "")
	f("/system.slice/web.service/libpod-payload-ID1", "web.service", id1, "podman")
	f("/system.slice/web.service/runtime", "web.service", "", "")

	// system containers and machines
	f("/lxc/web", "", "web", "lxc")
	f("/lxc/101/ns/system.slice/ssh.service", "ssh.service", "101", "lxc")
	f("/lxc.payload.web/system.slice/ssh.service", "ssh.service", "web", "lxc")
	f("/lxc.payload/web", "", "web", "lxc")
	f("/lxc.monitor.web", "", "", "")
	f("/machine.slice/systemd-nspawn@web.service/payload/system.slice/ssh.service", "ssh.service", "web", "systemd-nspawn")
	f(`/machine.slice/machine-my\x2dweb.scope/payload`, `machine-my\x2dweb.scope`, "my-web", "systemd-nspawn")
	f(`/machine.slice/machine-qemu\x2d1\x2dvm.scope/libvirt/emulator`, `machine-qemu\x2d1\x2dvm.scope`, "", "")
	f(`/machine.slice/machine-lxc\x2d4711\x2dweb.scope`, `machine-lxc\x2d4711\x2dweb.scope`, "lxc-4711-web", "libvirt-lxc")

	// no ids
	f("/docker/"+id1[:63], "", "", "")
	f("/docker/"+strings.ToUpper(id1), "", "", "")
	f("/system.slice/docker-.scope", "docker-.scope", "", "")
}

func TestCgroupLineIsTheBestOne(t *testing.T) {
	f := func(file string, want identity.Cgroup) {
		t.Helper()
		if diff := cmp.Diff(want, identity.ParseCgroup([]byte(file))); diff != "" {
			t.Errorf("ParseCgroup(%q) (-want +got):\n%s", file, diff)
		}
	}
	f("", identity.Cgroup{})
	f("0::\n", identity.Cgroup{})
	f("nonsense\n:\n::\n", identity.Cgroup{})
	f("0::/\n", identity.Cgroup{Path: "/"})
	f("3:cpu,cpuacct:/a\n1:name=systemd:/b\n0::/c\n", identity.Cgroup{Path: "/c"})
	f("3:cpu,cpuacct:/a\n1:name=systemd:/b\n0::/\n", identity.Cgroup{Path: "/b"})
	f("5:cpuset:/z\n3:cpu,cpuacct:/a\n2:memory:/m\n", identity.Cgroup{Path: "/a"})
	f("5:cpuset:/z\n", identity.Cgroup{Path: "/z"})
	// Both versions: the runtime moved the container in version 1 only.
	f("4:memory:/docker/"+id1+"\n1:name=systemd:/docker/"+id1+"\n0::/system.slice/containerd.service\n",
		identity.Cgroup{Path: "/docker/" + id1, Container: id1, Runtime: "docker"})
	f("0::/a\x1b[31m\n", identity.Cgroup{Path: `/a\x1b[31m`})
}

func FuzzParseCgroup(f *testing.F) {
	f.Add([]byte("12:pids:/docker/" + id1 + "\n1:name=systemd:/lxc/x\n0::/system.slice/a.service (deleted)\n"))
	f.Add([]byte("0::/x:y:" + id1 + "\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c := identity.ParseCgroup(b)
		for _, s := range []string{c.Unit, c.Container} {
			if !strings.Contains(strings.ReplaceAll(c.Path, `\x2d`, "-"), strings.ReplaceAll(s, `\x2d`, "-")) {
				t.Errorf("%q is not part of %q", s, c.Path)
			}
		}
	})
}

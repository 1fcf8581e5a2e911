/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* Who uses a socket. A process is told once, when it first uses one, with what
 * may be gone when user space looks for it. */
#ifndef PEERSCOPE_PROCESS_H
#define PEERSCOPE_PROCESS_H

#include "find.h"

struct who {
	__u32 pid; /* tgid */
	__u64 start;
};

static __always_inline bool is_kernel_thread(struct task_struct *t)
{
	return READ(t, flags) & PF_KTHREAD;
}

/*
 * fill_exe writes the path of the executable as the process's own root sees it:
 * up from the file, and over to the mount above where one ends.
 */
static __always_inline __u16 fill_exe(struct process_record *r, struct task_struct *t, struct file *exe)
{
	struct fs_struct *fs = READ(t, fs);
	__u64 root = (__u64)READ(fs, root.dentry), top = (__u64)READ(fs, root.mnt);
	struct dentry *d = READ(exe, f_path.dentry);
	struct vfsmount *m = READ(exe, f_path.mnt);

	for (int i = 0; i < EXE_NAMES; i++) {
		/* Mounts lie on mounts, but not often on many. */
		for (int j = 0; j < 2; j++) {
			struct mount *at, *up;

			if ((__u64)d == root && (__u64)m == top)
				return i;
			if (d != BPF_CORE_READ(m, mnt_root))
				break;
			at = (void *)m - bpf_core_field_offset(struct mount, mnt);
			up = BPF_CORE_READ(at, mnt_parent);
			if (up == at)
				return i;
			d = BPF_CORE_READ(at, mnt_mountpoint);
			m = (void *)up + bpf_core_field_offset(struct mount, mnt);
		}
		long n = bpf_probe_read_kernel_str(r->exe[i], EXE_NAME, BPF_CORE_READ(d, d_name.name));

		if (n <= 1 || n >= EXE_NAME)
			return 0;
		d = BPF_CORE_READ(d, d_parent);
	}
	return 0;
}

static __always_inline void fill_process(struct process_record *r, struct task_struct *t)
{
	struct task_struct *leader = READ(t, group_leader), *parent = READ(leader, real_parent);
	struct mm_struct *mm = READ(t, mm);
	struct nsproxy *namespaces = READ(t, nsproxy);
	struct net *net = namespaces ? READ(namespaces, net_ns) : NULL;
	struct css_set *cgroups = READ(t, cgroups);
	struct cgroup *cgroup = READ(cgroups, dfl_cgrp);
	struct kernfs_node *kn = READ(cgroup, kn);
	struct cred *cred = READ(t, cred);
	struct pid *p = READ(leader, thread_pid);

	r->pid = READ(t, tgid);
	r->start = READ(leader, start_boottime);
	r->parent = READ(parent, tgid);
	r->uid = READ(cred, euid.val);
	r->netns_inode = net ? READ(net, ns.inum) : 0;
	r->cgroup = READ(kn, id);
	r->kthread = is_kernel_thread(t);
	r->vpid = 0;
	if (p) {
		unsigned int level = BPF_CORE_READ(p, level);

		bpf_core_read(&r->vpid, sizeof(r->vpid), &p->numbers[level].nr);
	}
	bpf_core_read_str(r->comm, sizeof(r->comm), &leader->comm);
	r->exe_names = 0;
	r->args_len = 0;
	if (!mm)
		return;
	struct file *exe = READ(mm, exe_file);

	if (exe && READ(t, fs))
		r->exe_names = fill_exe(r, t, exe);
	unsigned long start = READ(mm, arg_start), len = READ(mm, arg_end) - start;

	if (len > ARGS_MAX)
		len = ARGS_MAX;
	/* Just this process's own memory: it is the one that runs here. */
	if (len && !bpf_probe_read_user(r->args, len, (void *)start))
		r->args_len = len;
}

/* tell says who the process is that runs here. */
static __always_inline void tell(struct task_struct *t, __u64 at)
{
	struct process_record *r = bpf_ringbuf_reserve(&events, sizeof(*r), 0);

	if (!r) {
		LOST(ring_full);
		return;
	}
	r->kind = RECORD_PROCESS;
	r->time = at;
	fill_process(r, t);
	bpf_ringbuf_submit(r, wake());
}

/* introduce tells the process that runs here, unless that was done. It is not
 * static, so that the verifier takes it once a program and not once a call. */
__noinline int introduce(__u64 at)
{
	struct task_struct *t = current(), *leader = READ(t, group_leader);
	__u32 pid = READ(t, tgid);
	__u64 start = READ(leader, start_boottime);
	__u64 *known = bpf_map_lookup_elem(&processes, &pid);

	if (known && *known == start)
		return 0;
	bpf_map_update_elem(&processes, &pid, &start, BPF_ANY);
	tell(t, at);
	return 0;
}

static __always_inline bool current_process(struct who *w)
{
	struct task_struct *t = current(), *leader;

	if (is_kernel_thread(t))
		return false;
	leader = READ(t, group_leader);
	w->pid = READ(t, tgid);
	w->start = READ(leader, start_boottime);
	return true;
}

/* Another program in a process that was told. */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(process_exec, struct task_struct *t)
{
	__u32 pid = t->tgid;

	if (bpf_map_lookup_elem(&processes, &pid))
		tell(t, now());
	return 0;
}

/* How a process ended whose last thread t is, as wait(2) tells it: it ended as a
 * whole, or as its first thread did. */
#define SIGNAL_GROUP_EXIT 4 /* include/linux/sched/signal.h */

static __always_inline __u16 exit_status(struct task_struct *t)
{
	struct signal_struct *s = t->signal;

	return s->flags & SIGNAL_GROUP_EXIT ? s->group_exit_code : t->group_leader->exit_code;
}

/* An exit is the head of a record, with its status in the place of args_len. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_exit, struct task_struct *t)
{
	__u32 pid = t->tgid;
	struct process_record *r;

	if (t->signal->live.counter > 0 || !bpf_map_lookup_elem(&processes, &pid))
		return 0;
	bpf_map_delete_elem(&processes, &pid);
	r = bpf_ringbuf_reserve(&events, offsetof(struct process_record, parent), 0);
	if (!r) {
		LOST(ring_full);
		return 0;
	}
	r->kind = RECORD_EXIT;
	r->args_len = exit_status(t);
	r->pid = pid;
	r->start = t->group_leader->start_boottime;
	r->time = now();
	bpf_ringbuf_submit(r, wake());
	return 0;
}

#endif

/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* Who uses a socket. A process is told once, when it first uses one, with what
 * may be gone when user space looks for it. */
#ifndef PEERSCOPE_PROCESS_H
#define PEERSCOPE_PROCESS_H

#include "maps.h"

struct who {
	__u32 pid; /* tgid */
	__u64 start;
};

static __always_inline bool is_kernel_thread(struct task_struct *t)
{
	return t->flags & PF_KTHREAD;
}

static __always_inline void fill_process(struct process_record *r, struct task_struct *t)
{
	struct task_struct *leader = t->group_leader;
	struct mm_struct *mm = t->mm;
	struct pid *p = leader->thread_pid;

	r->pid = t->tgid;
	r->start = leader->start_boottime;
	r->parent = leader->real_parent->tgid;
	r->uid = t->cred->euid.val;
	r->netns_inode = t->nsproxy ? t->nsproxy->net_ns->ns.inum : 0;
	r->cgroup = t->cgroups->dfl_cgrp->kn->id;
	r->kthread = is_kernel_thread(t);
	r->vpid = 0;
	if (p) {
		unsigned int level = BPF_CORE_READ(p, level);

		bpf_core_read(&r->vpid, sizeof(r->vpid), &p->numbers[level].nr);
	}
	bpf_core_read_str(r->comm, sizeof(r->comm), &leader->comm);
	r->exe[0] = 0;
	r->args_len = 0;
	if (!mm)
		return;
	if (mm->exe_file)
		bpf_probe_read_kernel_str(r->exe, sizeof(r->exe), mm->exe_file->f_path.dentry->d_name.name);
	unsigned long start = mm->arg_start, len = mm->arg_end - start;

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

/* introduce tells the process that runs here, unless that was done. */
static __noinline int introduce(__u64 at)
{
	struct task_struct *t = bpf_get_current_task_btf();
	__u32 pid = t->tgid;
	__u64 start = t->group_leader->start_boottime;
	__u64 *known = bpf_map_lookup_elem(&processes, &pid);

	if (known && *known == start)
		return 0;
	bpf_map_update_elem(&processes, &pid, &start, BPF_ANY);
	tell(t, at);
	return 0;
}

static __always_inline bool current_process(struct who *w)
{
	struct task_struct *t = bpf_get_current_task_btf();

	if (is_kernel_thread(t))
		return false;
	w->pid = t->tgid;
	w->start = t->group_leader->start_boottime;
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
	r->args_len = 0;
	r->pid = pid;
	r->start = t->group_leader->start_boottime;
	r->time = now();
	bpf_ringbuf_submit(r, wake());
	return 0;
}

#endif

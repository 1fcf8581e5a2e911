//go:build ignore

/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * The kernel's side of Peerscope. The programs carry facts and decide nothing;
 * what a fact means is decided in internal/attribution.
 */
#include "kernel.h"
#include <bpf/bpf_endian.h>
#include "look.h"
#include "older.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Keeps the layouts in the object's type information, for Go. */
const struct tcp_record *tcp_record_layout __attribute__((unused));
const struct unix_record *unix_record_layout __attribute__((unused));
const struct process_record *process_record_layout __attribute__((unused));
const struct flow_key *flow_key_layout __attribute__((unused));
const struct unix_value *unix_value_layout __attribute__((unused));
const struct flow_value *flow_value_layout __attribute__((unused));
const struct lost *lost_layout __attribute__((unused));
const enum record_kind *record_kind_layout __attribute__((unused));
const enum record_flags *record_flags_layout __attribute__((unused));

#!/usr/bin/env bash
# Runs the benchmarks and ends with a table of lines: name value unit.
# Absolute times depend on the machine; both sides of a ratio are measured in
# one run. The snapshot needs root (a network namespace of its own).
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(mktemp)
trap 'rm -f "$out"' EXIT

go test -run '^$' -bench 'Engine' -benchtime 5x -timeout 10m ./internal/attribution | tee -a "$out"
go test -run '^$' -bench 'WindowOfOne' -benchtime 1s -timeout 10m ./internal/attribution | tee -a "$out"
go test -run '^$' -bench 'Write|Read' -benchtime 1s -timeout 10m ./internal/recording | tee -a "$out"
go test -run '^$' -bench 'Process$|Key$' -benchtime 1s -timeout 10m ./internal/identity | tee -a "$out"
go test -run '^$' -bench '.' -benchtime 20x -timeout 10m ./internal/export | tee -a "$out"
if [ "$(id -u)" = 0 ]; then
  go test -run '^$' -bench 'Snapshot' -benchtime 3x -timeout 10m ./internal/capture/netlink | tee -a "$out"
else
  echo "skipped: BenchmarkSnapshot needs root, for a network namespace of its own"
fi

echo
echo "name value unit"
# A line of a benchmark: name, runs, then pairs of value and unit.
awk '/^Benchmark/ { sub(/^Benchmark/, "", $1); sub(/-[0-9]+$/, "", $1)
       for (i = 3; i < NF; i += 2) printf "%s %s %s\n", $1, $i, $(i + 1) }' "$out"

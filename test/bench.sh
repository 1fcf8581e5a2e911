#!/usr/bin/env bash
# Runs the benchmarks and ends with a table of lines: name value unit.
# Absolute times depend on the machine; both sides of a ratio are measured in
# one run. The snapshot and the cost of a running map need root (network
# namespaces of their own); SOURCE names the source whose cost is measured.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(mktemp)
bin=$(mktemp -d)
trap 'rm -rf "$out" "$bin"' EXIT
failed=0

go test -run '^$' -bench 'Engine' -benchtime 5x -timeout 10m ./internal/attribution | tee -a "$out"
go test -run '^$' -bench 'WindowOfOne' -benchtime 1s -timeout 10m ./internal/attribution | tee -a "$out"
go test -run '^$' -bench 'Write|Read' -benchtime 1s -timeout 10m ./internal/recording | tee -a "$out"
go test -run '^$' -bench 'Process$|Key$' -benchtime 1s -timeout 10m ./internal/identity | tee -a "$out"
go test -run '^$' -bench 'Completer' -benchtime 3x -timeout 10m ./internal/identity | tee -a "$out"
go test -run '^$' -bench '.' -benchtime 20x -timeout 10m ./internal/export | tee -a "$out"
go test -run '^$' -bench 'Add$|Scrape' -benchtime 10x -timeout 10m ./internal/metrics | tee -a "$out"
go test -run '^$' -bench 'Match' -benchtime 5x -timeout 10m ./internal/filter | tee -a "$out"
go test -run '^$' -bench 'Diff' -benchtime 5x -timeout 10m ./internal/topology | tee -a "$out"
go test -run '^$' -bench 'Make' -benchtime 20x -timeout 10m ./internal/view | tee -a "$out"
go test -run '^$' -bench 'Place' -benchtime 5x -timeout 10m ./internal/layout | tee -a "$out"
go test -run '^$' -bench 'History' -benchtime 5x -timeout 30m ./internal/history | tee -a "$out"
if [ "$(id -u)" = 0 ]; then
  go test -run '^$' -bench 'Snapshot' -benchtime 3x -timeout 10m ./internal/capture/netlink | tee -a "$out"
  go test -run '^$' -bench 'Dump|Events' -benchtime 3x -timeout 10m ./internal/conntrack | tee -a "$out"
  CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$bin/peerscope" ./cmd/peerscope
  CGO_ENABLED=0 go build -o "$bin/overhead" ./test/overhead
  # It fails if the map is wrong; the figures are wanted all the same.
  "$bin/overhead" -tool "$bin/peerscope" -source "${SOURCE:-auto}" rate idle memory | tee -a "$out" || failed=1
else
  echo "skipped: BenchmarkSnapshot and the cost of a running map need root, for network namespaces of their own"
fi

echo
echo "name value unit"
# A line of a benchmark: name, runs, then pairs of value and unit.
awk '/^Benchmark/ { sub(/^Benchmark/, "", $1); sub(/-[0-9]+$/, "", $1)
       for (i = 3; i < NF; i += 2) printf "%s %s %s\n", $1, $i, $(i + 1) }' "$out"
grep '^Overhead/' "$out" || true
exit "$failed"

# Everything there is to do with the tree. `make help` lists it.

GO   ?= go
TOOL  = $(GO) tool -modfile=tools/go.mod
LDFLAGS = -s -w
OWN = *.go cmd dashboards internal packaging test web/*.go web/build

.PHONY: help build run test lint lab bench generate update clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## bin/peerscope, one static binary
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/peerscope ./cmd/peerscope

run: build ## serve this host's map at http://127.0.0.1:4180, until Ctrl-C
	./bin/peerscope serve

test: lint ## all tests; what needs root says by name that it was skipped
	$(TOOL) gotestsum --format pkgname --format-hide-empty-pkg -- -count=1 -p 1 -timeout 15m ./...

.PHONY: demo
demo: build ## a small living system in namespaces of its own, served at http://127.0.0.1:4180 or another free port (root, nftables)
	CGO_ENABLED=0 $(GO) build -o bin/demo ./test/demo
	./bin/demo -tool bin/peerscope -for $(or $(FOR),10m)

lint: ## go vet, staticcheck, gofmt
	@test -z "$$(gofmt -l $(OWN))" || { echo "gofmt would change:"; gofmt -l $(OWN); exit 1; }
	$(GO) vet ./...
	$(TOOL) staticcheck ./...
	$(GO) vet -tags kubernetes ./test/kubernetes
	$(GO) vet -tags receivers ./test/receivers

lab: SOURCE ?= netlink
lab: SHELL = /bin/bash -o pipefail
lab: ## the end-to-end lab alone, with its table (root); SOURCE=ebpf for that source, WINDOW=1s in windows
	PEERSCOPE_LAB_WINDOW=$(WINDOW) PEERSCOPE_REQUIRE_PRIVILEGED=1 PEERSCOPE_SOURCE=$(SOURCE) $(GO) test -count=1 -v -timeout 15m -run 'TestLab' ./test/e2e | grep -v '^=== '

bench: ## benchmarks; ends with a table of lines: name value unit
	./test/bench.sh

generate: ## the eBPF objects from their C source (installs clang where it is missing), the web map from its sources
	@command -v clang >/dev/null && test -e /usr/include/bpf/bpf_helpers.h || { apt-get update -qq && apt-get install -y -qq --no-install-recommends clang llvm libbpf-dev linux-libc-dev; }
	$(GO) generate ./internal/capture/ebpf ./web

.PHONY: test-web
test-web: ## the web map: its types, and played with in a browser (chromium, nodejs, npm); ONLY=word for some of it
	@test -e web/test/node_modules/.installed || (cd web/test && npm ci --ignore-scripts --no-audit --no-fund --silent && cp package-lock.json node_modules/.installed)
	cd web && test/node_modules/.bin/tsc -p .
	$(GO) test -count=1 -v ./web | grep -v '^=== RUN'

.PHONY: screenshots
screenshots: ## the pictures of the web map in docs (chromium, nodejs, npm)
	mkdir -p docs/pictures
	PEERSCOPE_SCREENS=$(CURDIR)/docs/pictures ONLY=pictures $(GO) test -count=1 -v -run 'TestBrowser$$' ./web | grep -v '^=== RUN'

.PHONY: kernels
kernels: ## the lab with eBPF on Debian's 5.10, 6.1 and 6.12 in qemu; KERNELS=6.1 ARGS='-v -run veth'
	$(GO) run ./test/kernels -kernels "$(KERNELS)" $(ARGS)

.PHONY: overhead
overhead: build ## nginx with and without a map beside it (root, nginx, wrk); SOURCE=ebpf RUNS=7 BPF_STATS=1; SUBJECT=serve: what the agent costs
	CGO_ENABLED=0 $(GO) build -o bin/overhead ./test/overhead
	./bin/overhead -tool bin/peerscope -source $(or $(SOURCE),auto) -runs $(or $(RUNS),7) $(if $(BPF_STATS),-bpf-stats) $(ARGS) $(or $(SUBJECT),nginx)

.PHONY: soak
soak: ## a day of a host played as fast as it goes: counts, memory and cost of a window; ARGS='-scale 1'
	CGO_ENABLED=0 $(GO) build -o bin/soak ./test/soak
	./bin/soak $(ARGS)

KUBERNETES ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/peerscope/kubernetes-1.34.4
PARTS = test/kubernetes/parts
.PHONY: kubernetes
kubernetes: ## against a real API server, built once (root, 5 to 25 minutes); RECORD=1 records its answers anew
	@command -v etcd >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends etcd-server; }
	@mkdir -p $(KUBERNETES)
	@test -x $(KUBERNETES)/kube-apiserver -a -x $(KUBERNETES)/kube-controller-manager || \
		(cd $(PARTS)/control && CGO_ENABLED=0 nice -n 19 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(KUBERNETES)/ k8s.io/kubernetes/cmd/kube-apiserver k8s.io/kubernetes/cmd/kube-controller-manager)
	@test -x $(KUBERNETES)/kwok || \
		(cd $(PARTS)/kwok && CGO_ENABLED=0 nice -n 19 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(KUBERNETES)/ sigs.k8s.io/kwok/cmd/kwok)
	PEERSCOPE_KUBERNETES=$(KUBERNETES) $(if $(RECORD),PEERSCOPE_RECORD=$(CURDIR)/internal/kubernetes/testdata/recorded) \
		$(GO) test -tags kubernetes -count=1 -v -timeout 15m ./test/kubernetes

RECEIVERS ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/peerscope/receivers-1
.PHONY: receivers
receivers: ## OTLP to VictoriaMetrics and to the collector's receiver, built once (2 to 8 minutes)
	@mkdir -p $(RECEIVERS)
	@test -x $(RECEIVERS)/victoria-metrics || \
		(cd test/receivers/victoria && CGO_ENABLED=0 nice -n 19 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(RECEIVERS)/ github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-metrics)
	@test -x $(RECEIVERS)/collector || \
		(cd test/receivers/collector && CGO_ENABLED=0 nice -n 19 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(RECEIVERS)/ .)
	PEERSCOPE_RECEIVERS=$(RECEIVERS) $(GO) test -tags receivers -count=1 -v -timeout 10m ./test/receivers

update: ## rewrite golden files, and the lab's table in docs/LAB.md (root)
	$(GO) test ./cmd/peerscope ./internal/config ./internal/export ./internal/metrics ./internal/policy ./internal/server -update
	$(GO) test -count=1 -timeout 15m -run 'TestLab' ./test/e2e -update-docs

clean: ## remove what was built
	rm -rf bin

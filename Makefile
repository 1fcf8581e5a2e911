# Everything there is to do with the tree. `make help` lists it.

GO   ?= go
TOOL  = $(GO) tool -modfile=tools/go.mod
LDFLAGS = -s -w

.PHONY: help build run test lint lab bench update clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## bin/peerscope, one static binary
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/peerscope ./cmd/peerscope

run: build ## map this host for ten seconds
	./bin/peerscope map

test: lint ## all tests; what needs root says by name that it was skipped
	$(TOOL) gotestsum --format pkgname --format-hide-empty-pkg -- -count=1 -timeout 15m ./...

lint: ## go vet, staticcheck, gofmt
	@test -z "$$(gofmt -l cmd internal test *.go)" || { echo "gofmt would change:"; gofmt -l cmd internal test *.go; exit 1; }
	$(GO) vet ./...
	$(TOOL) staticcheck ./...

lab: ## the end-to-end lab alone, with its table (root)
	PEERSCOPE_REQUIRE_PRIVILEGED=1 $(GO) test -count=1 -v -timeout 15m -run 'TestLab' ./test/e2e | grep -v '^=== '

bench: ## benchmarks; ends with a table of lines: name value unit
	./test/bench.sh

update: ## rewrite golden files, and the lab's table in docs/LAB.md (root)
	$(GO) test ./internal/export ./cmd/peerscope -update
	$(GO) test -count=1 -timeout 15m -run 'TestLab' ./test/e2e -update-docs

clean: ## remove what was built
	rm -rf bin

# One set of flags for everything: static binaries, and one build cache that all targets and the cluster share.
# Other flags mean compiling Kubernetes' and Tekton's libraries again, which takes minutes.
export CGO_ENABLED := 0
export GOFLAGS := -trimpath -buildvcs=false
SHELL := /bin/bash
.DEFAULT_GOAL := help

help: ## this list
	@awk -F ':.*## ' '/^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z][a-z0-9-]*:.*## / {printf "  %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ try

demo: ## a cluster, two pipelines, an approval, a decision: until part 2 has run (APPROVE=1, REJECT=1, CLUSTER=current)
	APPROVE="$(APPROVE)" REJECT="$(REJECT)" CLUSTER="$(CLUSTER)" demo/run.sh

cluster-up: ## a single-node Kubernetes with Tekton on this machine
	CLUSTER="$(CLUSTER)" cluster/up.sh

cluster-down: ## ends it and leaves nothing behind
	CLUSTER="$(CLUSTER)" cluster/down.sh

##@ build

VERSION ?=
STAMP := -X github.com/countersign-dev/countersign/internal/version.stamped=$(VERSION)

build: ## bin/countersign, and bin/tkn-approval for people
	go build -ldflags="-s -w $(STAMP)" -o bin/ ./cmd/countersign ./cmd/tkn-approval

image: ## dist/countersign.tar, the image (IMAGE=reference)
	@mkdir -p dist
	VERSION="$(VERSION)" deploy/image.sh "$(or $(IMAGE),countersign:dev)" dist/countersign.tar

RELEASE = @. test/lib.sh && program=$$(tool release) && "$$program" --root . --out dist --version "$(VERSION)" $(if $(REPOSITORY),--repository $(REPOSITORY))

release: ## dist: everything of a release, for all platforms (VERSION=v0.1.0, REPOSITORY=, RELEASE_KEY=file)
	$(RELEASE) all

release-push: ## pushes its image, signed if there is RELEASE_KEY
	$(RELEASE) push

chart: ## dist/chart: the Helm chart as a folder, to look at and to install from (VERSION=v0.1.0)
	@. test/lib.sh && program=$$(tool release) && "$$program" --root . --out dist/chart --version "$(or $(VERSION),v0.0.0)" chart

generate: ## deepcopy, CRDs, RBAC, golden files
	tools/generate.sh

golden: ## golden files only; read the difference before you commit it
	go test -count=1 ./templates -update

sentences: ## testdata/sentences: what errors say in tests; read the difference before you commit it
	go test -count=1 $$(grep -rlF 'golden.Open(' --include='*_test.go' . | xargs grep -L '^//go:build' | xargs -n1 dirname | sort -u) -update

storybook: golden ## every page and mail with canned data, in each language, on http://127.0.0.1:8090
	go run ./test/storybook

screenshots: golden ## a picture of each, at 1280 and 390 px, light and dark, in dist/screenshots (needs chromium)
	go run ./test/storybook -screenshots dist/screenshots

pictures: golden ## the README's pictures, in docs/images (needs chromium)
	go run ./test/storybook -readme docs/images

fmt: ## gofumpt and goimports
	@. test/lib.sh && "$$(tool golangci-lint)" fmt ./...

##@ check

test: ## everything: lint verify test-unit fuzz test-pages test-login test-kube test-record test-e2e attack chaos test-browser
	@test/run.sh

lint: ## golangci-lint, shellcheck
	@test/run.sh lint

verify: ## generates again in a copy, fails on a difference
	@test/run.sh verify

arch: ## who may import whom
	go test -count=1 ./internal/archtest

test-unit: ## packages on their own: no cluster, no root, no network
	@test/run.sh unit

test-pages: ## every page in a real Chromium: axe-core finds nothing, the keyboard reaches everything
	@test/run.sh pages

test-login: ## against a real OpenID Connect provider, oauth2-proxy and OpenTelemetry Collector, on this machine
	@test/run.sh login

test-kube: ## against a real API server and etcd, built from source
	@test/run.sh kube

test-record: ## the record's store on a real PostgreSQL, installed if it is not there
	@test/run.sh record

test-e2e: ## against a real cluster with Tekton
	@test/run.sh e2e

test-browser: ## pages in a real Chromium, against the same cluster
	@test/run.sh browser

fuzz: ## every fuzz test, FUZZTIME each (15s)
	@test/run.sh fuzz

attack: ## what a hostile tenant tries, in a real cluster, each with its safe answer
	@test/run.sh attack

chaos: ## breaks what can break while people decide, and judges from outside (SEED=1 N=100; docs/explanation/chaos.md)
	@test/run.sh chaos

chaos-judge: ## judges kept runs of it again (OUT="folder…")
	go run ./test/chaos/judge $(OUT)

bench: ## how much and how fast: the pages, and the rest in a real cluster
	@test/run.sh bench-pages bench

bench-pages: ## of that the pages, with 10,000 pending and 100,000 decided: no cluster
	@test/run.sh bench-pages

test-upgrade: ## install, upgrade, roll back and remove, by kubectl and by Helm, with 200 pending; not in make test
	@test/run.sh upgrade

test-release: ## a whole release, twice: same bytes, a real registry, promtool; compiles for six platforms and is not in make test
	@test/run.sh release

test-otel: ## traces in a real OpenTelemetry Collector beside Tekton's own, in a real cluster; not in make test
	@test/run.sh otel

test-dashboard: ## Approvals and Gates in a Tekton Dashboard, by a real Chromium (DASHBOARD=its address); not in make test
	@DASHBOARD="$(DASHBOARD)" test/run.sh dashboard

test-matrix: ## the main paths on other versions of Tekton and Kubernetes, each on a cluster of its own (LINES=own/1.9); not in make test
	@test/matrix.sh $(LINES)

clean: ## bin, dist and the tools that were built; programs of the cluster stay
	rm -rf bin dist
	rm -rf "$${COUNTERSIGN_CACHE:-$$HOME/.cache/countersign}"/{tools,images,programs,versions}

.PHONY: $(shell awk -F: '/^[a-z][a-z0-9-]*:/ {print $$1}' $(firstword $(MAKEFILE_LIST)))

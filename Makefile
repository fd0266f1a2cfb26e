# The only command surface. `make` alone lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help

TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
XTASK := $(TARGET_DIR)/debug/xtask

# Cargo chooses features by the packages it is asked for: targets ask for --bin and --test of the whole workspace, never
# for -p, so that dependencies are compiled once. What tests need adds no features (xtask/tests/it/features.rs).

.PHONY: help setup build client up down status logs deploy fault check-invariants test bare check infra infra-planted unit coverage openapi sqlx schemathesis corpora e2e smoke load soak drill-db drill-kills drill-restore drill-region infra-collector infra-elastic infra-aws infra-api dialects bench-shop bench-fault bench-up bench-crash bench-metrics bench-logs bench-traces fuzz diff-prometheus console images release sonar wiki audit unit-tests integration-tests clean

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: ## install what is missing (apt or Homebrew)
	@xtask/setup.sh

build: setup ## build all programs and the browser client
	cargo build --locked --bins
	$(XTASK) client

client: setup ## build the browser client only
	cargo build --locked --bin xtask
	$(XTASK) client

up: build ## run the whole platform until Ctrl-C
	@$(XTASK) up

console: setup ## only the console, in front of your own services: make console [PROMETHEUS=url] [LOKI=url] [TEMPO=url]
	cargo build --locked --bins
	$(XTASK) client
	@packaging/console.sh

down: ## stop a running platform
	@$(XTASK) down

status: ## processes with state, memory, restarts
	@$(XTASK) status

logs: ## follow logs: make logs S=orders
	@$(XTASK) logs $(S)

deploy: ## rebuild and replace a service, instance by instance: make deploy S=catalog
	@test -n "$(S)" || { echo 'usage: make deploy S=catalog'; exit 2; }
	cargo build --locked --bin $(if $(filter console,$(S)),quarterdeck,shop-$(S))
	@$(XTASK) deploy $(S)

fault: ## switch a fault on: make fault F=payments.decline [FOR=60] [RATIO=0.5] [DELAY=ms] [INSTANCE=payments-1] [OFF=1]; without F, list them
	@$(XTASK) fault $(F) $(if $(OFF),--off) $(if $(FOR),--for $(FOR)) $(if $(RATIO),--ratio $(RATIO)) $(if $(DELAY),--delay $(DELAY)) $(if $(INSTANCE),--instance $(INSTANCE))

check-invariants: ## compare all books of the running platform: orders, stock, payments, events, mails
	@$(XTASK) check-invariants

test: check infra unit e2e ## lints, cloud form, unit, corpora, integration, then the whole platform in a browser and under kill -9

bare: ## the README's commands in a bare Debian root: make bare [C="make setup"]; as root
	@xtask/setup.sh bare
	@xtask/bare.sh $(if $(C),"$(C)")

check: setup ## formatting, lints, and what the APIs promised in the last release
	cargo fmt --all --check
	cargo clippy --locked --all-targets -- -D warnings
	cargo run --locked -q --bin xtask -- openapi-diff

infra: setup ## what the cloud form is made of: Terraform, manifests, images, pipeline: make infra [ONLY=terraform]
	@xtask/setup.sh infra
	cargo build --locked --bins
	@$(XTASK) infra $(ONLY)

infra-planted: setup ## plant known mistakes into copies of the cloud form, and see that each is caught: make infra-planted [ONLY=terraform]
	@xtask/setup.sh infra
	cargo build --locked --bins
	@$(XTASK) infra --planted $(ONLY)

unit: setup ## unit, corpus and integration tests
	cargo test --locked --no-fail-fast
	@$(TARGET_DIR)/debug/console-querytest ../shared/corpora/promql

unit-tests: setup ## the part of unit without servers: what stands at the foot of files
	cargo test --locked --no-fail-fast --lib --bins

integration-tests: setup ## the part of unit with real Postgres, Redis and browsers' protocols, and the corpora
	cargo test --locked --no-fail-fast --test it
	@$(TARGET_DIR)/debug/console-querytest ../shared/corpora/promql

coverage: setup ## the same tests with what they run counted: a table, and LCOV for sonar; make coverage [T="--lib promql"]
	@ci/coverage.sh $(T)

openapi: setup ## renew services/*/openapi.json from the code
	cargo build --locked --bins
	@for s in identity catalog inventory orders payments notifications; do $(TARGET_DIR)/debug/shop-$$s --openapi >services/$$s/openapi.json; done

sqlx: setup ## compile the services' queries against their migrations and renew services/*/.sqlx: make sqlx [S=orders]
	cargo build --locked --bin xtask
	@$(XTASK) sqlx $(S)

schemathesis: setup ## examples made from every OpenAPI document against services that run: make schemathesis [N=50]
	@xtask/setup.sh schemathesis
	cargo build --locked --bins
	@$(XTASK) schemathesis $(if $(N),--examples $(N))

corpora: setup ## the score of PromQL against the corpora beside the checkout, and its record for the About page
	cargo run --locked -q --bin console-querytest -- ../shared/corpora/promql --record console/promql/conformance.json

e2e: setup ## start the platform, drive it with a browser, break it
	cargo test --locked --no-run
	$(XTASK) client
	@xtask/dialects.py $(TARGET_DIR)/debug/quarterdeck
	QD_E2E=1 cargo test --locked --test platform

smoke: ## k6 smoke profile against a running platform
	loadtests/run.sh smoke

load: ## k6 average profile against a running platform
	loadtests/run.sh average

soak: build ## three times the demo's traffic; fails where memory or a stream grows: make soak [HOURS=1] [RATE=3]
	@$(XTASK) soak $(if $(HOURS),--hours $(HOURS)) $(if $(RATE),--rate $(RATE))

drill-db: build ## fail Postgres (Patroni) and Redis (Sentinel) over while shoppers buy; recovery times, lost orders
	@xtask/setup.sh drill-db
	@xtask/drill-setup.sh
	@$(XTASK) drill-db

drill-kills: build ## SIGKILL random processes while shoppers buy: make drill-kills [KILLS=50] [MINUTES=10] [SEED=1]
	@$(XTASK) drill-kills $(if $(KILLS),--kills $(KILLS)) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))

drill-restore: build ## drop a table while shoppers buy, restore the moment before from the archive; what is lost, for how long
	@xtask/setup.sh drill-restore
	@$(XTASK) drill-restore

drill-region: build ## lose a region while shoppers buy, go on in another one from the archive; what is lost, for how long
	@xtask/setup.sh drill-restore
	@$(XTASK) drill-region

infra-collector: build ## the cluster's collectors for real: configurations read, telemetry through all of them to a console
	@xtask/setup.sh infra-collector
	@xtask/infra-collector.py $(TARGET_DIR)/debug/quarterdeck

dialects: build ## real clients against a console: Elasticsearch's, OpenTelemetry's SDK, fluent-logger, syslog, a WebSocket
	@xtask/dialects.py $(TARGET_DIR)/debug/quarterdeck

infra-aws: build ## AWS' SDK against a local AWS API: the archive's buckets, every secret and its rotation, an alarm through SNS to a console
	@xtask/setup.sh infra-aws
	@xtask/infra-aws.py $(TARGET_DIR)/debug/quarterdeck

infra-api: build ## a real API server asked about every object of gitops/, Flux applies staging, a bad commit and its revert
	@xtask/setup.sh infra-api
	@xtask/infra-api.py $(TARGET_DIR)/debug/quarterdeck

infra-elastic: setup ## Elasticsearch's pipeline, template and searches in a real OpenSearch, with lines of the platform that ran here
	@xtask/setup.sh sonar
	@xtask/infra-elastic.py

bench-shop: setup ## the shop's figures against their targets and against peers: make bench-shop [P="page edge rush orders"]
	@xtask/setup.sh bench-shop
	cargo build --locked --bin xtask
	cargo build --locked --release --bin shop-storefront --bin shop-catalog --bin shop-inventory --bin shop-orders --bin shop-payments --bin shop-notifications --bin bench-peer
	@$(XTASK) bench-shop $(P)

bench-fault: setup ## seconds from a fault switched on to the Slack POST
	cargo test --locked --no-run
	$(XTASK) client
	QD_E2E=1 cargo test --locked --test platform -- a_fault_reaches_slack

bench-up: setup ## seconds from built to all healthy, and memory per process
	cargo test --locked --no-run
	$(XTASK) client
	QD_E2E=1 cargo test --locked --test platform -- start-and-stop-only

bench-crash: setup ## 200 kills each of a writing metrics, log and trace store, and seconds to open the first's log per GB
	cargo run --locked --release -q -p console-tsdb --example crash_proof -- kills 200
	cargo run --locked --release -q -p console-tsdb --example crash_proof -- start 0.25
	cargo run --locked --release -q -p console-logstore --example crash_logs -- 200
	cargo run --locked --release -q -p console-tracestore --example crash_traces -- 200

images: setup release-programs ## build all images without a daemon, with bills of materials, and start one
	@xtask/setup.sh images
	@ci/images.sh

release: setup release-programs ## tarball and Debian package of the console, tried in a root of their own
	@xtask/setup.sh images && xtask/setup.sh bare
	@ci/release.sh

# What images and packages hold (packaging/collect.sh): the others would each be linked for some minutes.
SHIPPED := quarterdeck image-health $(addprefix shop-,storefront identity catalog inventory orders payments notifications)
.PHONY: release-programs
release-programs:
	cargo build --locked --bin xtask
	$(XTASK) client
	QUARTERDECK_REVISION=$$(git rev-parse --short HEAD) cargo build --locked --release $(SHIPPED:%=--bin %)

sonar: setup ## a SonarQube of its own with clippy's report, and its quality gate (2 GB of downloads)
	@ci/sonar.sh

wiki: ## the knowledge base as a GitHub wiki: make wiki REPO=https://github.com/your-org/quarterdeck [DIR=a clone of the wiki]
	@test -n "$(REPO)" || { echo 'usage: make wiki REPO=https://github.com/your-org/quarterdeck [DIR=wiki]'; exit 2; }
	cargo build --locked --bin xtask
	@$(XTASK) wiki --repository $(REPO) $(or $(DIR),$(TARGET_DIR)/wiki)

audit: ## known vulnerabilities in Cargo.lock
	@ci/audit.sh

fuzz: ## coverage-guided fuzzing: make fuzz T=promql_eval [FOR=60]; without T, list the targets
	@console/fuzz/run.sh $(T) $(FOR)

diff-prometheus: setup ## random PromQL against Debian's Prometheus 2.42: make diff-prometheus [QUERIES=20000] [SEED=1]
	cargo build --locked --bin quarterdeck --bin diff-prometheus
	@$(TARGET_DIR)/debug/diff-prometheus $(if $(QUERIES),--queries $(QUERIES)) $(if $(SEED),--seed $(SEED))

# A peer that cannot be built is told twice, by setup and by the bench, and left out.
bench-metrics: setup ## metrics of the console against Prometheus 3 and VictoriaMetrics: make bench-metrics [ARGS="--only console"]
	-@xtask/setup.sh bench-metrics
	cargo build --locked --release --bin quarterdeck --bin bench-metrics
	@$(TARGET_DIR)/release/bench-metrics $(ARGS)

bench-logs: setup ## logs of the console against VictoriaLogs: make bench-logs [ARGS="--gb 0.1 --loki /path/to/loki"]
	-@xtask/setup.sh bench-logs
	cargo build --locked --release --bin quarterdeck --bin bench-logs
	@$(TARGET_DIR)/release/bench-logs $(ARGS)

bench-traces: setup ## traces of the console against VictoriaTraces: make bench-traces [ARGS="--victoria-traces /path/to/victoria-traces"]
	cargo build --locked --release --bin quarterdeck --bin bench-traces
	@$(TARGET_DIR)/release/bench-traces $(ARGS)

clean: ## stop the platform and remove its data
	@$(XTASK) down || true
	rm -rf .data

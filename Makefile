# Needs bash and Python 3.11, 3.12 or 3.13, nothing else: what is missing is installed into .venv.

VENV := .venv
BIN := $(VENV)/bin

SEED := 7
FAULTS := 200
MINUTES := 30
DATA := ../shared/data

.PHONY: help demo demo-monitoring test test-dashboards test-report test-alerts check lint format bench bench-feeding bench-throughput bench-latency bench-stages bench-costs bench-drift bench-memory bench-guarantees bench-metrics bench-fraud bench-mixing bench-datasets bench-plots soak chaos docs docs-site docs-links clean

help: ## Show this help
	@echo 'Thalweg: streaming machine learning on Kafka'
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo '  With another Python than the newest here: make demo PYTHON=/path/to/python3'

demo: $(VENV)/installed-broker ## See it work: a broker, card payments, a worker that learns; Ctrl-C ends all
	@exec $(BIN)/thalweg demo

demo-monitoring: $(VENV)/installed-broker ## The same for a year of payments, beside Prometheus with our alert rules
	@path=$$(deploy/prometheus.sh) && PATH="$$path:$$PATH" exec $(BIN)/thalweg demo --monitoring deploy --days 365 --rate 2000

test: $(VENV)/installed-dev ## Run all tests, on a real Kafka that they start themselves
	@exec $(BIN)/python -m pytest

test-dashboards: $(VENV)/installed-dev ## Every panel's query on a live Prometheus; pictures in build/dashboards
	@path=$$(deploy/prometheus.sh) && PATH="$$path:$$PATH" exec $(BIN)/python -m pytest tests/test_dashboards.py tests/test_monitoring.py tests/test_demo_monitoring.py

test-report: $(VENV)/installed-dev ## A report in a real browser: Chromium, installed if it may be
	@deploy/chromium.sh >/dev/null
	@exec $(BIN)/python -m pytest tests/test_reports.py

test-alerts: $(VENV)/installed-dev ## Provoke faults, and say after how many seconds somebody is paged
	@path=$$(deploy/prometheus.sh) && PATH="$$path:$$PATH" exec $(BIN)/python -m pytest -s tests/test_paging.py tests/test_monitoring.py

check: lint ## Lint, types, and the tests that need no Kafka: a minute
	@exec $(BIN)/python -m pytest -m 'not kafka and not chaos'

lint: $(VENV)/installed-dev ## Formatting, lint and types only
	@$(BIN)/ruff format --check --quiet . || { echo 'make format would put that right' >&2; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy

format: $(VENV)/installed-dev ## Format the code and mend what the linter can
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

bench: $(VENV)/installed-dev ## Run every benchmark
	@exec $(BIN)/python -m benchmarks

bench-throughput: $(VENV)/installed-dev ## Events per CPU-second, beside five peers, in one run
	@exec $(BIN)/python -m benchmarks.throughput

bench-latency: $(VENV)/installed-dev ## Time until a prediction is readable, and CPU at low load
	@exec $(BIN)/python -m benchmarks.latency

bench-feeding: $(VENV)/installed-dev ## Rows a second by produce, simulate and tail, beside a plain loop
	@exec $(BIN)/python -m benchmarks.feeding

bench-stages: $(VENV)/installed-dev ## Microseconds of an event by stage of the task, without Kafka
	@exec $(BIN)/python -m benchmarks.stages

bench-costs: $(VENV)/installed-dev ## Microseconds of an event by slice, features, bytes, models, partitions
	@exec $(BIN)/python -m benchmarks.costs

bench-drift: $(VENV)/installed-dev ## How soon a new type of fraud is noticed, and what reacting brings
	@exec $(BIN)/python -m benchmarks.drift

bench-memory: $(VENV)/installed-dev ## Memory of a worker over 20 million events
	@exec $(BIN)/python -m benchmarks.memory

bench-guarantees: $(VENV)/installed-dev ## What exactly-once costs, recovery of a million events, images
	@exec $(BIN)/python -m benchmarks.guarantees

bench-metrics: $(VENV)/installed-dev ## Throughput with metrics against without, by turns
	@exec $(BIN)/python -m benchmarks.metrics_cost

bench-fraud: $(VENV)/installed-dev ## Frauds found in the handbook's test week, beside River and the book
	@exec $(BIN)/python -m benchmarks.fraud

bench-mixing: $(VENV)/installed-dev ## Eight partitions that learn as one, beside one learner: DATA=folder
	@exec $(BIN)/python -m benchmarks.mixing $(DATA)

bench-datasets: $(VENV)/installed-dev ## Public data sets beside River and trivial models: DATA=folder
	@exec $(BIN)/python -m benchmarks.datasets $(DATA)

soak: $(VENV)/installed-dev ## A worker at half of its maximum rate, and whether all is flat: MINUTES=30
	@$(BIN)/python -m benchmarks.soak --minutes $(MINUTES)
	@exec $(BIN)/python -m benchmarks.plots

bench-plots: $(VENV)/installed-bench ## Pictures of what was measured, for docs/
	@exec $(BIN)/python -m benchmarks.plots

chaos: $(VENV)/installed-dev ## Kill, stop, cut, fill and corrupt under load, and verify: SEED=7 FAULTS=200
	@exec $(BIN)/python -m tests.chaos --seed $(SEED) --faults $(FAULTS)

docs: $(VENV)/installed-dev ## Rewrite what is made from code: tables, sketches, dashboards, alerts, runbooks
	@$(BIN)/python -m docs.tables
	@$(BIN)/python -m docs.sketches
	@exec $(BIN)/python -m deploy.monitoring

docs-site: $(VENV)/installed-docs ## The documentation as a site, every internal link checked; in build/site
	@$(BIN)/python -m sphinx -q -j auto -W --keep-going -c docs . build/site
	@echo 'file://$(CURDIR)/build/site/index.html'

docs-links: $(VENV)/installed-docs ## Whether the links to other sites still lead somewhere
	@exec $(BIN)/python -m sphinx -q -b linkcheck -c docs . build/links

clean: ## Remove the environment and everything else that can be made again
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

# A stamp for each extra of pyproject.toml that is installed.
$(VENV)/installed-%: pyproject.toml deploy/venv.sh
	@deploy/venv.sh $*

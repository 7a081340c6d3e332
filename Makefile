# Two commands: `make run` lets you buy a charge in a browser, `make test` proves everything. Both prepare the machine first.
.PHONY: run test bench chaos fuzz lint fmt sqlx-prepare clean-db
.DEFAULT_GOAL := run

run: ## the site at http://127.0.0.1:3000 with stand-ins and virtual charge points; Ctrl-C stops it all
	@scripts/setup run
	@scripts/build-site
	@scripts/evp demo

test: ## everything, the browser included
	@scripts/setup test
	@scripts/test

bench: ## the figures of a release build
	@scripts/setup bench
	@scripts/bench

chaos: ## seeded fault runs: make chaos SEED=1 RUNS=10000
	@scripts/setup test
	@SEED=$(SEED) RUNS=$(RUNS) scripts/chaos

fuzz: ## the wire format against libFuzzer, a minute for each of three targets (EVP_FUZZ_S)
	@scripts/fuzz

lint: ## formatting and clippy, as `make test` begins
	@scripts/setup test
	@scripts/test lint

fmt:
	@scripts/setup test
	@scripts/with-env cargo fmt --all

sqlx-prepare: ## renews .sqlx after a change to SQL or to the migrations
	@scripts/setup run
	@scripts/with-env scripts/sqlx-prepare

clean-db: ## frees the disk of the private databases of the demo and the tests
	@scripts/setup run
	@scripts/clean-db

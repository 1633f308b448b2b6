# SPDX-License-Identifier: MIT
# `make help` lists the targets.
BUILD ?= build
ARGS ?=
PREFIX ?= /usr/local
CMAKE = cmake -G Ninja
.DEFAULT_GOAL := help

help: ## Lists the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

packages-%:
	@cmake/install-packages.sh $*

build: packages-build ## Builds ringkv-server, ringkv-check and ringkv-cluster (Release) in build/
	@$(CMAKE) -B $(BUILD) -S . >/dev/null && cmake --build $(BUILD) --target ringkv-server ringkv-check ringkv-cluster

run: packages-build ## Builds and starts the server on port 6379; ARGS="--port 7000" for options
	@$(CMAKE) -B $(BUILD) -S . >/dev/null && cmake --build $(BUILD) --target ringkv-server
	@exec $(BUILD)/ringkv-server $(ARGS)

install: build ## Installs programs and man pages; DESTDIR and PREFIX as usual
	@cmake -B $(BUILD) -S . -DCMAKE_INSTALL_PREFIX=$(PREFIX) >/dev/null && cmake --install $(BUILD)

package: packages-package build ## Makes a Debian package in build/
	@cd $(BUILD) && cpack

test: ## Installs test dependencies, builds all variants and runs every test
	@tests/run-all.sh

check: packages-test ## Runs the fast tests
	@tests/build.sh check && ctest --test-dir build-check -LE slow -j3 --output-on-failure

fuzz: packages-test build ## Runs the fuzzers, FUZZ_SECONDS each, and the differential run with new seeds
	@FUZZ_SECONDS=$${FUZZ_SECONDS:-60} tests/fuzz/run.sh
	@/usr/bin/python3 compat/differential.py --rounds 5

soak: packages-test ## Runs the long tests: every feature in every mode, random commands for about an hour
	@tests/build.sh check && RINGKV_SERVER=$(CURDIR)/build-check/ringkv-server tests/soak.sh

crash: packages-test ## Kills a server under load CYCLES times (1000) and checks for lost data
	@tests/build.sh check ringkv-server sigkill_test
	@RINGKV_SERVER=$(CURDIR)/build-check/ringkv-server RINGKV_CRASH_CYCLES=$${CYCLES:-1000} build-check/tests/sigkill_test

bench: packages-bench ## Compares with redis-server on this machine
	@$(CMAKE) -B $(BUILD) -S . -DRINGKV_BENCH=ON >/dev/null && cmake --build $(BUILD) && /usr/bin/python3 bench/compare.py $(ARGS)

bench-plot: packages-bench build ## Plots latency, throughput and memory against redis-server: docs/plots/
	@/usr/bin/python3 bench/plot.py $(ARGS)

site: packages-site ## Builds the documents as a site in build/site
	@mkdocs build -q --strict && echo "build/site/index.html"

format: packages-lint ## Formats all sources
	@git ls-files '*.h' '*.cc' | xargs clang-format -i

lint: packages-lint ## clang-tidy, thread safety analysis, format, and a list of long files
	@cmake/lint.sh

.PHONY: help build run install package test check fuzz soak crash bench bench-plot site format lint

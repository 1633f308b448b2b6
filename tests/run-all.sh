#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Everything that has to hold: the release build with all tests, then the same code under AddressSanitizer with
# UndefinedBehaviorSanitizer, under ThreadSanitizer, and the fuzzers for a bounded time.
set -euo pipefail
cd "$(dirname "$0")/.."
cmake/install-packages.sh test

configure() {
  local dir=$1
  shift
  cmake -G Ninja -DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DRINGKV_TESTS=ON -DRINGKV_WERROR=ON -B "$dir" -S . "$@" >/dev/null
  cmake --build "$dir"
}

configure build -DRINGKV_BENCH=ON
configure build-asan -DCMAKE_BUILD_TYPE=RelWithDebInfo -DRINGKV_SANITIZE=address,undefined
configure build-tsan -DCMAKE_BUILD_TYPE=RelWithDebInfo -DRINGKV_SANITIZE=thread
FUZZ_SECONDS=${FUZZ_SECONDS:-20} tests/fuzz/run.sh
ctest --test-dir build-asan --output-on-failure -L sanitized -j2
ctest --test-dir build-tsan --output-on-failure -L sanitized -j2
ctest --test-dir build --output-on-failure

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds the fuzzers and runs each for FUZZ_SECONDS, two at a time. What they find stays in build-asan/.
set -euo pipefail
cd "$(dirname "$0")/../.."
export FUZZ_SECONDS=${FUZZ_SECONDS:-20}
doors=(acl request glob config log snapshot rdb functions node topology reply http lua tls)
tests/build.sh asan "${doors[@]/#/fuzz_}"
cd build-asan

fuzz() {
  local door=$1 log=fuzz-$1.log
  mkdir -p "corpus-$door"
  if ./tests/fuzz/fuzz_"$door" -max_total_time="$FUZZ_SECONDS" -max_len=2000 -timeout=10 -verbosity=0 \
    -artifact_prefix="$door-" -print_final_stats=1 "corpus-$door" >"$log" 2>&1; then
    echo "fuzz_$door: $(grep -oE 'number_of_executed_units: [0-9]+' "$log")"
  else
    cat "$log"
    echo "fuzz_$door found something: see build-asan/$door-*"
    return 1
  fi
}
export -f fuzz
printf '%s\n' "${doors[@]}" | xargs -P 2 -I '{}' bash -c 'fuzz {}'

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds the fuzzers with clang and runs each for FUZZ_SECONDS. What they find stays in build-fuzz/.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${FUZZ_SECONDS:-20}
cmake -G Ninja -DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER=clang++ -DRINGKV_FUZZ=ON \
  -DCMAKE_BUILD_TYPE=RelWithDebInfo -DRINGKV_SANITIZE=address,undefined -B build-fuzz -S . >/dev/null
doors=(request glob config log snapshot rdb node topology reply http)
cmake --build build-fuzz --target "${doors[@]/#/fuzz_}"
cd build-fuzz
for door in "${doors[@]}"; do
  mkdir -p corpus-$door
  echo "fuzzing $door for $seconds s"
  ./tests/fuzz/fuzz_$door -max_total_time="$seconds" -max_len=2000 -timeout=10 -verbosity=0 -print_final_stats=1 \
    corpus-$door 2>&1 | grep -E 'number_of_executed|ERROR|SUMMARY|Test unit' || { echo "fuzz_$door failed"; exit 1; }
  if compgen -G 'crash-*' >/dev/null || compgen -G 'timeout-*' >/dev/null; then
    echo "fuzz_$door found something: see build-fuzz/"
    exit 1
  fi
done

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds one variant of the code: `tests/build.sh check|release|asan|tsan [target...]`.
#
#   check    compiles quickly; what one runs all day. Every test that needs no sanitizer comes from here.
#   release  the programs that people run. Their flags are those of `make run`; a warning fails the build.
#   asan     AddressSanitizer and UndefinedBehaviorSanitizer: tests and fuzzers. With clang, its thread safety analysis
#            as errors, and each source of a room by itself, so that a missing include is found.
#   tsan     ThreadSanitizer: the tests of what has threads.
set -euo pipefail
cd "$(dirname "$0")/.."
variant=$1
shift
tests=(-DRINGKV_TESTS=ON -DCMAKE_BUILD_TYPE=Check "-DRINGKV_TESTED_SERVER=${RINGKV_TESTED_SERVER:-}")
clang=(-DCMAKE_CXX_COMPILER=clang++)
case $variant in
  check) dir=build-check; options=("${tests[@]}" -DRINGKV_WERROR=ON) ;;
  release) dir=build; options=(-DCMAKE_BUILD_TYPE=Release -DRINGKV_TESTS=OFF -DRINGKV_BENCH=ON) ;;
  asan) dir=build-asan; options=("${tests[@]}" "${clang[@]}" -DRINGKV_SANITIZE=address,undefined -DRINGKV_FUZZ=ON -DRINGKV_UNITY=0) ;;
  tsan) dir=build-tsan; options=("${tests[@]}" "${clang[@]}" -DRINGKV_SANITIZE=thread) ;;
  *) echo "no variant '$variant': check, release, asan or tsan" >&2; exit 2 ;;
esac
cmake -G Ninja -B $dir -S . "${options[@]}" >/dev/null
log=$(mktemp)
trap 'rm -f "$log"' EXIT
cmake --build $dir ${@:+--target "$@"} | tee "$log"
if [ "$variant" = release ] && grep -q 'warning:' "$log"; then
  echo "the release build has warnings" >&2
  exit 1
fi

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Everything that has to hold: the programs as people build them, with all tests, then the same code under
# AddressSanitizer with UndefinedBehaviorSanitizer, under ThreadSanitizer, and the fuzzers for a bounded time.
# At its end stands what each step took; tests/budget says what it may take.
set -euo pipefail
cd "$(dirname "$0")/.."
exec 8>.test-run.lock
flock -n 8 || { echo "another run works in this folder: use a clone of its own" >&2; exit 1; }

steps=()
show_times() {
  local step seconds budget
  echo "Seconds a step took, and its budget:"
  for step in "${steps[@]}"; do
    read -r step seconds <<<"$step"
    budget=$(awk -v step="$step" '$1 == step {print $2}' tests/budget)
    printf '  %-14s %5d %6s\n' "$step" "$seconds" "$budget"
    if [ -n "$budget" ] && [ $((seconds * 2)) -gt $((budget * 3)) ]; then
      echo "  warning: $step took more than 1.5 times its budget (tests/budget)"
    fi
  done
}
show_unsteady() {
  grep -hE '\*\*\*(Failed|Timeout|Exception)|Subprocess aborted' build-*/test.log 2>/dev/null | sed 's/^ */  failed at first: /' || true
}
trap 'show_unsteady; show_times' EXIT
rm -f build-*/test.log

# step NAME COMMAND...
step() {
  local name=$1 start=$SECONDS
  shift
  echo "=== $name"
  if ! "$@"; then
    steps+=("$name $((SECONDS - start))")
    echo "=== $name failed"
    exit 1
  fi
  steps+=("$name $((SECONDS - start))")
}

# A test that fails once and passes then is unsteady: it doesn't stop the run, and is named at its end.
run_tests() {
  local dir=$1
  shift
  ctest --test-dir "$dir" --output-on-failure --schedule-random --repeat until-pass:2 "$@" | tee "$dir/test.log"
}

step packages cmake/install-packages.sh test
step release tests/build.sh release
# Whatever starts a server starts the one that people run.
step check env RINGKV_TESTED_SERVER="$PWD/build/ringkv-server" tests/build.sh check
step asan tests/build.sh asan
step tsan tests/build.sh tsan
step fuzz tests/fuzz/run.sh
step test-asan run_tests build-asan -L sanitized -j3
step test-tsan run_tests build-tsan -L threads -j3
step test-release run_tests build-check -j3

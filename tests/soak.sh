#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What takes too long for every change: each line is a test of its own, and all of them run, whatever fails.
set -uo pipefail
cd "$(dirname "$0")/.."
export RINGKV_SERVER=${RINGKV_SERVER:-$PWD/build-check/ringkv-server}
failed=0

soak() {
  echo "--- $*"
  "$@" || { failed=1; echo "failed: $*"; }
}

soak /usr/bin/python3 compat/rotation.py --all
soak env RINGKV_SEEDS=100000 build-check/tests/simulation_test
soak /usr/bin/python3 compat/differential.py --rounds 20
soak /usr/bin/python3 compat/sentinel.py --rounds 20
soak /usr/bin/python3 compat/partitions.py --minutes 120
soak /usr/bin/python3 compat/tls_scan.py
soak /usr/bin/python3 compat/way_out.py --seconds 60
soak /usr/bin/python3 compat/key_events.py --commands 20000 --rounds 4
# The fast tests run them with four threads, and without log and replicas.
soak /usr/bin/python3 compat/script_applications.py --io-threads 1
soak /usr/bin/python3 compat/script_applications.py --appendonly yes --appendfsync always
soak /usr/bin/python3 compat/script_applications.py --replicas

exit $failed

#!/bin/sh
# SPDX-License-Identifier: MIT
# What a container of this image runs: the server, if options or a configuration file are all that was given.
set -eu

epoch_of() { sed -n 's/^epoch *//p' "$1" 2>/dev/null | head -n 1; }

# The node writes later topologies into its cluster-config, so what it begins with may be a file that nobody can write:
# it counts until there is a newer one.
if [ -n "${RINGKV_CLUSTER_SEED:-}" ]; then
  export RINGKV_CLUSTER_CONFIG="${RINGKV_CLUSTER_CONFIG:-/data/cluster.conf}"
  known=$(epoch_of "$RINGKV_CLUSTER_CONFIG")
  if [ "$(epoch_of "$RINGKV_CLUSTER_SEED")" -gt "${known:-0}" ]; then
    cp "$RINGKV_CLUSTER_SEED" "$RINGKV_CLUSTER_CONFIG"
  fi
fi

case "${1:-}" in
  ping)
    port=${RINGKV_PORT:-6379}
    # Kubernetes gives a variable of this name another meaning where a service is called ringkv.
    case "$port" in tcp://*) port=6379 ;; esac
    exec ringkv-cluster ping "127.0.0.1:$port"
    ;;
  -* | *.conf) set -- ringkv-server "$@" ;;
esac
exec "$@"

#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs the server if the arguments are options or a configuration file, else the given command.
set -eu

# Reads passwords from files, for secrets. An unreadable file must not lead to a server without a password.
read_secret() {
  [ -s "$2" ] || { echo "entrypoint.sh: $1_FILE: '$2' is missing or empty" >&2; exit 1; }
  value=$(cat "$2")
  export "$1=$value"
}
[ -z "${RINGKV_REQUIREPASS_FILE:-}" ] || read_secret RINGKV_REQUIREPASS "$RINGKV_REQUIREPASS_FILE"
[ -z "${RINGKV_MASTERAUTH_FILE:-}" ] || read_secret RINGKV_MASTERAUTH "$RINGKV_MASTERAUTH_FILE"
# For ringkv-cluster in health checks and hooks.
[ -z "${RINGKV_REQUIREPASS:-}" ] || export REDISCLI_AUTH="${REDISCLI_AUTH:-$RINGKV_REQUIREPASS}"

epoch_of() { sed -n 's/^epoch *//p' "$1" 2>/dev/null | head -n 1; }

# The node writes new topologies into its cluster-config. The initial one may be in a read-only file, which is used until
# there is a newer one.
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
    # Kubernetes sets a variable of this name if a service is called ringkv.
    case "$port" in tcp://*) port=6379 ;; esac
    exec ringkv-cluster ping "127.0.0.1:$port"
    ;;
  -* | *.conf) set -- ringkv-server "$@" ;;
esac
exec "$@"

#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs the server if the arguments are options or a configuration file, else the given command. `redis-server` is the
# server too, so commands for images of Redis need no change.
set -eu

fail() {
  echo "entrypoint.sh: $1" >&2
  exit 1
}

# Takes a secret from the file that NAME_FILE names. A file that can't be read must not lead to a server without a
# password, nor one that has only the end of a line.
read_secret() {
  eval "file=\${$1_FILE:-} given=\${$1:-}"
  [ -n "$file" ] || return 0
  [ -z "$given" ] || fail "$1 and $1_FILE are both given"
  [ -f "$file" ] || [ -p "$file" ] || fail "$1_FILE: '$file' is missing or empty"
  value=$(cat "$file") || fail "$1_FILE: '$file' can't be read"
  [ -n "$value" ] || fail "$1_FILE: '$file' is missing or empty"
  export "$1=$value"
  unset "$1_FILE"
}
for secret in RINGKV_REQUIREPASS RINGKV_MASTERAUTH RINGKV_PRIMARYAUTH RINGKV_MASTERUSER RINGKV_PRIMARYUSER \
  RINGKV_TLS_KEY_FILE_PASS RINGKV_TLS_CLIENT_KEY_FILE_PASS RINGKV_COORDINATOR_PASSWORD \
  REDIS_PASSWORD REDIS_MASTER_PASSWORD REDIS_TLS_KEY_FILE_PASS REDISCLI_AUTH; do
  read_secret "$secret"
done

# The variables of Bitnami's image of Redis, as far as they are given. Those of RingKV win.
preset() {
  eval "known=\${$1:-}"
  [ -n "$known" ] || export "$1=$2"
}
is_yes() { case "${1:-}" in [Yy][Ee][Ss] | [Tt][Rr][Uu][Ee] | 1) return 0 ;; esac; return 1; }

if is_yes "${REDIS_TLS_ENABLED:-}"; then
  preset RINGKV_TLS_PORT "${REDIS_TLS_PORT_NUMBER:-6379}"
  # The port without TLS stays if it is another one.
  [ "${REDIS_PORT_NUMBER:-6379}" != "${REDIS_TLS_PORT_NUMBER:-6379}" ] || preset RINGKV_PORT 0
  preset RINGKV_TLS_CERT_FILE "${REDIS_TLS_CERT_FILE:-}"
  preset RINGKV_TLS_KEY_FILE "${REDIS_TLS_KEY_FILE:-}"
  preset RINGKV_TLS_KEY_FILE_PASS "${REDIS_TLS_KEY_FILE_PASS:-}"
  preset RINGKV_TLS_CA_CERT_FILE "${REDIS_TLS_CA_FILE:-}"
  preset RINGKV_TLS_CA_CERT_DIR "${REDIS_TLS_CA_DIR:-}"
  preset RINGKV_TLS_DH_PARAMS_FILE "${REDIS_TLS_DH_PARAMS_FILE:-}"
  preset RINGKV_TLS_AUTH_CLIENTS "${REDIS_TLS_AUTH_CLIENTS:-yes}"
  preset RINGKV_TLS_REPLICATION yes
fi
[ -z "${REDIS_ACLFILE:-}" ] || preset RINGKV_ACLFILE "$REDIS_ACLFILE"
if [ -n "${REDIS_PASSWORD:-}" ]; then
  preset RINGKV_REQUIREPASS "$REDIS_PASSWORD"
elif [ -n "${ALLOW_EMPTY_PASSWORD:-}" ] && ! is_yes "$ALLOW_EMPTY_PASSWORD" && [ -z "${RINGKV_REQUIREPASS:-}" ]; then
  fail "ALLOW_EMPTY_PASSWORD is $ALLOW_EMPTY_PASSWORD, and there is no REDIS_PASSWORD"
fi
[ -z "${REDIS_PORT_NUMBER:-}" ] || preset RINGKV_PORT "$REDIS_PORT_NUMBER"
[ -z "${REDIS_AOF_ENABLED:-}" ] || preset RINGKV_APPENDONLY "$REDIS_AOF_ENABLED"
[ -z "${REDIS_IO_THREADS:-}" ] || preset RINGKV_IO_THREADS "$REDIS_IO_THREADS"
[ -z "${REDIS_RDB_POLICY:-}" ] || preset RINGKV_SAVE "$(echo "$REDIS_RDB_POLICY" | tr '#' ' ')"
[ -z "${REDIS_REPLICA_IP:-}" ] || preset RINGKV_REPLICA_ANNOUNCE_IP "$REDIS_REPLICA_IP"
[ -z "${REDIS_REPLICA_PORT:-}" ] || preset RINGKV_REPLICA_ANNOUNCE_PORT "$REDIS_REPLICA_PORT"
case "${REDIS_REPLICATION_MODE:-}" in
  '') ;;
  master) [ -z "${REDIS_PASSWORD:-}" ] || preset RINGKV_MASTERAUTH "$REDIS_PASSWORD" ;;
  slave | replica)
    [ -n "${REDIS_MASTER_HOST:-}" ] || fail "REDIS_REPLICATION_MODE is $REDIS_REPLICATION_MODE, and there is no REDIS_MASTER_HOST"
    preset RINGKV_REPLICAOF "$REDIS_MASTER_HOST ${REDIS_MASTER_PORT_NUMBER:-6379}"
    [ -z "${REDIS_MASTER_PASSWORD:-}" ] || preset RINGKV_MASTERAUTH "$REDIS_MASTER_PASSWORD"
    ;;
  *) fail "REDIS_REPLICATION_MODE is $REDIS_REPLICATION_MODE, not master or replica" ;;
esac

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
    [ "$port" = 0 ] || exec ringkv-cluster ping "127.0.0.1:$port"
    # With TLS only: the server is asked whether it lives, not who it is, and knows its own certificate.
    exec ringkv-cluster ping "127.0.0.1:${RINGKV_TLS_PORT:-6379}" --tls --insecure \
      --cert "${RINGKV_TLS_CERT_FILE:-}" --key "${RINGKV_TLS_KEY_FILE:-}"
    ;;
  redis-server) shift; set -- ringkv-server "$@" ;;
  redis-sentinel) fail "there is no Sentinel in this image; run the one of Redis" ;;
  -* | *.conf) set -- ringkv-server "$@" ;;
esac
if [ "${1:-}" = ringkv-server ]; then
  shift
  # shellcheck disable=SC2086  # its words are options
  set -- "$@" ${REDIS_EXTRA_FLAGS:-}
  # Commands to remove, as options like any other.
  for command in $(echo "${REDIS_DISABLE_COMMANDS:-}" | tr ',' ' '); do set -- "$@" --rename-command "$command" ""; done
  set -- ringkv-server "$@"
fi
exec "$@"

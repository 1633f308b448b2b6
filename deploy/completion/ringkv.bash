# SPDX-License-Identifier: MIT
# Completion for bash. Generated from the option rows; a test holds it.
_ringkv_server() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} values=
  case $before in
    --protected-mode) values="yes no" ;;
    --enable-debug-command) values="no yes local" ;;
    --daemonize) values="yes no" ;;
    --loglevel) values="debug verbose notice warning" ;;
    --read-only) values="yes no" ;;
    --maxmemory-policy) values="volatile-lru volatile-lfu volatile-random volatile-ttl allkeys-lru allkeys-lfu allkeys-random noeviction" ;;
    --key-index) values="auto always off" ;;
    --latency-tracking) values="yes no" ;;
    --stop-writes-on-bgsave-error) values="yes no" ;;
    --appendonly) values="yes no" ;;
    --appendfsync) values="everysec always no" ;;
    --recover-up-to-damage) values="yes no" ;;
    --load-file-strict) values="yes no" ;;
    --replica-read-only) values="yes no" ;;
    --replica-serve-stale-data) values="yes no" ;;
    --replica-announced) values="yes no" ;;
    --repl-ack) values="none quorum" ;;
    --cluster-enabled) values="yes no" ;;
    --cluster-redirect) values="moved proxy" ;;
    --cluster-read-from-replica) values="yes no" ;;
    --dir|--logfile|--pidfile|--unixsocket|--cluster-config|--load-file|--load-rdb)
      mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
  esac
  if [ -n "$values" ]; then
    mapfile -t COMPREPLY < <(compgen -W "$values" -- "$word")
  elif [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "--help --version --port --bind --protected-mode --unixsocket --unixsocketperm --tcp-backlog --tcp-keepalive --io-threads --gather-microseconds --http-port --http-bind --http-allowed-hosts --http-timeout --http-keepalive-timeout --http-max-head-size --http-max-body-size --http-max-json-size --http-max-batch-keys --http-max-response-size --http-max-search-keys --timeout --maxclients --requirepass --maxmemory-clients --client-query-buffer-limit --client-output-buffer-limit --client-output-pause-bytes --proto-max-bulk-len --pubsub-max-subscriptions --enable-debug-command --daemonize --pidfile --dir --logfile --loglevel --hz --shutdown-timeout --shutdown-drain --databases --read-only --maxmemory --maxmemory-policy --maxmemory-samples --lfu-log-factor --lfu-decay-time --key-index --key-index-idle --notify-keyspace-events --hash-max-listpack-entries --hash-max-listpack-value --list-compress-depth --list-max-listpack-size --set-max-intset-entries --set-max-listpack-entries --set-max-listpack-value --zset-max-listpack-entries --zset-max-listpack-value --hll-sparse-max-bytes --stream-node-max-bytes --stream-node-max-entries --slowlog-log-slower-than --slowlog-max-len --latency-monitor-threshold --latency-tracking --latency-tracking-info-percentiles --metrics-prefix --ready-max-lag --save --dbfilename --snapshot-compression-level --snapshot-threads --stop-writes-on-bgsave-error --appendonly --appenddirname --appendfsync --auto-aof-rewrite-percentage --auto-aof-rewrite-min-size --log-file-size --log-buffer-limit --recover-up-to-damage --load-file --load-file-strict --load-rdb --replicaof --migrate-from --masteruser --masterauth --replica-read-only --replica-serve-stale-data --replica-announce-ip --replica-announce-port --replica-announced --replica-priority --repl-backlog-size --repl-backlog-ttl --repl-timeout --repl-ping-replica-period --repl-max-replicas --repl-ack --repl-ack-timeout --repl-shard-nodes --min-replicas-to-write --min-replicas-max-lag --cluster-enabled --cluster-config --cluster-node-id --cluster-redirect --cluster-read-from-replica --cluster-node-timeout --cluster-proxy-max-parts" -- "$word")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  fi
}
complete -F _ringkv_server ringkv-server

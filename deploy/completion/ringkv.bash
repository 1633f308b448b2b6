# SPDX-License-Identifier: MIT
# Completion for bash. Generated from the option rows; a test holds it.
_ringkv_server() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} values=
  case $before in
    --protected-mode) values="yes no" ;;
    --daemonize) values="yes no" ;;
    --loglevel) values="debug verbose notice warning" ;;
    --maxmemory-policy) values="volatile-lru volatile-lfu volatile-random volatile-ttl allkeys-lru allkeys-lfu allkeys-random noeviction" ;;
    --latency-tracking) values="yes no" ;;
    --enable-debug-command) values="no yes local" ;;
    --stop-writes-on-bgsave-error) values="yes no" ;;
    --appendonly) values="yes no" ;;
    --appendfsync) values="everysec always no" ;;
    --recover-up-to-damage) values="yes no" ;;
    --read-only) values="yes no" ;;
    --key-index) values="auto always off" ;;
    --load-file-strict) values="yes no" ;;
    --cluster-enabled) values="yes no" ;;
    --cluster-redirect) values="moved proxy" ;;
    --cluster-read-from-replica) values="yes no" ;;
    --replica-read-only) values="yes no" ;;
    --replica-serve-stale-data) values="yes no" ;;
    --repl-ack) values="none quorum" ;;
    --dir|--logfile|--pidfile|--unixsocket|--cluster-config|--load-file|--load-rdb)
      mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
  esac
  if [ -n "$values" ]; then
    mapfile -t COMPREPLY < <(compgen -W "$values" -- "$word")
  elif [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "--help --version --port --bind --http-port --http-bind --http-allowed-hosts --http-timeout --http-keepalive-timeout --http-max-head-size --http-max-body-size --http-max-json-size --http-max-batch-keys --http-max-response-size --http-max-search-keys --protected-mode --unixsocket --unixsocketperm --tcp-backlog --tcp-keepalive --timeout --maxclients --requirepass --io-threads --gather-microseconds --databases --hz --daemonize --pidfile --dir --logfile --loglevel --maxmemory --maxmemory-clients --maxmemory-policy --maxmemory-samples --lfu-log-factor --lfu-decay-time --hash-max-listpack-entries --hash-max-listpack-value --list-compress-depth --list-max-listpack-size --set-max-intset-entries --set-max-listpack-entries --set-max-listpack-value --zset-max-listpack-entries --zset-max-listpack-value --hll-sparse-max-bytes --stream-node-max-bytes --stream-node-max-entries --slowlog-log-slower-than --slowlog-max-len --latency-monitor-threshold --latency-tracking --notify-keyspace-events --latency-tracking-info-percentiles --client-query-buffer-limit --client-output-buffer-limit --client-output-pause-bytes --pubsub-max-subscriptions --proto-max-bulk-len --enable-debug-command --save --dbfilename --snapshot-compression-level --snapshot-threads --stop-writes-on-bgsave-error --appendonly --appenddirname --appendfsync --auto-aof-rewrite-percentage --auto-aof-rewrite-min-size --log-file-size --log-buffer-limit --recover-up-to-damage --read-only --load-file --load-rdb --key-index --key-index-idle --load-file-strict --cluster-enabled --cluster-config --cluster-node-id --cluster-redirect --cluster-read-from-replica --cluster-node-timeout --cluster-proxy-max-parts --replicaof --migrate-from --masteruser --masterauth --replica-read-only --replica-serve-stale-data --replica-announce-ip --replica-announce-port --repl-backlog-size --repl-backlog-ttl --repl-timeout --repl-max-replicas --repl-ack --repl-ack-timeout --repl-shard-nodes --ready-max-lag --shutdown-drain --metrics-prefix --shutdown-timeout --min-replicas-to-write --min-replicas-max-lag" -- "$word")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  fi
}
complete -F _ringkv_server ringkv-server

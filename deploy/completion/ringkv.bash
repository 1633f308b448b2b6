# SPDX-License-Identifier: MIT
# Completion for bash. Generated from the option rows; a test holds it.
_ringkv_server() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} values=
  case $before in
    --protected-mode) values="yes no" ;;
    --tls-auth-clients) values="no yes optional" ;;
    --tls-prefer-server-ciphers) values="yes no" ;;
    --tls-session-caching) values="yes no" ;;
    --tls-replication) values="yes no" ;;
    --tls-cluster) values="yes no" ;;
    --http-tls) values="yes no" ;;
    --http-console) values="no yes readonly" ;;
    --acl-pubsub-default) values="allchannels resetchannels" ;;
    --enable-debug-command) values="no yes local" ;;
    --daemonize) values="yes no" ;;
    --loglevel) values="debug verbose notice warning" ;;
    --supervised) values="no upstart systemd auto" ;;
    --set-proc-title) values="yes no" ;;
    --syslog-enabled) values="yes no" ;;
    --syslog-facility) values="user local0 local1 local2 local3 local4 local5 local6 local7" ;;
    --crash-log-enabled) values="yes no" ;;
    --disable-thp) values="yes no" ;;
    --huge-pages) values="yes no" ;;
    --oom-score-adj) values="no yes relative absolute" ;;
    --read-only) values="yes no" ;;
    --maxmemory-policy) values="volatile-lru volatile-lfu volatile-random volatile-ttl allkeys-lru allkeys-lfu allkeys-random noeviction" ;;
    --key-index) values="auto always off" ;;
    --latency-tracking) values="yes no" ;;
    --stop-writes-on-bgsave-error) values="yes no" ;;
    --appendonly) values="yes no" ;;
    --appendfsync) values="everysec always no" ;;
    --recover-up-to-damage) values="yes no" ;;
    --aof-load-truncated) values="yes no" ;;
    --load-file-strict) values="yes no" ;;
    --replica-read-only) values="yes no" ;;
    --import-mode) values="yes no" ;;
    --replica-serve-stale-data) values="yes no" ;;
    --replica-announced) values="yes no" ;;
    --repl-ack) values="none quorum" ;;
    --cluster-enabled) values="yes no" ;;
    --cluster-redirect) values="moved proxy" ;;
    --cluster-preferred-endpoint-type) values="ip hostname unknown-endpoint" ;;
    --cluster-slot-stats-enabled) values="yes no" ;;
    --cluster-require-full-coverage) values="yes no" ;;
    --cluster-allow-reads-when-down) values="yes no" ;;
    --cluster-allow-pubsubshard-when-down) values="yes no" ;;
    --cluster-read-from-replica) values="yes no" ;;
    --io-threads-do-reads) values="yes no" ;;
    --always-show-logo) values="yes no" ;;
    --activerehashing) values="yes no" ;;
    --dynamic-hz) values="yes no" ;;
    --jemalloc-bg-thread) values="yes no" ;;
    --lazyfree-lazy-eviction) values="yes no" ;;
    --lazyfree-lazy-expire) values="yes no" ;;
    --lazyfree-lazy-server-del) values="yes no" ;;
    --lazyfree-lazy-user-del) values="yes no" ;;
    --lazyfree-lazy-user-flush) values="yes no" ;;
    --crash-memcheck-enabled) values="yes no" ;;
    --hide-user-data-from-log) values="yes no" ;;
    --extended-redis-compatibility) values="yes no" ;;
    --rdbcompression) values="yes no" ;;
    --rdbchecksum) values="yes no" ;;
    --rdb-del-sync-files) values="yes no" ;;
    --rdb-save-incremental-fsync) values="yes no" ;;
    --aof-rewrite-incremental-fsync) values="yes no" ;;
    --no-appendfsync-on-rewrite) values="yes no" ;;
    --aof-use-rdb-preamble) values="yes no" ;;
    --aof-disable-auto-gc) values="yes no" ;;
    --aof-timestamp-enabled) values="yes no" ;;
    --sanitize-dump-payload) values="no yes clients" ;;
    --rdb-version-check) values="strict relaxed" ;;
    --repl-diskless-sync) values="yes no" ;;
    --repl-diskless-load) values="disabled on-empty-db swapdb" ;;
    --repl-disable-tcp-nodelay) values="yes no" ;;
    --replica-lazy-flush) values="yes no" ;;
    --replica-ignore-disk-write-errors) values="yes no" ;;
    --propagation-error-behavior) values="ignore panic panic-on-replicas" ;;
    --dual-channel-replication-enabled) values="yes no" ;;
    --cluster-replica-no-failover) values="yes no" ;;
    --cluster-allow-replica-migration) values="yes no" ;;
    --activedefrag) values="yes no" ;;
    --replica-ignore-maxmemory) values="yes no" ;;
    --enable-protected-configs) values="no yes local" ;;
    --enable-module-command) values="no yes local" ;;
    --dir|--logfile|--pidfile|--unixsocket|--cluster-config|--load-file|--load-rdb|--load-aof|--aclfile)
      mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
  esac
  if [ -n "$values" ]; then
    mapfile -t COMPREPLY < <(compgen -W "$values" -- "$word")
  elif [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "--help --version --port --bind --bind-source-addr --socket-mark-id --protected-mode --unixsocket --unixsocketperm --tcp-backlog --tcp-keepalive --io-threads --gather-microseconds --tls-port --tls-cert-file --tls-key-file --tls-key-file-pass --tls-client-cert-file --tls-client-key-file --tls-client-key-file-pass --tls-dh-params-file --tls-ca-cert-file --tls-ca-cert-dir --tls-auth-clients --tls-protocols --tls-ciphers --tls-ciphersuites --tls-prefer-server-ciphers --tls-session-caching --tls-session-cache-size --tls-session-cache-timeout --tls-handshake-timeout --tls-replication --tls-cluster --http-port --http-bind --http-tls --http-console --http-allowed-hosts --http-open-paths --http-timeout --http-keepalive-timeout --http-max-head-size --http-max-body-size --http-max-json-size --http-max-batch-keys --http-max-response-size --http-max-search-keys --timeout --maxclients --requirepass --aclfile --acllog-max-len --acl-pubsub-default --maxmemory-clients --client-query-buffer-limit --client-output-buffer-limit --client-output-pause-bytes --proto-max-bulk-len --pubsub-max-subscriptions --tracking-table-max-keys --enable-debug-command --daemonize --pidfile --dir --logfile --loglevel --hz --shutdown-timeout --shutdown-on-sigint --shutdown-on-sigterm --shutdown-drain --supervised --set-proc-title --proc-title-template --syslog-enabled --syslog-ident --syslog-facility --crash-log-enabled --disable-thp --huge-pages --oom-score-adj --oom-score-adj-values --server_cpulist --bio_cpulist --aof_rewrite_cpulist --bgsave_cpulist --databases --active-expire-effort --read-only --maxmemory --maxmemory-policy --maxmemory-samples --lfu-log-factor --lfu-decay-time --key-index --key-index-idle --notify-keyspace-events --hash-max-listpack-entries --hash-max-listpack-value --list-compress-depth --list-max-listpack-size --set-max-intset-entries --set-max-listpack-entries --set-max-listpack-value --zset-max-listpack-entries --zset-max-listpack-value --hll-sparse-max-bytes --stream-node-max-bytes --stream-node-max-entries --slowlog-log-slower-than --slowlog-max-len --commandlog-request-larger-than --commandlog-large-request-max-len --commandlog-reply-larger-than --commandlog-large-reply-max-len --latency-monitor-threshold --latency-tracking --latency-tracking-info-percentiles --metrics-prefix --ready-max-lag --save --dbfilename --snapshot-compression-level --snapshot-threads --stop-writes-on-bgsave-error --appendonly --appenddirname --appendfsync --auto-aof-rewrite-percentage --auto-aof-rewrite-min-size --log-file-size --log-buffer-limit --recover-up-to-damage --aof-load-truncated --appendfilename --load-file --load-file-strict --load-rdb --load-aof --replicaof --migrate-from --masteruser --masterauth --replica-read-only --import-mode --replica-serve-stale-data --replica-announce-ip --replica-announce-port --replica-announced --replica-priority --sentinel-master-name --sentinel-down-after-milliseconds --repl-backlog-size --repl-backlog-ttl --repl-timeout --repl-ping-replica-period --repl-max-replicas --repl-ack --repl-ack-timeout --repl-max-lag --repl-shard-nodes --failover-forward-time --min-replicas-to-write --min-replicas-max-lag --coordinator --shard --coordinator-user --coordinator-password --coordinator-ca-cert-file --coordinator-cert-file --coordinator-key-file --coordinator-ttl --coordinator-min-in-sync --availability-zone --cluster-enabled --cluster-config --cluster-node-id --cluster-redirect --cluster-preferred-endpoint-type --cluster-slot-stats-enabled --cluster-announce-ip --cluster-announce-hostname --cluster-announce-port --cluster-announce-tls-port --cluster-require-full-coverage --cluster-allow-reads-when-down --cluster-allow-pubsubshard-when-down --cluster-read-from-replica --cluster-node-timeout --cluster-proxy-max-parts --busy-reply-threshold --script-memory-limit --scripts-memory-limit --io-threads-do-reads --always-show-logo --activerehashing --dynamic-hz --jemalloc-bg-thread --lazyfree-lazy-eviction --lazyfree-lazy-expire --lazyfree-lazy-server-del --lazyfree-lazy-user-del --lazyfree-lazy-user-flush --maxmemory-eviction-tenacity --active-defrag-cycle-min --active-defrag-cycle-max --active-defrag-threshold-lower --active-defrag-threshold-upper --active-defrag-max-scan-fields --active-defrag-ignore-bytes --crash-memcheck-enabled --ignore-warnings --max-new-connections-per-cycle --max-new-tls-connections-per-cycle --prefetch-batch-max-size --hide-user-data-from-log --extended-redis-compatibility --rdbcompression --rdbchecksum --rdb-del-sync-files --rdb-save-incremental-fsync --aof-rewrite-incremental-fsync --no-appendfsync-on-rewrite --aof-use-rdb-preamble --aof-disable-auto-gc --aof-timestamp-enabled --sanitize-dump-payload --rdb-version-check --repl-diskless-sync --repl-diskless-sync-delay --repl-diskless-sync-max-replicas --repl-diskless-load --repl-disable-tcp-nodelay --replica-lazy-flush --replica-ignore-disk-write-errors --propagation-error-behavior --dual-channel-replication-enabled --cluster-config-file --cluster-port --cluster-announce-bus-port --cluster-link-sendbuf-limit --cluster-replica-no-failover --cluster-replica-validity-factor --cluster-migration-barrier --cluster-allow-replica-migration --cluster-announce-human-nodename --cluster-manual-failover-timeout --activedefrag --replica-ignore-maxmemory --enable-protected-configs --enable-module-command --locale-collate --cluster-announce-client-ipv4 --cluster-announce-client-ipv6" -- "$word")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  fi
}
complete -F _ringkv_server ringkv-server

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""prometheus-redis-exporter finds all metrics of redis-server in RingKV, on a primary and on its replica, and the
values that the same state must give."""
import contextlib
import re
import sys
import urllib.request

from servers import RunningServer, eventually, free_ports, start_redis, start_ringkv

# Differ from one moment to the next, or with the numbers of a run.
MOVING = re.compile(r"^redis_(exporter_|commands_|errors_total|latency_percentiles_usec|last_slow_execution|"
                    r"slowlog_last_id)")

# What the same state must show at both.
EQUAL = {"redis_up", 'redis_db_keys{db="db0"}', 'redis_db_keys_expiring{db="db0"}', "redis_connected_slaves",
         "redis_aof_enabled", "redis_loading_dump_file", "redis_master_link_up", "redis_master_sync_in_progress",
         "redis_evicted_keys_total", "redis_expired_keys_total", "redis_blocked_clients",
         "redis_rdb_last_bgsave_status", "redis_aof_last_write_status", "redis_cluster_enabled",
         "redis_config_maxclients", "redis_config_maxmemory", "redis_memory_max_bytes",
         "redis_rejected_connections_total", "redis_pubsub_channels", "redis_slowlog_length"}


@contextlib.contextmanager
def exporter(server):
    """The text of its page of metrics."""
    port = free_ports(1)[0]
    with RunningServer(["prometheus-redis-exporter", "-redis.addr", f"redis://127.0.0.1:{server.port}",
                        "-web.listen-address", f"127.0.0.1:{port}", "-include-system-metrics"]) as process:
        page = ""

        def answers():
            nonlocal page
            assert process.process.poll() is None, process.log()
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as response:
                    page = response.read().decode()
            except OSError:
                return False
            return "redis_up 1" in page

        eventually(answers, "the exporter's page")
        yield page


def samples(server):
    """The value of each sample, by its name with its labels."""
    with exporter(server) as page:
        lines = [line for line in page.splitlines() if line.startswith("redis_")]
    return dict(line.rsplit(" ", 1) for line in lines if not MOVING.match(line))


def of_primary_and_replica(start):
    with start("--appendonly", "yes") as primary, start("--replicaof", f"127.0.0.1 {primary.port}") as replica:
        client = primary.connect()
        client.raw("SET", "key", "value", "PX", "100000")
        client.raw("NOSUCH")
        eventually(lambda: b"master_link_status:up" in replica.connect().raw("INFO", "replication"), "the link")
        eventually(lambda: b"state=online" in primary.connect().raw("INFO", "replication"), "the replica to be online")
        eventually(lambda: replica.connect().raw("DBSIZE") == b":1\r\n", "the key on the replica")
        return {"primary": samples(primary), "replica": samples(replica)}


def names(found):
    return {name.split("{")[0] for name in found}


def main():
    ours, theirs = of_primary_and_replica(start_ringkv), of_primary_and_replica(start_redis)
    failures = []
    for role, expected in theirs.items():
        failures += [f"{role}: {name} is missing" for name in sorted(names(expected) - names(ours[role]))]
        for name in EQUAL & expected.keys():
            if ours[role].get(name) != expected[name]:
                failures.append(f"{role}: {name} is {ours[role].get(name)}, redis-server: {expected[name]}")
    print("\n".join(failures))
    print(f"{len(names(theirs['primary']))} metrics of a primary, {len(names(theirs['replica']))} of a replica, "
          f"{len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

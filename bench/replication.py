# SPDX-License-Identifier: MIT
"""Replication and cluster. A part of bench/compare.py."""
import statistics
import subprocess
import time

from redis.crc import key_slot

from cluster_change import slots_of
from cluster_load import Node, RedisCli, RedisPy
import measure
from one_thread import start_cluster, start_ringkv
from servers import eventually, start_redis

ROUNDS = 3
WRITES = ["-t", "set", "-c", "50", "-d", "64", "-P", "16"]
READS = ["-t", "get", "-c", "50", "-d", "64", "-P", "16"]
# Redis waits five seconds for further replicas otherwise.
REDIS = ["--repl-diskless-sync-delay", "0"]


def options_of(start):
    return REDIS if start is start_redis else []


def field(client, name):
    for line in client.raw("INFO", "replication").decode().splitlines():
        if line.startswith(name + ":"):
            return line.split(":", 1)[1]
    return None


def is_synchronised(replica, primary):
    return field(replica, "master_link_status") == "up" and \
        field(replica, "slave_repl_offset") == field(primary, "master_repl_offset")


def follow(replica_server, primary_server):
    """Seconds until the replica has all data."""
    replica, primary = replica_server.connect(), primary_server.connect()
    began = time.perf_counter()
    replica.raw("REPLICAOF", "127.0.0.1", str(primary_server.port))
    eventually(lambda: is_synchronised(replica, primary), "the replica to have everything")
    return time.perf_counter() - began


def full_sync():
    seconds = {}
    for name, start, options in (("ringkv", start_ringkv, []), ("redis", start_redis, REDIS)):
        times = []
        for _ in range(ROUNDS):
            with start(*options) as primary, start(*options) as replica:
                measure.fill(primary, 1_000_000, 64)
                times.append(follow(replica, primary))
        seconds[name] = statistics.median(times)
    print(f"\nFull sync of 1M keys with values of 64 bytes over loopback: {seconds['ringkv']:.2f} s, Redis "
          f"{seconds['redis']:.2f} s: **{seconds['ringkv'] / seconds['redis']:.2f}x** (wanted: at most 0.7x).",
          flush=True)


def partial_sync():
    rows = []
    for name, options in (("memory", ["--repl-backlog-size", "64mb"]),
                          ("the log's files", ["--repl-backlog-size", "16kb", "--appendonly", "yes"])):
        with start_ringkv(*options) as primary, start_ringkv() as replica:
            measure.fill(primary, 1000, 64)
            follow(replica, primary)
            client = replica.connect()
            client.raw("REPLICAOF", "127.0.0.1", "1")  # where nobody is
            measure.fill(primary, 100_000, 64)
            took = follow(replica, primary)
            kind = "partial" if b"sync_partial_ok:1" in primary.connect().raw("INFO", "stats") else "FULL"
            rows.append(f"{took:.2f} s from {name} ({kind})")
    print(f"\nPartial sync of 100,000 missed writes: {', '.join(rows)} (wanted: at most 1 s).", flush=True)


def writes_with_a_replica():
    rates = {"ringkv": [], "redis": [], "way out": []}
    for _ in range(ROUNDS):
        for name, start, follower in (("redis", start_redis, start_redis), ("ringkv", start_ringkv, start_ringkv),
                                      ("way out", start_ringkv, start_redis)):
            with start(*options_of(start)) as primary, follower(*options_of(follower)) as replica:
                follow(replica, primary)
                rates[name].append(measure.benchmark(primary, WRITES, 2_000_000)[:2])
    a, b, c = ([statistics.median(column) for column in zip(*rates[name])] for name in ("ringkv", "redis", "way out"))
    print(f"\nSET P=16 on a primary with one replica: {a[0]:,.0f}/s, Redis {b[0]:,.0f}/s: **{a[0] / b[0]:.2f}x** "
          f"(wanted: "
          f"1.5x); per second of the primary's CPU {a[1]:,.0f} and {b[1]:,.0f}: **{a[1] / b[1]:.2f}x**. With a "
          f"redis-server as the "
          f"replica of RingKV: {c[0]:,.0f}/s, **{c[0] / b[0]:.2f}x** (wanted: 1.0x); per second of CPU "
          f"**{c[1] / b[1]:.2f}x**.",
          flush=True)


def fill_cluster(cluster, keys, size):
    """Sends each request to the owner of its key."""
    owner = [None] * 16384
    for server in cluster.primaries:
        for word in server.connect().raw("CLUSTER", "OWNED").decode().split()[3:]:
            bounds = [int(bound) for bound in word.split("-")]
            owner[bounds[0]:bounds[-1] + 1] = [server] * (bounds[-1] - bounds[0] + 1)
    lines = {server: [] for server in cluster.primaries}
    for i in range(keys):
        key = f"key:{i}"
        lines[owner[key_slot(key.encode())]].append(f"SET {key} {'v' * size}\r\n")
    for server, commands in lines.items():
        subprocess.run(["redis-cli", "-p", str(server.port), "--pipe"], input="".join(commands), text=True, check=True,
                       stdout=subprocess.DEVNULL)


def adding_a_node():
    keys = 1_000_000
    with start_cluster(3) as cluster:
        fill_cluster(cluster, keys, 64)
        loads = [Node("ioredis", cluster.primaries[0].port, size=64), RedisPy(cluster.primaries[1].port),
                 RedisCli(cluster.primaries[2].port)]
        cluster.add_shard()
        loads[0].phase("before")
        time.sleep(5)
        loads[0].phase("while")
        began = time.perf_counter()
        cluster.apply()
        took = time.perf_counter() - began
        loads[0].phase("after")
        moved = int(cluster.primaries[3].connect().raw("DBSIZE")[1:])
        time.sleep(5)
        failures = sum(len(load.stop().failures) for load in loads)
        share = slots_of(cluster.primaries[3]) / 16384
        phases = loads[0].phases
    slower = phases["while"]["p99"] / phases["before"]["p99"]
    print(f"\nA fourth node joins three with 1M keys of 64 bytes under load: {100 * share:.1f} % of the slots and "
          f"{moved:,} keys "
          f"in {took:.1f} s, {moved / took:,.0f} keys/s (wanted: 30 %, 100,000/s); p99 of ioredis "
          f"{phases['before']['p99']:.1f} ms "
          f"before, {phases['while']['p99']:.1f} ms while it lasts: **{slower:.1f}x** (wanted: 3x), longest "
          f"{phases['while']['longest']:.0f} ms; {failures} of {sum(load.commands for load in loads):,} commands "
          f"failed in "
          f"ioredis, redis-py and redis-cli -c (wanted: 0).", flush=True)


def cluster_node():
    """One node that owns all slots, so that the same client can be used for both."""
    print("\n| one node of a cluster against a single server | req/s | per CPU s | wanted |\n|---|---|---|---|")
    for name, load in (("SET P=16", WRITES), ("GET P=16", READS)):
        seen = {"single": [], "cluster": []}
        for _ in range(ROUNDS):
            with start_ringkv() as server:
                seen["single"].append(measure.benchmark(server, load, 3_000_000)[:2])
            with start_cluster(1) as cluster:
                seen["cluster"].append(measure.benchmark(cluster.primaries[0], load, 3_000_000)[:2])
        single, member = ([statistics.median(column) for column in zip(*seen[kind])] for kind in ("single", "cluster"))
        print(f"| {name} | **{member[0] / single[0]:.2f}x** | **{member[1] / single[1]:.2f}x** | 0.95 |", flush=True)


def passed_on():
    """GET of a local key and of another node's key. Client and both nodes share two cores."""
    rates = {"local": [], "foreign": []}
    with start_cluster(2, 0, "--cluster-redirect", "proxy") as cluster:
        asked = cluster.primaries[0]
        owned = {server: [] for server in cluster.primaries}
        for i in range(100):
            for server in cluster.primaries:
                client = server.connect()
                client.raw("REPLCONF", "capa", "ringkv1")  # who says so is told where keys are
                if client.raw("SET", f"key:{i}", "v" * 64) == b"+OK\r\n":
                    owned[server].append(f"key:{i}")
        for _ in range(ROUNDS):
            for name, server in (("local", asked), ("foreign", cluster.primaries[1])):
                load = ["-c", "50", "-P", "16", "GET", owned[server][0]]
                rates[name].append(measure.benchmark(asked, load, 2_000_000)[0])
    local, foreign = (statistics.median(rates[name]) for name in ("local", "foreign"))
    print(f"\ncluster-redirect proxy: GET of another node's key, P=16: {foreign:,.0f}/s, of an own one {local:,.0f}/s: "
          f"**{foreign / local:.2f}x** (wanted: 0.3x).", flush=True)


def replication():
    full_sync()
    partial_sync()
    writes_with_a_replica()
    cluster_node()
    adding_a_node()
    passed_on()

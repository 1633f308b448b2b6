# SPDX-License-Identifier: MIT
"""At maxmemory against redis-server: throughput of SET of new keys, and hit ratio of a cache."""
import itertools
import random
import re
import socket
import statistics
import subprocess

from one_thread import start_ringkv
from servers import start_redis

STARTS = {"ringkv": start_ringkv, "redis": start_redis}
VALUE = "x" * 500
POLICIES = ["allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-ttl"]
LIMIT_MB = 100
FILL = 250_000  # requests that reach the limit
BATCH = 100


def info(client, name):
    return int(re.search(name.encode() + rb":(\d+)", client.raw("INFO")).group(1))


def set_new_keys(cpu_seconds, server, policy, requests):
    """Requests per second, and per second of server CPU."""
    lifetime = ["EX", "10000"] if policy.startswith("volatile") else []
    before = cpu_seconds(server.process.pid)
    out = subprocess.run(["redis-benchmark", "-p", str(server.port), "-n", str(requests), "-r", "2000000000", "-P",
                          str(BATCH), "-c", "4", "-q", "SET", "key:__rand_int__", VALUE, *lifetime],
                         capture_output=True, text=True, check=True).stdout
    used = cpu_seconds(server.process.pid) - before
    return float(re.findall(r"([\d.]+) requests per second", out)[-1]), requests / max(used, 0.01)


def measure(cpu_seconds, start, policy, limit_mb, requests):
    with start("--databases", "16", "--maxmemory", f"{limit_mb}mb", "--maxmemory-policy", policy) as server:
        set_new_keys(cpu_seconds, server, policy, FILL)
        result = set_new_keys(cpu_seconds, server, policy, requests)
        assert (info(server.connect(), "evicted_keys") > 0) == (limit_mb > 0)
        return result


def speed(cpu_seconds, rounds, quick):
    requests = 200_000 if quick else 600_000
    print(f"\nSET of new keys with values of 500 bytes, pipelines of {BATCH}, 16 databases, maxmemory {LIMIT_MB} MB:\n")
    print("| policy | RingKV req/s | of its rate below the limit | wanted | Redis req/s | ratio | wanted | per CPU s: "
          "of below | ratio |")
    print("|---|---|---|---|---|---|---|---|---|")
    for policy in POLICIES:
        cases = {"below": (start_ringkv, 0), "ringkv": (start_ringkv, LIMIT_MB), "redis": (start_redis, LIMIT_MB)}
        results = {case: [] for case in cases}
        for _ in range(rounds):
            for case, (start, limit_mb) in cases.items():
                results[case].append(measure(cpu_seconds, start, policy, limit_mb, requests))
        below, ringkv, redis = ([statistics.median(column) for column in zip(*results[case])] for case in cases)
        print(f"| {policy} | {ringkv[0]:,.0f} | **{ringkv[0] / below[0]:.2f}x** | 0.8 | {redis[0]:,.0f} | "
              f"**{ringkv[0] / redis[0]:.2f}x** "
              f"| 1.5 | {ringkv[1] / below[1]:.2f}x | {ringkv[1] / redis[1]:.2f}x |", flush=True)


def zipf(keys, requests, seed):
    weights = list(itertools.accumulate(1 / rank for rank in range(1, keys + 1)))
    return random.Random(seed).choices(range(keys), cum_weights=weights, k=requests)


class Cache:
    """Reads keys in batches and sets the missing ones."""

    def __init__(self, port):
        self.connection = socket.create_connection(("127.0.0.1", port))
        self.replies = self.connection.makefile("rb", buffering=1 << 20)

    def set(self, keys):
        if not keys:
            return
        self.connection.sendall(b"".join(b"*3\r\n$3\r\nSET\r\n$11\r\nkey:%07d\r\n$100\r\n%0100d\r\n" % (key, key)
                                         for key in keys))
        for _ in keys:
            assert self.replies.readline() == b"+OK\r\n"

    def get(self, keys):
        """The number of hits."""
        self.connection.sendall(b"".join(b"*2\r\n$3\r\nGET\r\n$11\r\nkey:%07d\r\n" % key for key in keys))
        missing = []
        for key in keys:
            if self.replies.readline() == b"$-1\r\n":
                missing.append(key)
            else:
                self.replies.readline()
        self.set(missing)
        return len(keys) - len(missing)


def batches(sequence):
    return (sequence[first:first + BATCH] for first in range(0, len(sequence), BATCH))


def hit_rate(start, policy, keys, requests):
    with start("--maxmemory-policy", policy) as server:
        client, cache = server.connect(), Cache(server.port)
        for batch in batches(range(keys // 5)):
            cache.set(batch)
        limit = info(client, "used_memory")
        client.raw("FLUSHALL")
        client.raw("CONFIG", "SET", "maxmemory", str(limit))
        half = len(requests) // 2  # the first half only warms it up
        for batch in batches(requests[:half]):
            cache.get(batch)
        return sum(cache.get(batch) for batch in batches(requests[half:])) / (len(requests) - half)


def hits(quick):
    keys = 100_000 if quick else 1_000_000
    requests = zipf(keys, 6 * keys, 1)
    print(f"\nA cache of {keys:,} keys with a Zipf distribution, with memory for 20 % of them:\n")
    print("| policy | RingKV hits | Redis hits | difference, points | wanted |\n|---|---|---|---|---|")
    for policy in ("allkeys-lru", "allkeys-lfu"):
        ours, theirs = (100 * hit_rate(STARTS[who], policy, keys, requests) for who in ("ringkv", "redis"))
        print(f"| {policy} | {ours:.2f} % | {theirs:.2f} % | **{ours - theirs:+.2f}** | at least -1 |", flush=True)


def eviction(cpu_seconds, rounds, quick):
    speed(cpu_seconds, rounds, quick)
    hits(quick)

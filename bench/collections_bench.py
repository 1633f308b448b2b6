# SPDX-License-Identifier: MIT
"""Hashes, lists, sets, sorted sets and streams against redis-server: throughput, memory, snapshots and loading."""
import os
import re
import socket
import statistics
import subprocess
import time

from one_thread import start_ringkv
from servers import start_redis

# name in redis-benchmark's -t or a command, wanted ratio with -P 16
TESTS = [("lpush", 1.5), ("rpush", 1.5), ("lpop", 1.5), ("rpop", 1.5), ("sadd", 1.5), ("hset", 1.5), ("spop", 1.5),
         ("zadd", 1.5), ("zpopmin", 1.5), ("XADD stream * field value", 1.5), ("lrange_100", 1.2), ("lrange_300", 1.2),
         ("lrange_500", 1.2), ("lrange_600", 1.2), ("mset", 1.2)]
MEMBERS = 1_000_000


def run_test(cpu_seconds, server, test, requests, pipeline):
    """Requests per second, and per second of server CPU."""
    server.connect().raw("FLUSHALL")
    before = cpu_seconds(server.process.pid)
    what = test.split() if " " in test else ["-t", test]
    out = subprocess.run(["redis-benchmark", "-p", str(server.port), "-n", str(requests), "-P", str(pipeline), "-q",
                          *what],
                         capture_output=True, text=True, check=True).stdout
    used = cpu_seconds(server.process.pid) - before
    return float(re.findall(r"([\d.]+) requests per second", out)[-1]), requests / max(used, 0.01)


def requests_of_each(cpu_seconds, rounds, quick):
    for pipeline, requests in ((16, 1_000_000), (1, 200_000)):
        print(f"\n| redis-benchmark -P {pipeline} | RingKV req/s | Redis req/s | ratio | per CPU s | wanted |")
        print("|---|---|---|---|---|---|")
        for test, wanted in TESTS:
            count = (requests // 10 if test.startswith("lrange") else requests) // (10 if quick else 1)
            results = {"ringkv": [], "redis": []}
            for _ in range(rounds):
                for who, start in (("redis", start_redis), ("ringkv", start_ringkv)):
                    with start() as server:
                        results[who].append(run_test(cpu_seconds, server, test, count, pipeline))
            a, b = ([statistics.median(column) for column in zip(*results[who])] for who in ("ringkv", "redis"))
            print(f"| {test} | {a[0]:,.0f} | {b[0]:,.0f} | **{a[0] / b[0]:.2f}x** | **{a[1] / b[1]:.2f}x** "
                  f"| {wanted if pipeline > 1 else 0.95} |", flush=True)


def encoded(words):
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        data = word.encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(data), data))
    return b"".join(parts)


def feed(port, requests, at_once=100):
    """Sends many requests without waiting for each reply."""
    with socket.create_connection(("127.0.0.1", port)) as connection, connection.makefile("rb") as replies:
        waiting = []

        def flush():
            connection.sendall(b"".join(waiting))
            for _ in waiting:
                replies.readline()
            waiting.clear()

        for request in requests:
            waiting.append(encoded(request))
            if len(waiting) == at_once:
                flush()
        flush()


def in_hundreds(command, key, words_of):
    return lambda: ([command, key, *(word for i in range(first, first + 100) for word in words_of(i))]
                    for first in range(0, MEMBERS, 100))


DATA = [
    ("1M hashes of 10 short fields", 1.0, lambda: (
        ["HSET", f"user:{i}", *(word for j in range(10) for word in (f"f{j}", str((i * 7919 + j * 104729) % 100000)))]
        for i in range(MEMBERS))),
    ("a sorted set of 1M", 0.8, in_hundreds("ZADD", "z", lambda i: (str(i * 7 % MEMBERS), f"member:{i:09d}"))),
    ("a list of 1M", 0.8, in_hundreds("RPUSH", "l", lambda i: (f"element:{i:09d}",))),
    ("a set of 1M", 0.8, in_hundreds("SADD", "s", lambda i: (f"member:{i:09d}",))),
    ("a hash of 1M", 0.8, in_hundreds("HSET", "h", lambda i: (f"field:{i:09d}", f"value:{i}"))),
]


def used_memory(client):
    return int(re.search(rb"used_memory:(\d+)", client.raw("INFO", "memory")).group(1))


def timed(action):
    start = time.monotonic()
    action()
    return time.monotonic() - start


def weigh(start, requests, file_name):
    """Bytes of memory, seconds to save, bytes of the file, seconds to start with it, seconds until a replica has it."""
    with start("--dbfilename", file_name) as server:
        client = server.connect()
        before = used_memory(client)
        feed(server.port, requests())
        time.sleep(0.5)  # what is freed in the background
        memory = used_memory(client) - before
        saving = timed(lambda: client.raw("SAVE"))
        size = os.path.getsize(os.path.join(server.dir, file_name))
        with start("--replicaof", f"127.0.0.1 {server.port}", "--repl-diskless-sync-delay",
                   "0") if start is start_redis else start(
                "--replicaof", f"127.0.0.1 {server.port}") as replica:
            copy = replica.connect()

            def wait():
                while b"master_link_status:up" not in copy.raw("INFO", "replication"):
                    time.sleep(0.005)

            syncing = timed(wait)

        server.process.kill()
        server.process.wait()
        begin = time.monotonic()
        with start("--dbfilename", file_name, "--dir", server.dir):
            loading = time.monotonic() - begin
        return memory, saving, size, loading, syncing


def sizes():
    print("\n| data | memory | wanted | save | file | start with it | full sync |")
    print("|---|---|---|---|---|---|---|")
    for name, wanted, requests in DATA:
        ours, theirs = weigh(start_ringkv, requests, "dump.rkv"), weigh(start_redis, requests, "dump.rdb")
        cells = [f"{a / b:.2f}x" for a, b in zip(ours, theirs)]
        print(f"| {name} | {ours[0] / 1e6:.1f} / {theirs[0] / 1e6:.1f} MB = **{cells[0]}** | {wanted}x "
              f"| {ours[1] * 1e3:.0f} / {theirs[1] * 1e3:.0f} ms = {cells[1]} | {ours[2] / 1e6:.1f} / "
              f"{theirs[2] / 1e6:.1f} MB = {cells[2]} "
              f"| {ours[3] * 1e3:.0f} / {theirs[3] * 1e3:.0f} ms = {cells[3]} | {ours[4] * 1e3:.0f} / "
              f"{theirs[4] * 1e3:.0f} ms = {cells[4]} |",
              flush=True)


def collections(cpu_seconds, rounds, quick):
    requests_of_each(cpu_seconds, rounds, quick)
    sizes()

# SPDX-License-Identifier: MIT
"""Large and many, beside redis-server: tens of millions of keys, small collections, thousands of connections, and a
data set of 4 GB that is saved, loaded and sent to a replica. Takes 8 GB of memory and about ten minutes."""
import os
import resource
import socket
import statistics
import time

import servers
from collections_bench import feed, used_memory
from measure import benchmark, cpu_seconds, fill, resident_bytes
from one_thread import start_ringkv
from servers import start_redis

MILLION = 1_000_000
VALUE = "x" * 64
LOCAL_ADDRESSES = [f"127.0.0.{host}" for host in range(2, 10)]  # one has ports for some 28,000 connections

# How much more a request may cost than with a million keys.
GROWTH = {15: 1.4, 50: 1.6}
OPERATIONS = [("GET", 16, ["GET", "key:__rand_int__"]), ("SET", 64, ["SET", "key:__rand_int__", VALUE])]

# name, the command that makes collection i, of ten elements
SMALL = [
    ("hash", lambda i: ["HSET", f"h:{i}", *(word for j in range(10) for word in (f"field{j}", f"value{j}:{i}"))]),
    ("set", lambda i: ["SADD", f"s:{i}", *(f"member{j}:{i}" for j in range(10))]),
    ("set of integers", lambda i: ["SADD", f"i:{i}", *(str(i * 10 + j) for j in range(10))]),
    ("list", lambda i: ["RPUSH", f"l:{i}", *(f"element{j}:{i}" for j in range(10))]),
    ("sorted set", lambda i: ["ZADD", f"z:{i}", *(word for j in range(10) for word in (str(j * i), f"member{j}:{i}"))]),
]
SMALL_COUNT = 100_000


def cost_of_requests(server, keys, rounds):
    """Nanoseconds of server CPU for each operation."""
    costs = []
    for _, depth, command in OPERATIONS:
        runs = [benchmark(server, ["-c", "50", "-P", str(depth), "-r", str(keys), *command], 2 * MILLION)[1]
                for _ in range(rounds)]
        costs.append(1e9 / statistics.median(runs))
    return costs


def many_keys(rounds, quick):
    sizes = [1, *(millions for millions in GROWTH if not quick or millions < 20)]
    costs = {}
    for start in (start_ringkv, start_redis):
        with start() as server:
            for millions in sizes if start is start_ringkv else sizes[:2]:
                fill(server, millions * MILLION, len(VALUE))
                costs[start, millions] = cost_of_requests(server, millions * MILLION, rounds)
    print("\n| CPU of a request, keys of 16 bytes and values of 64 | 1 million keys | more | ratio | wanted | Redis |")
    print("|---|---|---|---|---|---|")
    for i, (name, depth, _) in enumerate(OPERATIONS):
        for millions in sizes[1:]:
            few, many = costs[start_ringkv, 1][i], costs[start_ringkv, millions][i]
            theirs = costs[start_redis, millions][i] / costs[start_redis, 1][i] if millions == sizes[1] else None
            print(f"| {name} P={depth}, {millions} million | {few:.0f} ns | {many:.0f} ns | **{many / few:.2f}x** "
                  f"| at most {GROWTH[millions]} | {f'{theirs:.2f}x' if theirs else '-'} |", flush=True)


def bytes_of_small(start, make):
    with start() as server:
        client = server.connect()
        used, resident = used_memory(client), resident_bytes(server.process.pid)
        feed(server.port, (make(i) for i in range(SMALL_COUNT)))
        return ((used_memory(client) - used) / SMALL_COUNT,
                (resident_bytes(server.process.pid) - resident) / SMALL_COUNT)


def small_collections():
    print("\n| memory of ten elements | RingKV | Redis | ratio | wanted | resident |\n|---|---|---|---|---|---|")
    for name, make in SMALL:
        ours, theirs = bytes_of_small(start_ringkv, make), bytes_of_small(start_redis, make)
        print(f"| {name} | {ours[0]:.0f} bytes | {theirs[0]:.0f} | **{ours[0] / theirs[0]:.2f}x** | at most 0.75 "
              f"| {ours[1] / theirs[1]:.2f}x |", flush=True)


def connect_many(port, count):
    """Opens connections as fast as it goes and sends a PING on each. Returns them."""
    sockets = []
    for i in range(count):
        # Each local address lends its ports in turn.
        sockets.append(socket.create_connection(("127.0.0.1", port), source_address=(
            LOCAL_ADDRESSES[i % len(LOCAL_ADDRESSES)], 0)))
        sockets[-1].sendall(b"PING\r\n")
    for each in sockets:
        assert each.makefile("rb").readline() == b"+PONG\r\n"
    return sockets


def visit(start, count):
    """Milliseconds until all are answered, microseconds of server CPU and bytes for each; p50 of 50 busy clients."""
    with start("--maxclients", str(count + 1000), "--protected-mode", "no") as server:
        before, cpu = resident_bytes(server.process.pid), cpu_seconds(server.process.pid)
        began = time.monotonic()
        sockets = connect_many(server.port, count)
        taken = time.monotonic() - began
        each = (resident_bytes(server.process.pid) - before) / count
        storm = (cpu_seconds(server.process.pid) - cpu) / count
        rate, per_cpu, median = benchmark(server, ["-t", "get", "-c", "50"], 200_000)
        for one in sockets:
            one.close()
        return taken * 1e3, storm * 1e6, each, per_cpu, median


def many_connections():
    print("\n| connections that wait | all answered | CPU of one | memory of one | beside them, GET P=1 per CPU s "
          "| p50 |")
    print("|---|---|---|---|---|---|")
    for count in (10_000, 30_000):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (count + 2000, count + 2000))
        except ValueError:
            print(f"| {count} | needs more file descriptors: ulimit -Hn {count + 2000} | | | | |")
            continue
        ours, theirs = visit(start_ringkv, count), visit(start_redis, count)
        print(f"| {count} | {ours[0]:.0f} / {theirs[0]:.0f} ms | {ours[1]:.0f} / {theirs[1]:.0f} us "
              f"| {ours[2]:.0f} / {theirs[2]:.0f} bytes | {ours[3]:,.0f} / {theirs[3]:,.0f} | {ours[4]:.3f} / "
              f"{theirs[4]:.3f} ms |", flush=True)


def seconds_of(action):
    began = time.monotonic()
    action()
    return time.monotonic() - began


def wait_for_link(server):
    client = server.connect()
    while b"master_link_status:up" not in client.raw("INFO", "replication"):
        time.sleep(0.02)


def cost_of_data(start, file_name, keys):
    """Gigabytes of memory and of the file; seconds to save, to send to a replica, to start with it."""
    with start("--dbfilename", file_name) as server:
        fill(server, keys, 200)
        memory = resident_bytes(server.process.pid) / 1e9
        client = server.connect()
        saving = seconds_of(lambda: client.raw("SAVE"))
        size = os.path.getsize(os.path.join(server.dir, file_name)) / 1e9
        with start("--replicaof", f"127.0.0.1 {server.port}") as replica:
            syncing = seconds_of(lambda: wait_for_link(replica))
        server.process.kill()
        server.process.wait()

        def start_again():
            with start("--dbfilename", file_name, "--dir", server.dir):
                pass

        return memory, size, saving, syncing, seconds_of(start_again)


def large_data(quick):
    keys = (1 if quick else 15) * MILLION
    ours, theirs = cost_of_data(start_ringkv, "dump.rkv", keys), cost_of_data(start_redis, "dump.rdb", keys)
    print(f"\n| {keys / MILLION:.0f} million values of 200 bytes | RingKV | Redis | ratio |\n|---|---|---|---|")
    for name, a, b in zip(("memory, GB", "file, GB", "save, s", "full sync, s", "start and end, s"), ours, theirs):
        print(f"| {name} | {a:.2f} | {b:.2f} | **{a / b:.2f}x** |", flush=True)


def large(rounds, quick):
    servers.DEADLINE_SECONDS = 300  # a start with all the data
    small_collections()
    many_connections()
    many_keys(rounds, quick)
    large_data(quick)

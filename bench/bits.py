# SPDX-License-Identifier: MIT
"""Bit commands on strings of 64 MB, against redis-server."""
import random
import statistics
import time

from one_thread import start_ringkv
from servers import start_redis

BYTES = 64 * 1024 * 1024
# Odd offsets and lengths are where words don't fit.
OPERATIONS = ["BITCOUNT random", "BITCOUNT random 1 -2", "BITCOUNT random 3 -6 BIT", "BITPOS zeros 1",
              "BITPOS zeros 1 3 -4", "BITPOS zeros 1 5 -10 BIT", "BITPOS ones 0", "BITOP NOT to random",
              "BITOP AND to random ones", "BITOP OR to random zeros", "BITOP XOR to random ones zeros",
              "BITOP AND to random odd", "BITOP OR to odd random", "BITOP XOR to odd short random", "BITOP NOT to odd"]


def fill(client):
    some = random.Random(1).randbytes(BYTES)
    for key, value in (("random", some), ("zeros", bytes(BYTES)), ("ones", b"\xff" * BYTES), ("odd", some[:BYTES - 13]),
                       ("short", some[:1_000_003])):
        client.raw("SET", key, value)


def bits(cpu_seconds, rounds, quick):
    print("\n| 64 MB | RingKV ms | Redis ms | ratio of speeds | per CPU s | wanted |")
    print("|---|---|---|---|---|---|")
    repeats = 3 if quick else 10
    with start_ringkv() as ours, start_redis() as theirs:
        servers = (ours, theirs)
        clients = [server.connect() for server in servers]
        for client in clients:
            fill(client)
        for operation in OPERATIONS:
            times, used = ([], []), [0, 0]
            for _ in range(rounds):
                for i, (server, client) in enumerate(zip(servers, clients)):
                    before = cpu_seconds(server.process.pid)
                    for _ in range(repeats):
                        start = time.monotonic()
                        client.raw(*operation.split())
                        times[i].append(time.monotonic() - start)
                    used[i] += cpu_seconds(server.process.pid) - before
            a, b = (statistics.median(each) * 1e3 for each in times)
            print(f"| {operation} | {a:.1f} | {b:.1f} | **{b / a:.2f}x** | **{used[1] / max(used[0], 0.01):.2f}x** | "
                  f"1.0 |", flush=True)

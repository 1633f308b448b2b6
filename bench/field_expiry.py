#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What fields of hashes cost that expire: memory of one, and how others are served while a million expire at once."""
import os
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "compat"))
from measure import cpu_seconds
from servers import start_ringkv

MILLION = 1_000_000
AT_ONCE = 1000
SMALL = 1000
LONG = 600_000


def info(client, name):
    lines = client.raw("INFO", "all").decode().split("\r\n")
    return next(line.partition(":")[2] for line in lines if line.startswith(name + ":"))


def fields(first):
    return [f"field{i}" for i in range(first, first + AT_ONCE)]


def now_ms():
    return int(time.time() * 1000)


def expire(client, key, names, when):
    client.raw("HPEXPIREAT", key, str(when), "FIELDS", str(len(names)), *names)


def memory(client):
    for first in range(0, MILLION, AT_ONCE):
        client.raw("HSET", "large", *(word for name in fields(first) for word in (name, "value")))
    before = int(info(client, "used_memory"))
    for first in range(0, MILLION, AT_ONCE):
        expire(client, "large", fields(first), now_ms() + LONG)
    print(f"a field's expiry: {(int(info(client, 'used_memory')) - before) / MILLION:.1f} bytes in a large hash")
    before = int(info(client, "used_memory"))
    for i in range(SMALL):
        client.raw("HSET", f"plain{i}", *(word for j in range(100) for word in (f"f{j}", "v")))
    plain = int(info(client, "used_memory")) - before
    for i in range(SMALL):
        client.raw("HSETEX", f"small{i}", "PX", str(LONG), "FIELDS", "100",
                   *(word for j in range(100) for word in (f"f{j}", "v")))
    more = int(info(client, "used_memory")) - before - 2 * plain
    print(f"a field's expiry: {more / SMALL / 100:.1f} bytes in a small one")


def million_at_once(server, client):
    when = now_ms() + 30_000
    for first in range(0, MILLION, AT_ONCE):
        expire(client, "large", fields(first), when)
    for i in range(SMALL):
        expire(client, f"small{i}", [f"f{j}" for j in range(100)], when)
    time.sleep(max(0.0, (when - now_ms()) / 1000))
    begun, cpu = time.time(), cpu_seconds(server.process.pid)
    took, small_gone = [], None
    while client.raw("EXISTS", "large") == b":1\r\n":
        for _ in range(100):
            asked = time.perf_counter()
            client.raw("HGET", "large", "field1")
            took.append((time.perf_counter() - asked) * 1000)
        if small_gone is None and client.raw("DBSIZE") == b":%d\r\n" % (SMALL + 1):
            small_gone = time.time() - begun
    took.sort()
    gone = time.time() - begun
    used = cpu_seconds(server.process.pid) - cpu
    print(f"a million at once: gone after {gone:.1f} s, {SMALL} small hashes after {small_gone or 0:.2f} s")
    print(f"meanwhile: {used:.1f} s of CPU; requests took {statistics.median(took):.3f} ms, "
          f"99.9%: {took[len(took) * 999 // 1000]:.2f} ms, at most {took[-1]:.2f} ms")


def main():
    with start_ringkv() as server:
        client = server.connect()
        memory(client)
        million_at_once(server, client)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares RingKV with the redis-server of this machine: the servers in turn, medians of several rounds, ratios.

  bench/compare.py [--rounds 3] [--quick] [--only PARTS]; PARTS are all unless some of these are named:
  throughput,memory,scan,growth,threads,load,durability,search,replication,http,collections,write_first,eviction,bits,
  scripts,tls,users
  bench/compare.py --peer NAME=PORT=COMMAND    with that server in place of redis-server; see bench/peer.py

The parts `large` and `quorum` (which needs etcd) run only when they are named. Prints a table in Markdown with the
machine and the versions. Requests per second of server CPU (user + system time of the process) hold even where the
machine is noisy.
"""
import argparse
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "compat"))
from measure import benchmark, cpu_seconds, fill, resident_bytes  # noqa: E402
from one_thread import start_ringkv  # noqa: E402
from peer import Peer  # noqa: E402
import servers  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))

# name, options of redis-benchmark, requests, wanted ratios (requests/s, per CPU second)
LOADS = [
    ("SET P=16", ["-t", "set", "-c", "50", "-d", "64", "-P", "16"], 3_000_000, (2.0, 2.1)),
    ("GET P=16", ["-t", "get", "-c", "50", "-d", "64", "-P", "16"], 3_000_000, (1.5, 1.7)),
    ("SET P=64", ["-t", "set", "-c", "50", "-d", "64", "-P", "64"], 5_000_000, (3.0, 3.2)),
    ("GET P=64", ["-t", "get", "-c", "50", "-d", "64", "-P", "64"], 5_000_000, (2.8, 3.0)),
    ("SET P=1", ["-t", "set", "-c", "50", "-d", "64"], 300_000, (0.95, 1.15)),
    ("GET P=1", ["-t", "get", "-c", "50", "-d", "64"], 300_000, (0.95, 1.15)),
    ("GET 1 connection P=1", ["-t", "get", "-c", "1", "-d", "64"], 60_000, (None, 1.1)),
    ("SET 1 KiB P=16", ["-t", "set", "-c", "50", "-d", "1024", "-P", "16"], 1_500_000, (1.5, 1.5)),
    ("GET 1 KiB P=16", ["-t", "get", "-c", "50", "-d", "1024", "-P", "16"], 1_500_000, (1.5, 1.5)),
    ("SET 16 KiB P=1", ["-t", "set", "-c", "50", "-d", "16384"], 150_000, (1.0, 1.1)),
    ("GET 16 KiB P=1", ["-t", "get", "-c", "50", "-d", "16384"], 150_000, (1.0, 1.1)),
]


def throughput(rounds, quick):
    results = {name: {"ringkv": [], "redis": []} for name, *_ in LOADS}
    for _ in range(rounds):
        for who, start in (("redis", servers.start_redis), ("ringkv", start_ringkv)):
            with start() as server:
                for name, options, requests, _ in LOADS:
                    results[name][who].append(benchmark(server, options, requests // (10 if quick else 1)))
    print("| load | RingKV req/s | Redis req/s | ratio | wanted | RingKV per CPU s | Redis per CPU s | ratio | wanted "
          "| p50 ms |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name, _, _, (want_rate, want_cpu) in LOADS:
        a = [statistics.median(column) for column in zip(*results[name]["ringkv"])]
        b = [statistics.median(column) for column in zip(*results[name]["redis"])]
        print(f"| {name} | {a[0]:,.0f} | {b[0]:,.0f} | **{a[0] / b[0]:.2f}x** | {want_rate or '-'} | {a[1]:,.0f} | "
              f"{b[1]:,.0f} "
              f"| **{a[1] / b[1]:.2f}x** | {want_cpu} | {a[2]:.3f} / {b[2]:.3f} |", flush=True)


def memory():
    print("\n| 1M keys of 16 bytes, values of | RingKV bytes a key | Redis bytes a key | wanted |")
    print("|---|---|---|---|")
    for value_bytes, wanted in ((8, 60), (64, 120)):
        row = []
        for start in (start_ringkv, servers.start_redis):
            with start() as server:
                before = resident_bytes(server.process.pid)
                fill(server, 1_000_000, value_bytes)
                row.append((resident_bytes(server.process.pid) - before) / 1_000_000)
        print(f"| {value_bytes} bytes | **{row[0]:.0f}** | {row[1]:.0f} | {wanted} |", flush=True)
    with start_ringkv() as server:
        before = resident_bytes(server.process.pid)
        clients = [server.connect() for _ in range(1000)]
        for client in clients:
            client.raw("PING")
        time.sleep(4)
        print(f"\nAn idle connection costs {(resident_bytes(server.process.pid) - before) / 1000:,.0f} bytes (wanted: "
              f"under 8192).")


def scan():
    print("\n| SCAN of 1M keys, COUNT 1000 | seconds |\n|---|---|")
    for name, start in (("RingKV", start_ringkv), ("Redis", servers.start_redis)):
        with start() as server:
            fill(server, 1_000_000, 8)
            client = server.connect()
            times = []
            for _ in range(3):
                began = time.perf_counter()
                cursor = b"0"
                while True:
                    client.send("SCAN", cursor, "COUNT", "1000")
                    # The reply is only counted through, so that the client costs little.
                    client.input.readline()
                    client.input.readline()
                    cursor = client.input.readline()[:-2]
                    for _ in range(2 * int(client.input.readline()[1:])):
                        client.input.readline()
                    if cursor == b"0":
                        break
                times.append(time.perf_counter() - began)
            print(f"| {name} | {statistics.median(times):.2f} |", flush=True)


def growth():
    """Growth from 0 to 10M keys: the slowest SET, measured by the server."""
    with start_ringkv() as server:
        fill(server, 10_000_000, 8)
        client = server.connect()
        client.raw("CONFIG", "SET", "latency-tracking-info-percentiles", "100")
        info = client.raw("INFO", "latencystats").decode()
        slowest = float(re.search(r"latency_percentiles_usec_set:p100=([\d.]+)", info).group(1))
    print(f"\nGrowing from 0 to 10M keys, the slowest SET took {slowest / 1000:.2f} ms inside the server (wanted: at "
          f"most 5 ms).")


def threads(rounds, quick):
    """One thread and two at the same places. Left to itself, the system puts a server of one thread on the processor of
    its only client, where requests are cheapest: they come together, and nothing goes from cache to cache."""
    usable = sorted(os.sched_getaffinity(0))
    places = [("client and server on processors of their own", usable[-1:], usable[:1]),
              ("client on one, server on all", usable[-1:], usable), ("where the system puts them", None, usable)]
    requests = LOADS[1][2] // (10 if quick else 1)
    rates = {}
    with start_ringkv("--io-threads", "1") as one, start_ringkv("--io-threads", "2") as two:
        for server in (one, two):
            fill(server, 1_000_000, 64)
        for _ in range(rounds):
            for name, client, of_server in places:
                for server in (one, two):
                    subprocess.run(["taskset", "-acp", ",".join(map(str, of_server)), str(server.process.pid)],
                                   capture_output=True, check=True)
                    rates.setdefault((name, server), []).append(benchmark(server, LOADS[1][1], requests, client)[1])
        print("\n| GET P=16, requests per second of server CPU | io-threads 1 | io-threads 2 | ratio | wanted |")
        print("|---|---|---|---|---|")
        for name, *_ in places:
            few, more = (statistics.median(rates[name, server]) for server in (one, two))
            print(f"| {name} | {few:,.0f} | {more:,.0f} | **{more / few:.2f}x** | "
                  f"{0.97 if name == places[0][0] else '-'} |", flush=True)
    serving_by_load()
    binary = os.path.join(HERE, "..", "build", "bench", "store_bench")
    if os.path.exists(binary):
        print("\nThe store alone, in one process:\n")
        print(subprocess.run([binary], capture_output=True, text=True, check=True).stdout)


def serving_by_load():
    """io-threads auto: how many threads serve 50 clients before, under, and after load."""
    def serving():
        return int(client.raw("INFO", "server").decode().split("io_threads_serving:")[1].split("\r")[0])

    with start_ringkv("--io-threads", "auto") as server:
        client = server.connect()
        before, began, most, took = serving(), time.monotonic(), 0, 0
        load = subprocess.Popen(["redis-benchmark", "-p", str(server.port), "-q", "-n", "10000000", "-P", "64",
                                 "-c", "50", "-t", "get"], stdout=subprocess.DEVNULL)
        while load.poll() is None:
            if serving() > most:
                most, took = serving(), time.monotonic() - began
            time.sleep(0.02)
        servers.eventually(lambda: serving() == 1, "one thread serves")
        moves = re.search(r"io_thread_moves:(\d+)", client.raw("INFO").decode()).group(1)
        print(f"\nWith io-threads auto, {before} thread serves at first, {most} under load, from {took * 1e3:.0f} ms "
              f"on, and 1 afterwards; {moves} clients have moved.")


def load():
    with tempfile.NamedTemporaryFile(mode="w") as file:
        subprocess.run([os.path.join(HERE, "make-load-file.py"), "1000000"], stdout=file, check=True)
        file.flush()
        with start_ringkv("--load-file", file.name) as server:
            print("\nLoading a file of a million lines: " + re.search(r"loaded .* in (\d+ ms)", server.log()).group(1) +
                  " (wanted: under a second).")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only",
                        default="throughput,memory,scan,growth,threads,load,durability,search,replication,http,"
                                "collections,write_first,eviction,bits,scripts,tls,users")
    parser.add_argument("--peer", type=Peer, metavar="NAME=PORT=COMMAND")
    arguments = parser.parse_args()
    if arguments.peer:
        servers.start_redis = arguments.peer.start  # before the parts take it from there
    import http_bench
    import tls_bench
    import users_bench
    import write_first
    from bits import bits
    from collections_bench import collections
    from durability import durability
    from eviction import eviction
    from large import large
    from quorum import quorum
    from replication import replication
    from scripts import scripts
    from search import search
    with open("/proc/cpuinfo", encoding="ascii") as cpuinfo:
        model = re.search(r"model name\s*: (.*)", cpuinfo.read())
    redis = subprocess.run(["redis-server", "--version"], capture_output=True, text=True, check=True).stdout.split()[2]
    print(f"{model.group(1) if model else platform.machine()}, {os.cpu_count()} cores that also carry the clients; "
          f"{platform.system()} {platform.release().split('-')[0]}; "
          f"{arguments.peer.name + ' where Redis is said' if arguments.peer else 'redis-server ' + redis}; "
          f"persistence off where nothing else is said; one I/O thread; "
          f"medians of {arguments.rounds} rounds.\n")
    parts = {"throughput": lambda: throughput(arguments.rounds, arguments.quick), "memory": memory, "scan": scan,
             "growth": growth, "threads": lambda: threads(arguments.rounds, arguments.quick), "load": load,
             "durability": durability, "search": search, "replication": replication,
             "http": lambda: http_bench.report(benchmark, cpu_seconds, arguments.rounds, arguments.quick),
             "collections": lambda: collections(cpu_seconds, arguments.rounds, arguments.quick),
             "write_first": lambda: write_first.report(cpu_seconds, arguments.rounds, arguments.quick),
             "eviction": lambda: eviction(cpu_seconds, arguments.rounds, arguments.quick),
             "bits": lambda: bits(cpu_seconds, arguments.rounds, arguments.quick),
             "scripts": lambda: scripts(arguments.rounds, arguments.quick),
             "tls": lambda: tls_bench.report(arguments.rounds, arguments.quick),
             "users": lambda: users_bench.report(arguments.rounds, arguments.quick),
             "quorum": quorum,
             "large": lambda: large(arguments.rounds, arguments.quick)}
    for name in arguments.only.split(","):
        parts[name]()


if __name__ == "__main__":
    main()

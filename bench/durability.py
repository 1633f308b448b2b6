# SPDX-License-Identifier: MIT
"""Durability: log, snapshots, restarts. A part of bench/compare.py; both servers on the same disk."""
import os
import random
import statistics
import subprocess
import tempfile
import threading
import time

import measure
from one_thread import start_ringkv
from servers import eventually, start_redis

ROUNDS = 3
LOGGED = ["--appendonly", "yes", "--auto-aof-rewrite-percentage", "0"]
SERVERS = (("RingKV", start_ringkv), ("Redis", start_redis))


def rates(setups, load, requests):
    """Medians of several servers in interleaved rounds, so that other load affects all of them."""
    seen = [[] for _ in setups]
    for _ in range(ROUNDS):
        for rate_of, (start, options) in zip(seen, setups):
            with start(*options) as server:
                rate_of.append(measure.benchmark(server, load, requests)[0])
    return [statistics.median(each) for each in seen]


def log_rates():
    print("\n| load | policy | RingKV req/s | of its speed without a log | wanted | Redis req/s | ratio | wanted |")
    print("|---|---|---|---|---|---|---|---|")
    for name, load, requests, policy, least, ratio in (
            ("SET P=1, 50 connections", ["-t", "set", "-c", "50", "-d", "64"], 300_000, "always", 0.9, 1.2),
            ("SET P=16", ["-t", "set", "-c", "50", "-d", "64", "-P", "16"], 3_000_000, "everysec", 0.85, 2.0)):
        logged = [*LOGGED, "--appendfsync", policy]
        without, ours, theirs = rates([(start_ringkv, []), (start_ringkv, logged), (start_redis, logged)], load,
                                      requests)
        print(f"| {name} | {policy} | {ours:,.0f} | **{ours / without:.2f}x** | {least} | {theirs:,.0f} "
              f"| **{ours / theirs:.2f}x** | {ratio} |", flush=True)


def fill_with_documents(server, count):
    """Keys of 15 bytes, values like JSON documents of about 70 bytes."""
    chance = random.Random(1)
    pipe = subprocess.Popen(["redis-cli", "-p", str(server.port), "--pipe"], stdin=subprocess.PIPE,
                            stdout=subprocess.DEVNULL)
    for first in range(0, count, 10_000):
        lines = []
        for i in range(first, first + 10_000):
            value = (f'{{"id":{i},"name":"user-{chance.randrange(10**6)}",'
                     f'"mail":"{chance.randrange(10**9)}@example.com",'
                     f'"age":{chance.randrange(18, 90)}}}')
            key = f"user:{i:010d}"
            lines.append(f"*3\r\n$3\r\nSET\r\n${len(key)}\r\n{key}\r\n${len(value)}\r\n{value}\r\n")
        pipe.stdin.write("".join(lines).encode())
    pipe.stdin.close()
    pipe.wait()


def restart_seconds(start, options, directory):
    began = time.perf_counter()
    with start("--dir", directory, *options) as server:
        client = server.connect()
        eventually(lambda: client.raw("DBSIZE") == b":1000000\r\n", "all keys to be there")
        took = time.perf_counter() - began
        server.process.kill()
        server.process.wait()
    return took


def snapshots():
    rows = {}
    for name, start in SERVERS:
        with tempfile.TemporaryDirectory() as directory:
            with start("--dir", directory) as server:
                fill_with_documents(server, 1_000_000)
                client = server.connect()
                saves = []
                for _ in range(ROUNDS):
                    began = time.perf_counter()
                    assert client.raw("SAVE") == b"+OK\r\n"
                    saves.append(time.perf_counter() - began)
                server.process.kill()
                server.process.wait()
            size = sum(os.path.getsize(os.path.join(directory, f)) for f in os.listdir(directory)
                       if f.startswith("dump"))
            restarts = [restart_seconds(start, [], directory) for _ in range(ROUNDS)]
        with tempfile.TemporaryDirectory() as directory:
            with start("--dir", directory, *LOGGED) as server:
                fill_with_documents(server, 1_000_000)
                server.process.terminate()
                server.process.wait()
            replays = [restart_seconds(start, LOGGED, directory) for _ in range(ROUNDS)]
        rows[name] = [statistics.median(saves), size / 1e6, statistics.median(restarts), statistics.median(replays)]
    print("\n| 1M keys with documents of about 70 bytes | RingKV | Redis | ratio | wanted |\n|---|---|---|---|---|")
    for i, (what, wanted) in enumerate((("SAVE, seconds", 1.0), ("file, MB", 0.5), ("restart from it, seconds", 0.5),
                                        ("restart from 1M log records, seconds", 0.5))):
        a, b = rows["RingKV"][i], rows["Redis"][i]
        print(f"| {what} | {a:.2f} | {b:.2f} | **{a / b:.2f}x** | {wanted} |", flush=True)


def private_bytes(pid):
    """Of the process, and of a child that saves."""
    total = measure.resident_bytes(pid)
    children = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout.split()
    for child in children:
        try:
            with open(f"/proc/{child}/smaps_rollup", encoding="ascii") as rollup:
                total += sum(int(line.split()[1]) * 1024 for line in rollup if line.startswith("Private_Dirty"))
        except (OSError, ProcessLookupError):
            pass
    return total


def saving_under_load():
    keys = 5_000_000
    print("\n| SET P=16 over 5M keys | req/s | with BGSAVE all along | of that | p99 ms | with BGSAVE | memory grows "
          "by |")
    print("|---|---|---|---|---|---|---|")
    for name, start in SERVERS:
        with start() as server:
            def run(requests, depth="16"):
                out = subprocess.run(["redis-benchmark", "-p", str(server.port), "-t", "set", "-n", str(requests), "-P",
                                      depth, "-c", "50", "-d", "64", "-r", str(keys), "--csv"], capture_output=True,
                                      text=True, check=True)
                fields = out.stdout.splitlines()[-1].replace('"', "").split(",")
                return float(fields[1]), float(fields[6])
            run(12_000_000, "32")
            calm = run(5_000_000)
            before = private_bytes(server.process.pid)
            peak = before
            done = threading.Event()

            def keep_saving():
                nonlocal peak
                client = server.connect()
                while not done.wait(0.05):
                    client.raw("BGSAVE")
                    peak = max(peak, private_bytes(server.process.pid))
            saver = threading.Thread(target=keep_saving)
            saver.start()
            busy = run(5_000_000)
            done.set()
            saver.join()
            print(f"| {name} | {calm[0]:,.0f} | {busy[0]:,.0f} | **{busy[0] / calm[0]:.2f}x** | {calm[1]:.2f} | "
                  f"{busy[1]:.2f} "
                  f"| {(peak - before) / 2**20:.0f} MB |", flush=True)
    print("\nWanted: 0.7x of the speed without, p99 at most twice as high and no worse than Redis', at most 64 MB.")


def durability():
    log_rates()
    snapshots()
    saving_under_load()

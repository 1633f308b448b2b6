#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Scripts beside redis-server: four loads, two threads, and what others notice of a script that takes 200 ms.

  bench/scripts.py [--rounds 3] [--quick]
"""
import argparse
import os
import re
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "compat"))
from servers import start_redis, start_ringkv  # noqa: E402

TOKEN_BUCKET = """
local tokens = tonumber(redis.call('HGET', KEYS[1], 'tokens') or ARGV[1])
local at = tonumber(redis.call('HGET', KEYS[1], 'at') or '0')
redis.call('EXISTS', KEYS[1])
redis.call('HINCRBY', KEYS[1], 'asked', 1)
if tokens <= 0 then tokens = tonumber(ARGV[1]) end
redis.call('HSET', KEYS[1], 'tokens', tokens - 1)
redis.call('HSET', KEYS[1], 'at', at + 1)
redis.call('HLEN', KEYS[1])
redis.call('HGET', KEYS[1], 'tokens')
redis.call('TTL', KEYS[1])
redis.call('EXPIRE', KEYS[1], 100)
return tokens
"""
INCR_WITH_EXPIRE = """
local n = redis.call('INCR', KEYS[1])
redis.call('EXPIRE', KEYS[1], 100)
return n
"""
STRING_LOOP = """
local parts = {}
for i = 1, 100 do
  parts[#parts + 1] = string.format('%d:%s', i, string.sub(ARGV[1], i % 7 + 1, i % 7 + 3))
end
redis.call('SET', KEYS[1], table.concat(parts, ','))
return #parts
"""
SLOW = "redis.call('GET',KEYS[1]) local t = os.clock() while os.clock() < t + 0.2 do end"
# name, script, arguments behind the key, requests with pipelining
LOADS = [
    ("one call", "return redis.call('GET', KEYS[1])", [], 800_000),
    ("INCR with EXPIRE", INCR_WITH_EXPIRE, [], 800_000),
    ("token bucket, ten calls", TOKEN_BUCKET, ["100"], 160_000),
    ("loop of 100 with strings", STRING_LOOP, ["abcdefghijklmnop"], 80_000),
]


def cpu_seconds(pid):
    """User and system time of all threads, exact to the nanosecond."""
    tasks = f"/proc/{pid}/task"
    total = 0
    for task in os.listdir(tasks):
        with open(f"{tasks}/{task}/schedstat", encoding="ascii") as stat:
            total += int(stat.read().split()[0])
    return total / 1e9


def run(server, sha, arguments, requests, depth):
    """Requests per second, and per second of server CPU."""
    before = cpu_seconds(server.process.pid)
    out = subprocess.run(["redis-benchmark", "-p", str(server.port), "-q", "-c", "50", "-P", str(depth), "-r", "100000",
                          "-n", str(requests), "EVALSHA", sha, "1", "key:__rand_int__", *arguments],
                         capture_output=True, text=True, check=True).stdout
    used = cpu_seconds(server.process.pid) - before
    rate = float(re.findall(r"([\d.]+) requests per second", out)[-1])
    return rate, requests / used


def loads(rounds, quick):
    results = {}
    for _ in range(rounds):
        with start_redis() as theirs, start_ringkv() as ours:
            for name, script, arguments, requests in LOADS:
                for depth in (1, 16):
                    count = requests // (10 if quick else 1) // (4 if depth == 1 else 1)
                    for who, server in (("redis", theirs), ("ringkv", ours)):
                        sha = server.connect().raw("SCRIPT", "LOAD", script).split(b"\r\n")[1].decode()
                        got = run(server, sha, arguments, count, depth)
                        results.setdefault((name, depth), {}).setdefault(who, []).append(got)
    wanted = {1: (1.0, 1.1), 16: (1.5, 1.8)}
    print("| EVALSHA | P | RingKV req/s | Redis req/s | ratio | wanted | per CPU second | wanted |")
    print("|---|---|---|---|---|---|---|---|")
    for (name, depth), both in results.items():
        ours = [statistics.median(column) for column in zip(*both["ringkv"])]
        theirs = [statistics.median(column) for column in zip(*both["redis"])]
        rate, per_cpu = (a / b for a, b in zip(ours, theirs))
        print(f"| {name} | {depth} | {ours[0]:,.0f} | {theirs[0]:,.0f} | **{rate:.2f}x** | {wanted[depth][0]} "
              f"| **{per_cpu:.2f}x** | {wanted[depth][1]} |", flush=True)


def latency(server, seconds):
    """The 99th percentile of SET and GET, in milliseconds."""
    out = subprocess.run(["redis-benchmark", "-p", str(server.port), "-c", "20", "-t", "set,get", "-r", "100000", "-n",
                          str(int(seconds * 20_000)), "--csv"], capture_output=True, text=True, check=True).stdout
    return [float(row.split(",")[6].strip('"')) for row in out.splitlines()[1:]]


def others():
    """SET and GET of others, quiet, and while scripts of 200 ms run on other keys."""
    with start_ringkv("--io-threads", "2") as server:
        quiet = latency(server, 3)
        stopping = threading.Event()

        def slow():
            client = server.connect()
            while not stopping.is_set():
                client.raw("EVAL", SLOW, "1", "slow")

        thread = threading.Thread(target=slow)
        thread.start()
        time.sleep(0.1)
        busy = latency(server, 3)
        stopping.set()
        thread.join()
    print("\n| p99 of others, ms | quiet | beside a script of 200 ms | ratio | wanted |\n|---|---|---|---|---|")
    for name, a, b in zip(("SET", "GET"), quiet, busy):
        print(f"| {name} | {a:.3f} | {b:.3f} | **{b / a:.2f}x** | at most 2.0 |", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    loads(arguments.rounds, arguments.quick)
    others()


if __name__ == "__main__":
    main()

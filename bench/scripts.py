# SPDX-License-Identifier: MIT
"""Scripts beside redis-server: EVALSHA under load, two threads, and what others notice of a script of 200 ms."""
import contextlib
import os
import statistics
import subprocess
import threading
import time

from measure import benchmark, fill
from one_thread import start_ringkv
from servers import start_redis

ONE_CALL = "return redis.call('GET', KEYS[1])"
INCR_WITH_EXPIRE = """
local n = redis.call('INCR', KEYS[1])
if n == 1 then redis.call('EXPIRE', KEYS[1], 100) end
return n
"""
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
STRING_LOOP = """
local parts = {}
for i = 1, 100 do
  parts[#parts + 1] = string.format('%d:%s', i, string.sub(ARGV[1], i % 7 + 1, i % 7 + 3))
end
redis.call('SET', KEYS[1], table.concat(parts, ','))
return #parts
"""
SLOW = "redis.call('GET', KEYS[1]) local sum = 0 for i = 1, 4e7 do sum = sum + i % 7 end"  # some 200 ms of work
# name, script, prefix of the keys, arguments behind the key, requests at P=16
LOADS = [
    ("one call", ONE_CALL, "key:", [], 800_000),
    ("INCR with EXPIRE", INCR_WITH_EXPIRE, "number:", [], 800_000),
    ("token bucket of ten calls", TOKEN_BUCKET, "bucket:", ["100"], 200_000),
    ("loop of 100 with strings", STRING_LOOP, "text:", ["abcdefghijklmnop"], 80_000),
]
WANTED = {1: (1.0, 1.1), 16: (1.5, 1.8)}
KEYS = 100_000


def run(server, load, depth, quick):
    """Requests per second, and per second of server CPU."""
    _, script, prefix, arguments, requests = load
    sha1 = server.connect().raw("SCRIPT", "LOAD", script).split(b"\r\n")[1].decode()
    requests = requests // (4 if depth == 1 else 1) // (10 if quick else 1)
    options = ["-c", "50", "-P", str(depth), "-r", str(KEYS), "EVALSHA", sha1, "1", prefix + "__rand_int__", *arguments]
    return benchmark(server, options, requests)[:2]


def loads(rounds, quick):
    results = {}
    for _ in range(rounds):
        with start_redis() as theirs, start_ringkv() as ours:
            for server in (ours, theirs):
                fill(server, KEYS, 64)
            for load in LOADS:
                for depth in WANTED:
                    both = results.setdefault((load[0], depth), ([], []))
                    for column, server in zip(both, (ours, theirs)):
                        column.append(run(server, load, depth, quick))
    print("\n| EVALSHA | P | RingKV req/s | Redis req/s | ratio | wanted | RingKV per CPU s | Redis per CPU s | ratio "
          "| wanted |\n|---|---|---|---|---|---|---|---|---|---|")
    for (name, depth), both in results.items():
        a, b = ([statistics.median(column) for column in zip(*rows)] for rows in both)
        print(f"| {name} | {depth} | {a[0]:,.0f} | {b[0]:,.0f} | **{a[0] / b[0]:.2f}x** | {WANTED[depth][0]} | "
              f"{a[1]:,.0f} | {b[1]:,.0f} | **{a[1] / b[1]:.2f}x** | {WANTED[depth][1]} |", flush=True)


def threads():
    binary = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "build", "bench", "scripts_bench")
    if os.path.exists(binary):
        print("\n" + subprocess.run([binary], capture_output=True, text=True, check=True).stdout, end="", flush=True)


def latency(server, quick):
    """The 99th percentiles of SET and GET, in milliseconds."""
    out = subprocess.run(["redis-benchmark", "-p", str(server.port), "-c", "20", "-t", "set,get", "-r", str(KEYS), "-n",
                          "20000" if quick else "60000", "--csv"], capture_output=True, text=True, check=True).stdout
    return [float(row.split(",")[6].strip('"')) for row in out.splitlines()[1:]]


@contextlib.contextmanager
def slow_scripts(server):
    """Runs one after the other meanwhile; yields the list of their times in milliseconds."""
    stopping = threading.Event()
    running = threading.Event()
    times = []

    def run():
        client = server.connect()
        while not stopping.is_set():
            began = time.monotonic()
            client.raw("EVAL", SLOW, "1", "slow")
            times.append((time.monotonic() - began) * 1000)
            running.set()

    thread = threading.Thread(target=run)
    thread.start()
    running.wait()  # the first one is compiled
    del times[:]
    try:
        yield times
    finally:
        stopping.set()
        thread.join()


def others(quick):
    """SET and GET of others, quiet, and while scripts of 200 ms run on other keys; what that costs the scripts."""
    quiet, beside, alone, among = [], [], [], []
    with start_ringkv("--io-threads", "2") as server:
        for _ in range(3 if quick else 7):
            quiet.append(latency(server, quick))
            with slow_scripts(server) as times:
                time.sleep(1)
            alone += times
            with slow_scripts(server) as times:
                beside.append(latency(server, quick))
            among += times
    print("\n| io-threads 2, medians | quiet | beside scripts of 200 ms | ratio | wanted |")
    print("|---|---|---|---|---|")
    for name, a, b in zip(("SET", "GET"), zip(*quiet), zip(*beside)):
        a, b = statistics.median(a), statistics.median(b)
        print(f"| p99 of {name} of others, ms | {a:.3f} | {b:.3f} | **{b / a:.2f}x** | at most 2.0 |", flush=True)
    a, b = statistics.median(alone), statistics.median(among)
    print(f"| the script itself, ms | {a:.0f} | {b:.0f} | {b / a:.2f}x | |", flush=True)


def scripts(rounds, quick):
    loads(rounds, quick)
    threads()
    others(quick)

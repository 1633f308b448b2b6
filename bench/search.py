# SPDX-License-Identifier: MIT
"""Cost of searches by prefix and suffix, and of their indexes. A part of bench/compare.py."""
import re
import statistics
import subprocess
import time

import measure
from one_thread import start_ringkv
from servers import eventually, start_redis

ROUNDS = 3


def fill_with_groups(server, count):
    """Keys of 16 bytes: a hundred of each prefix of seven digits, and a hundred of each suffix of a few digits."""
    client = server.connect()
    for start in range(0, count, 10_000):
        numbers = range(start, min(start + 10_000, count))
        client.socket.sendall(b"".join(client.encode((b"%07d:%08d" % (i * 7919 % count // 100, i), b"v")).replace(
            b"*2\r\n", b"*3\r\n$3\r\nSET\r\n", 1) for i in numbers))
        for _ in numbers:
            client.input.readline()


def iterate(client, pattern):
    """A complete SCAN: number of calls and of matches, and milliseconds."""
    began = time.perf_counter()
    cursor, calls, matches = b"0", 0, 0
    while True:
        client.send("SCAN", cursor, "MATCH", pattern, "COUNT", "1000")
        client.input.readline()
        client.input.readline()
        cursor = client.input.readline()[:-2]
        found = int(client.input.readline()[1:])
        for _ in range(2 * found):
            client.input.readline()
        calls += 1
        matches += found
        if cursor == b"0":
            return calls, matches, 1000 * (time.perf_counter() - began)


def index_state(client, which):
    fields = re.search(which + r"_index:state=(\w+),keys=(\d+),bytes=(\d+)", client.raw("INFO", "keyindex").decode())
    return fields.group(1), int(fields.group(2)), int(fields.group(3))


def median_search(client, pattern, rounds):
    runs = [iterate(client, pattern) for _ in range(rounds)]
    return runs[0][0], runs[0][1], statistics.median(run[2] for run in runs)


def searches():
    print("\n| whole SCAN with COUNT 1000 | RingKV: calls, ms | Redis: calls, ms | wanted ms | bytes a key |")
    print("|---|---|---|---|---|")
    for count, digits in ((1_000_000, 4), (10_000_000, 5)):
        patterns = (("prefix", "0000042:*"), ("suffix", "*" + "1234567"[:digits]))
        rows = {}
        with start_ringkv() as server:
            fill_with_groups(server, count)
            client = server.connect()
            for which, pattern in patterns:
                iterate(client, pattern)  # this one is answered by walking, and has the index built
                eventually(lambda which=which: index_state(client, which)[0] == "ready", "the index")
                _, keys, size = index_state(client, which)
                rows[which] = (*median_search(client, pattern, 21), size / keys)
        redis = {}
        if count == 1_000_000:
            with start_redis() as server:
                fill_with_groups(server, count)
                client = server.connect()
                redis = {which: median_search(client, pattern, ROUNDS) for which, pattern in patterns}
        for which, _ in patterns:
            calls, matches, milliseconds, size = rows[which]
            theirs = f"{redis[which][0]}, {redis[which][2]:.0f}" if redis else "-"
            wanted = 0.5 if redis else 1.0
            print(f"| {which} with {matches} matches, {count // 10**6}M keys | {calls}, **{milliseconds:.2f}** | "
                  f"{theirs} "
                  f"| {wanted} | {size:.1f} |", flush=True)


def writes():
    """Throughput with both indexes and without any."""
    print("\n| P=16, both indexes kept | req/s | without | ratio | wanted |\n|---|---|---|---|---|")
    loads = (("SET of new keys", ["-t", "set", "-r", "1000000000"], 0.6),
             ("SET over 1M keys", ["-t", "set", "-r", "1000000"], 1.0), ("GET", ["-t", "get", "-r", "1000000"], 1.0),
             ("INCR", ["-t", "incr", "-r", "1000000"], 1.0))
    rates = {mode: {name: [] for name, _, _ in loads} for mode in ("always", "off")}
    for number in range(5):
        for name, options, _ in loads:
            for mode in sorted(rates, reverse=number % 2 == 0):
                with start_ringkv("--key-index", mode) as server:
                    run = ["-c", "50", "-d", "8", "-P", "16", *options]
                    if name != "SET of new keys":
                        measure.fill(server, 1_000_000, 8)
                        measure.benchmark(server, run, 8_000_000)  # now hardly any key is new
                    rates[mode][name].append(measure.benchmark(server, run, 2_000_000)[0])
    for name, _, wanted in loads:
        kept, without = statistics.median(rates["always"][name]), statistics.median(rates["off"][name])
        print(f"| {name} | {kept:,.0f} | {without:,.0f} | **{kept / without:.2f}x** | {wanted} |", flush=True)


def building():
    with start_ringkv("--key-index", "off") as server:
        measure.fill(server, 1_000_000, 8)
        client = server.connect()
        client.raw("CONFIG", "SET", "latency-tracking-info-percentiles", "100")
        client.raw("CONFIG", "RESETSTAT")
        load = subprocess.Popen(["redis-benchmark", "-p", str(server.port), "-q", "-t", "set", "-r", "1000000", "-n",
                                 "300000", "-c", "10"], stdout=subprocess.DEVNULL)
        began = time.perf_counter()
        client.raw("CONFIG", "SET", "key-index", "always")
        eventually(lambda: index_state(client, "suffix")[0] == "ready", "the indexes")
        seconds = time.perf_counter() - began
        load.wait()
        info = client.raw("INFO", "latencystats").decode()
        slowest = float(re.search(r"latency_percentiles_usec_set:p100=([\d.]+)", info).group(1)) / 1000
    print(f"\nBuilding both indexes over 1M keys under load: {seconds:.2f} s (wanted: 1 s of a core for each); the "
          f"slowest SET "
          f"meanwhile took {slowest:.2f} ms inside the server (wanted: at most 5 ms).")


def search():
    searches()
    writes()
    building()

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Plots latency against throughput, pipelining and memory: docs/plots/*.svg, and a table of percentiles.

  bench/plot.py [--quick] [--into docs/plots] [--only latency,pipelining,memory]

Load comes from redis-benchmark (RingKV and redis-server, in turn) and from wrk (HTTP). Each plot says its load, the
machine, and which server is ahead where.
"""
import argparse
import os
import platform
import re
import subprocess
import sys
import textwrap

import matplotlib
matplotlib.use("svg")
from matplotlib import pyplot  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "compat")]
import http_load  # noqa: E402
from measure import fill, resident_bytes  # noqa: E402
from one_thread import start_ringkv  # noqa: E402
from servers import free_ports, start_redis  # noqa: E402

CLIENTS = [1, 5, 10, 25, 50, 100, 200, 400, 1000]
DEPTHS = [1, 2, 4, 8, 16, 32, 64, 128]
PERCENTILES = [50, 75, 90, 95, 99, 99.9, 99.99]
DRAWN_PERCENTILES = [50, 99, 99.9]
HOT_KEYS, COLD_KEYS = 10_000, 1_000_000
OURS, THEIRS, HTTP = "RingKV", "redis-server", "RingKV over HTTP"
COLOURS = {OURS: "#b3541e", THEIRS: "#4a6fa5", HTTP: "#3d8361"}
SERVERS = ((OURS, start_ringkv), (THEIRS, start_redis))
EQUAL = 0.03  # a smaller difference is none


def benchmark(port, keys, clients, depth, requests):
    """GETs: how many per second, and the percentiles in milliseconds."""
    output = subprocess.run(
        ["redis-benchmark", "-p", str(port), "-t", "get", "-r", str(keys), "-d", "64", "-c", str(clients), "-P",
         str(depth), "-n", str(requests)], capture_output=True, text=True, check=True).stdout
    curve = [(float(p), float(ms)) for p, ms in re.findall(r"([\d.]+)% <= ([\d.]+) milliseconds \(cumulative", output)]
    rate = float(re.search(r"throughput summary: ([\d.]+)", output).group(1))
    return rate, {p: next((ms for share, ms in curve if share >= p), curve[-1][1]) for p in PERCENTILES}


def runs(places, values):
    """Neighbours in `places` as "first to last"."""
    parts, begin = [], None
    for i, place in enumerate(places):
        begin = i if begin is None else begin
        if i + 1 == len(places) or values.index(places[i + 1]) != values.index(place) + 1:
            parts.append(f"{places[begin]}" if begin == i else f"{places[begin]} to {place}")
            begin = None
    return ", ".join(parts)


def verdict(values, advantages, unit):
    """Who is ahead at which of the values. `advantages`: how many times as good RingKV is at each."""
    pairs = list(zip(values, advantages))
    ahead = [value for value, times in pairs if times > 1 + EQUAL]
    behind = [value for value, times in pairs if times < 1 - EQUAL]
    equal = [value for value, times in pairs if abs(times - 1) <= EQUAL]
    parts = []
    if ahead:
        best = max(times for value, times in pairs if value in ahead)
        parts.append(f"RingKV is ahead at {runs(ahead, values)} {unit} (up to {best:.2f}x)")
    if equal:
        parts.append(f"they are equal at {runs(equal, values)}")
    if behind:
        worst = min(times for value, times in pairs if value in behind)
        parts.append(f"redis-server is ahead at {runs(behind, values)} (RingKV at least {worst:.2f}x)")
    return "; ".join(parts)


def machine():
    with open("/proc/cpuinfo", encoding="ascii") as cpuinfo:
        model = re.search(r"model name\s*: (.*)", cpuinfo.read())
    redis = subprocess.run(["redis-server", "--version"], capture_output=True, text=True, check=True).stdout.split()[2]
    return (f"{model.group(1) if model else platform.machine()}, {os.cpu_count()} cores that also carry the clients; "
            f"redis-server {redis}; one I/O thread; no persistence")


def new_figure(rows, columns, title, size):
    figure, axes = pyplot.subplots(rows, columns, figsize=size, squeeze=False)
    figure.suptitle(title)
    for each in axes.flat:
        each.grid(alpha=0.3, which="both")
    return figure, list(axes.flat)


def save(figure, folder, name, caption):
    """The caption is lines under the plot: the load, who is ahead, the machine."""
    text = "\n".join(textwrap.fill(line, 105) for line in [*caption, machine()])
    margin = 0.16 * (text.count("\n") + 1) / figure.get_figheight()
    figure.tight_layout(rect=(0, margin, 1, 1))
    figure.text(0.02, 0.01, text, fontsize=8, va="bottom")
    figure.savefig(os.path.join(folder, name), metadata={"Date": None})
    pyplot.close(figure)


def draw_latency(folder, quick):
    points = {}  # {name: [(clients, rate, percentiles)]}
    for name, start in SERVERS:
        with start() as server:
            fill(server, HOT_KEYS, 64)
            points[name] = [(clients, *benchmark(server.port, HOT_KEYS, clients, 1, 20_000 if quick else 400_000))
                            for clients in CLIENTS]
    port = free_ports(1)[0]
    with start_ringkv("--http-port", str(port)):
        http_load.fill(port)
        points[HTTP] = []
        for clients in CLIENTS:
            rate, failed, percentiles = http_load.wrk(port, clients, 1 if quick else 5)
            assert failed == 0, f"{failed} requests failed"
            points[HTTP].append((clients, rate, percentiles))
    figure, panels = new_figure(3, 1, "Latency of GET at 1 to 1000 clients, without pipelining", (7, 10))
    caption = [f"Load: GET of {HOT_KEYS:,} keys with values of 64 bytes, redis-benchmark; HTTP: wrk. "
               f"Each point is a number of clients: {', '.join(map(str, CLIENTS))}."]
    for panel, percentile in zip(panels, DRAWN_PERCENTILES):
        for name, rows in points.items():
            panel.plot([row[1] for row in rows], [row[2][percentile] for row in rows], marker="o", markersize=3,
                       color=COLOURS[name], label=name)
            for row in rows:
                if row[0] in (1, 50, 1000):
                    panel.annotate(str(row[0]), (row[1], row[2][percentile]), fontsize=7, color=COLOURS[name],
                                   xytext=(3, 3), textcoords="offset points")
        panel.set(title=f"p{percentile:g}", xlabel="requests per second", ylabel="milliseconds", yscale="log")
        advantages = [theirs[2][percentile] / ours[2][percentile]
                      for ours, theirs in zip(points[OURS], points[THEIRS])]
        caption.append(f"p{percentile:g}: {verdict(CLIENTS, advantages, 'clients')}.")
    advantages = [ours[1] / theirs[1] for ours, theirs in zip(points[OURS], points[THEIRS])]
    caption.append(f"Requests per second: {verdict(CLIENTS, advantages, 'clients')}.")
    panels[0].legend(fontsize=8)
    save(figure, folder, "latency.svg", caption)
    print_table(points)


def draw_pipelining(folder, quick):
    figure, panels = new_figure(2, 1, "Throughput of GET by pipeline depth, 50 clients", (7, 7.5))
    caption = ["Load: redis-benchmark, values of 64 bytes, keys by chance."]
    loads = (("hot", HOT_KEYS, "the processor's caches hold them"), ("cold", COLD_KEYS, "most are read from memory"))
    for panel, (kind, keys, why) in zip(panels, loads):
        rates = {}
        for name, start in SERVERS:
            with start() as server:
                fill(server, keys, 64)
                rates[name] = [benchmark(server.port, keys, 50, depth,
                                         (20_000 if quick else 200_000) * min(depth, 16))[0] for depth in DEPTHS]
            panel.plot(DEPTHS, [rate / 1e6 for rate in rates[name]], marker="o", markersize=3, color=COLOURS[name],
                       label=name)
        panel.set(title=f"{keys:,} keys ({kind}: {why})", xlabel="pipeline depth", ylabel="million requests per second")
        panel.set_xscale("log", base=2)
        panel.set_xticks(DEPTHS, [str(depth) for depth in DEPTHS])
        panel.set_ylim(bottom=0)
        panel.legend(fontsize=8)
        advantages = [ours / theirs for ours, theirs in zip(rates[OURS], rates[THEIRS])]
        caption.append(f"{kind.capitalize()} keys, depth: {verdict(DEPTHS, advantages, 'requests')}.")
        for name in rates:
            print(f"{name}, {kind} keys: " + ", ".join(f"{rate:,.0f} at {depth}" for depth, rate in
                                                       zip(DEPTHS, rates[name])))
    save(figure, folder, "pipelining.svg", caption)


def draw_memory(folder, quick):
    figure, (panel,) = new_figure(1, 1, "Resident memory by number of keys", (7, 4.6))
    step = 100_000 if quick else 500_000
    counts = [i * step / 1e6 for i in range(9)]
    sizes = {}
    for name, start in SERVERS:
        with start() as server:
            before = resident_bytes(server.process.pid)
            sizes[name] = [0]
            for i in range(8):
                fill(server, step, 64, first=i * step)
                sizes[name].append((resident_bytes(server.process.pid) - before) / 1e6)
        panel.plot(counts, sizes[name], marker="o", markersize=3, color=COLOURS[name], label=name)
    panel.set(xlabel="million keys", ylabel="MB")
    panel.set_ylim(bottom=0)
    panel.legend(fontsize=8)
    shares = [ours / theirs for ours, theirs in zip(sizes[OURS][1:], sizes[THEIRS][1:])]
    save(figure, folder, "memory.svg",
         ["Load: SET of keys of 16 bytes with values of 64 bytes.",
          f"RingKV takes {min(shares):.2f}x to {max(shares):.2f}x of the memory of redis-server."])


def print_table(points):
    print("| GET, milliseconds at percentile | clients | requests/s | " + " | ".join(f"{p:g}" for p in PERCENTILES)
          + " |")
    print("|---" * (len(PERCENTILES) + 3) + "|")
    for name, rows in points.items():
        for clients, rate, percentiles in rows:
            if clients in (1, 50, 1000):
                print(f"| {name} | {clients} | {rate:,.0f} | " + " | ".join(f"{percentiles[p]:.2f}"
                                                                            for p in PERCENTILES) + " |")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--into", default=os.path.join(HERE, "..", "docs", "plots"))
    parser.add_argument("--only", default="latency,pipelining,memory")
    arguments = parser.parse_args()
    os.makedirs(arguments.into, exist_ok=True)
    pyplot.rcParams.update({"svg.hashsalt": "ringkv", "svg.fonttype": "none", "font.family": "sans-serif"})
    parts = {"latency": draw_latency, "pipelining": draw_pipelining, "memory": draw_memory}
    for name in arguments.only.split(","):
        parts[name](arguments.into, arguments.quick)


if __name__ == "__main__":
    main()

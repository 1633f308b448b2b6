#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Plots latency against throughput, pipelining and memory: docs/plots/*.svg, and a table of percentiles.

  bench/plot.py [--quick] [--into docs/plots]

Load comes from redis-benchmark (RingKV and redis-server, in turn) and from wrk (HTTP).
"""
import argparse
import os
import re
import subprocess
import sys

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
COLOURS = {"RingKV": "#b3541e", "redis-server": "#4a6fa5", "RingKV over HTTP": "#3d8361"}
SERVERS = (("RingKV", start_ringkv), ("redis-server", start_redis))


def benchmark(port, clients, depth, requests):
    """GETs: how many per second, and the percentiles in milliseconds."""
    output = subprocess.run(
        ["redis-benchmark", "-p", str(port), "-t", "get", "-r", "10000", "-d", "64", "-c", str(clients), "-P",
         str(depth), "-n", str(requests)], capture_output=True, text=True, check=True).stdout
    curve = [(float(p), float(ms)) for p, ms in re.findall(r"([\d.]+)% <= ([\d.]+) milliseconds \(cumulative", output)]
    rate = float(re.search(r"throughput summary: ([\d.]+)", output).group(1))
    return rate, {p: next((ms for share, ms in curve if share >= p), curve[-1][1]) for p in PERCENTILES}


def new_figure(title, x, y):
    figure, axes = pyplot.subplots(figsize=(7, 4.2))
    axes.set(title=title, xlabel=x, ylabel=y)
    axes.grid(alpha=0.3, which="both")
    return figure, axes


def save(figure, folder, name):
    figure.tight_layout()
    figure.savefig(os.path.join(folder, name), metadata={"Date": None})
    pyplot.close(figure)


def draw_latency(folder, quick):
    """Returns {name: [(clients, rate, percentiles)]}."""
    points = {}
    for name, start in SERVERS:
        with start() as server:
            fill(server, 10_000, 64)
            points[name] = [(clients, *benchmark(server.port, clients, 1, 20_000 if quick else 400_000))
                            for clients in CLIENTS]
    port = free_ports(1)[0]
    with start_ringkv("--http-port", str(port)):
        http_load.fill(port)
        points["RingKV over HTTP"] = []
        for clients in CLIENTS:
            rate, failed, percentiles = http_load.wrk(port, clients, 1 if quick else 5)
            assert failed == 0, f"{failed} requests failed"
            points["RingKV over HTTP"].append((clients, rate, percentiles))
    figure, axes = new_figure("GET at 1 to 1000 clients, without pipelining", "requests per second", "milliseconds")
    for name, rows in points.items():
        for percentile, style in ((50, "-"), (99, "--"), (99.9, ":")):
            axes.plot([row[1] for row in rows], [row[2][percentile] for row in rows], style, marker="o", markersize=3,
                      color=COLOURS[name], label=f"{name}, p{percentile:g}")
    axes.set_yscale("log")
    axes.legend(fontsize=8)
    save(figure, folder, "latency.svg")
    return points


def draw_pipelining(folder, quick):
    figure, axes = new_figure("GET, 50 clients", "pipeline depth", "requests per second")
    for name, start in SERVERS:
        with start() as server:
            fill(server, 10_000, 64)
            rates = [benchmark(server.port, 50, depth, (20_000 if quick else 200_000) * min(depth, 16))[0]
                     for depth in DEPTHS]
        axes.plot(DEPTHS, rates, marker="o", markersize=3, color=COLOURS[name], label=name)
    axes.set_xscale("log", base=2)
    axes.set_xticks(DEPTHS, [str(depth) for depth in DEPTHS])
    axes.set_ylim(bottom=0)
    axes.legend()
    save(figure, folder, "pipelining.svg")


def draw_memory(folder, quick):
    figure, axes = new_figure("Resident memory, keys of 16 and values of 64 bytes", "million keys", "MB")
    step = 100_000 if quick else 500_000
    for name, start in SERVERS:
        with start() as server:
            before = resident_bytes(server.process.pid)
            sizes = [0]
            for i in range(8):
                fill(server, step, 64, first=i * step)
                sizes.append((resident_bytes(server.process.pid) - before) / 1e6)
        axes.plot([i * step / 1e6 for i in range(9)], sizes, marker="o", markersize=3, color=COLOURS[name], label=name)
    axes.set_ylim(bottom=0)
    axes.legend()
    save(figure, folder, "memory.svg")


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
    arguments = parser.parse_args()
    os.makedirs(arguments.into, exist_ok=True)
    pyplot.rcParams.update({"svg.hashsalt": "ringkv", "svg.fonttype": "none", "font.family": "sans-serif"})
    points = draw_latency(arguments.into, arguments.quick)
    draw_pipelining(arguments.into, arguments.quick)
    draw_memory(arguments.into, arguments.quick)
    print_table(points)


if __name__ == "__main__":
    main()

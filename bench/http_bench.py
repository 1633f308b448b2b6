# SPDX-License-Identifier: MIT
"""HTTP: against a Flask app, against the Redis port, with a thousand clients; and the cost of metrics."""
import http.client
import os
import statistics
import subprocess
import sys
import threading

import http_load
from one_thread import start_ringkv
from servers import eventually, free_ports

HERE = os.path.dirname(os.path.abspath(__file__))


def answers(port):
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        connection.request("GET", "/keys/none")
        return connection.getresponse().status == 404
    except OSError:
        return False


def measure_flask(seconds):
    port = free_ports(1)[0]
    with subprocess.Popen([sys.executable, os.path.join(HERE, "seed_app.py"), str(port)], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as app:
        try:
            eventually(lambda: answers(port), "the Flask app")
            http_load.fill(port)
            return http_load.wrk(port, 50, seconds)[0]
        finally:
            app.kill()


def measure_metrics(benchmark, rounds):
    """Throughput of SET and GET with all counters and a scrape per second, relative to that without."""
    load = ["-t", "set,get", "-c", "50", "-d", "64", "-P", "16"]
    rates = {"with": [], "without": []}
    for _ in range(rounds):
        for name in ("without", "with"):
            port = free_ports(1)[0]
            counts = ["--latency-tracking", "yes", "--metrics-prefix", "user: session: cart: key:"]
            with start_ringkv("--http-port", str(port), *(counts if name == "with"
                                                          else ["--latency-tracking", "no"])) as server:
                stopping = threading.Event()

                def scrape(port=port, stopping=stopping):
                    while not stopping.wait(1):
                        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
                        connection.request("GET", "/metrics")
                        connection.getresponse().read()

                scraper = threading.Thread(target=scrape)
                if name == "with":
                    scraper.start()
                rates[name].append(benchmark(server, load, 2_000_000)[:2])
                stopping.set()
                if name == "with":
                    scraper.join()
    median = {name: [statistics.median(column) for column in zip(*values)] for name, values in rates.items()}
    return [median["with"][i] / median["without"][i] for i in (0, 1)]


def report(benchmark, cpu_seconds, rounds, quick):
    seconds = 2 if quick else 10
    flask = statistics.median(measure_flask(seconds) for _ in range(rounds))
    port = free_ports(1)[0]
    with start_ringkv("--http-port", str(port)) as server:
        http_load.fill(port)
        rows = []
        for _ in range(rounds):
            before = cpu_seconds(server.process.pid)
            rate = http_load.wrk(port, 50, seconds)[0]
            rows.append((rate, rate * seconds / (cpu_seconds(server.process.pid) - before)))
        rate, per_cpu = (statistics.median(column) for column in zip(*rows))
        redis_rate, redis_per_cpu = benchmark(server, ["-t", "get", "-c", "50", "-d", "64"], 300_000)[:2]
        print("\n| GET over HTTP, 50 connections (wrk), values of 64 bytes | per second | ratio | wanted "
              "|\n|---|---|---|---|")
        print(f"| RingKV | {rate:,.0f} | **{rate / flask:.0f}x** the Flask app | 10x |")
        print(f"| a Flask app under its own server (`bench/seed_app.py`) | {flask:,.0f} | 1x | |")
        print(f"| RingKV's Redis port, GET without pipelining (redis-benchmark) | {redis_rate:,.0f} | HTTP is "
              f"{rate / redis_rate:.2f}x of it; per second of CPU {per_cpu / redis_per_cpu:.2f}x | |")
        print("\n| 1000 clients, 10,000 keys, a minute | per second | p50 ms | p99 ms | p99.99 ms | most ms | failed |")
        print("|---|---|---|---|---|---|---|")
        for name, pause in (("each pauses for 20 ms on average", 20), ("nobody pauses: as fast as it goes", 0)):
            rate, failed, percentiles = http_load.wrk(port, 1000, 5 if quick else 60, pause)
            print(f"| {name} | {rate:,.0f} | {percentiles[50]:.1f} | **{percentiles[99]:.1f}** | "
                  f"{percentiles[99.99]:.1f} | "
                  f"{percentiles[100]:.1f} | {failed} |")
        print("| wanted | | | 16 | | | 0 |")
    shares = measure_metrics(benchmark, rounds)
    print(f"\nCounting for /metrics, with four prefixes and a scrape each second: {shares[0]:.3f}x of the requests "
          f"per second "
          f"without, {shares[1]:.3f}x per second of CPU (wanted: 0.98x).")

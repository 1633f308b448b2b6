#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""TLS beside redis-server in the same run: requests and handshakes a second, and per second of server CPU.

  bench/tls.py [--rounds 3] [--quick]

Medians of the rounds, both servers in turn, 50 clients of redis-benchmark. A handshake is one of TLS 1.3 with a key of
RSA of 2048 bits, without resumption, by one process with one connection at a time.
"""
import argparse
import os
import socket
import ssl
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "compat"))
from measure import cpu_seconds  # noqa: E402
from one_thread import start_ringkv  # noqa: E402
from servers import free_ports, start_redis  # noqa: E402
from tls_files import Certificates  # noqa: E402

LOADS = [(word, depth, size, requests) for size, requests in ((64, 400_000), (16_384, 60_000))
         for word in ("set", "get") for depth, requests in ((1, requests // 2), (16, requests))]


def load(certificates, server, word, depth, size, requests):
    before = cpu_seconds(server.process.pid)
    out = subprocess.run(["redis-benchmark", "-p", str(server.port), *certificates.tool_options(), "-q", "-c", "50",
                          "-r", "20000", "-n", str(requests), "-P", str(depth), "-d", str(size), "-t", word],
                         capture_output=True, text=True, check=True).stdout
    rate = float(out.replace("\r", "\n").rsplit(": ", 1)[1].split(" requests")[0])
    return rate, requests / (cpu_seconds(server.process.pid) - before)


def handshakes(certificates, server, count):
    context = ssl.create_default_context(cafile=certificates.path("ca.crt"))
    context.check_hostname = False
    before, began = cpu_seconds(server.process.pid), time.perf_counter()
    for _ in range(count):
        with socket.create_connection(("127.0.0.1", server.port)) as link, context.wrap_socket(link) as session:
            session.sendall(b"PING\r\n")
            assert session.recv(7) == b"+PONG\r\n"
    return count / (time.perf_counter() - began), count / (cpu_seconds(server.process.pid) - before)


def row(name, measure, servers, rounds):
    found = [[measure(server) for server in servers] for _ in range(rounds)]
    rates, per_cpu = ([statistics.median(each[server][kind] for each in found) for server in (0, 1)]
                      for kind in (0, 1))
    print(f"| {name} | {rates[0]:,.0f} | {rates[1]:,.0f} | **{rates[0] / rates[1]:.2f}x** | {per_cpu[0]:,.0f} | "
          f"{per_cpu[1]:,.0f} | **{per_cpu[0] / per_cpu[1]:.2f}x** |", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="a tenth of the requests")
    arguments = parser.parse_args()
    part = 10 if arguments.quick else 1
    with Certificates() as certificates:
        ports = free_ports(2)
        options = [[*certificates.server_options(port), "--tls-auth-clients", "optional"] for port in ports]
        with start_ringkv(*options[0]) as ours, start_redis(*options[1][2:]) as theirs:
            ours.port, theirs.port = ports
            print("| TLS | RingKV a second | Redis a second | ratio | "
                  "RingKV per CPU s | Redis per CPU s | ratio |")
            print("|---|---|---|---|---|---|---|")
            for word, depth, size, requests in LOADS:
                row(f"{word.upper()} {size} B P={depth}",
                    lambda server: load(certificates, server, word, depth, size, requests // part), (ours, theirs),
                    arguments.rounds)
            row("handshakes", lambda server: handshakes(certificates, server, 2000 // part), (ours, theirs),
                arguments.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())

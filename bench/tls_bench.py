# SPDX-License-Identifier: MIT
"""TLS beside redis-server: requests and handshakes a second, and per second of server CPU. A part of bench/compare.py.

Both servers in turn, 50 clients of redis-benchmark. What the server spends on their handshakes does not count for
requests: it is measured before each load, and is as much as some thousand of them. A handshake is one of TLS 1.3 with
a key of RSA of 2048 bits, without resumption, by one process with one connection at a time.
"""
import socket
import ssl
import statistics
import subprocess
import time

from measure import cpu_seconds
from one_thread import start_ringkv
from servers import free_ports, start_redis
from tls_files import Certificates

CLIENTS = 50
HANDSHAKES = 2000
# name, options of redis-benchmark, requests, wanted ratios (requests/s, per CPU second)
LOADS = [(f"{word.upper()} {name} P={depth}", ["-t", word, "-d", str(size), "-P", str(depth)], requests, wanted)
         for size, name, many, few in ((64, "64 B", 2_000_000, 200_000), (16_384, "16 KiB", 60_000, 30_000))
         for word in ("set", "get")
         for depth, requests, wanted in ((1, few, (1.0, 1.0)), (16, many, (1.0, 1.3)))]


def cpu_of(certificates, server, options, requests):
    """Requests a second, and the CPU time of the server."""
    before = cpu_seconds(server.process.pid)
    out = subprocess.run(["redis-benchmark", "-p", str(server.port), *certificates.tool_options(), "-q", "-c",
                          str(CLIENTS), "-r", "20000", "-n", str(requests), *options],
                         capture_output=True, text=True, check=True).stdout
    rate = float(out.replace("\r", "\n").rsplit(": ", 1)[1].split(" requests")[0])
    return rate, cpu_seconds(server.process.pid) - before


def load(certificates, server, options, requests):
    _, connecting = cpu_of(certificates, server, options, CLIENTS)
    rate, used = cpu_of(certificates, server, options, requests)
    return rate, requests / (used - connecting)


def handshakes(certificates, server, count):
    context = ssl.create_default_context(cafile=certificates.path("ca.crt"))
    context.check_hostname = False
    before, began = cpu_seconds(server.process.pid), time.perf_counter()
    for _ in range(count):
        with socket.create_connection(("127.0.0.1", server.port)) as link, context.wrap_socket(link) as session:
            session.sendall(b"PING\r\n")
            assert session.recv(7) == b"+PONG\r\n"
    return count / (time.perf_counter() - began), count / (cpu_seconds(server.process.pid) - before)


def row(name, measure, servers, rounds, wanted):
    found = [[measure(server) for server in servers] for _ in range(rounds)]
    rates, per_cpu = ([statistics.median(each[server][kind] for each in found) for server in (0, 1)]
                      for kind in (0, 1))
    print(f"| {name} | {rates[0]:,.0f} | {rates[1]:,.0f} | **{rates[0] / rates[1]:.2f}x** | {wanted[0]} | "
          f"{per_cpu[0]:,.0f} | {per_cpu[1]:,.0f} | **{per_cpu[0] / per_cpu[1]:.2f}x** | {wanted[1]} |", flush=True)


def report(rounds, quick):
    part = 4 if quick else 1
    with Certificates() as certificates:
        ports = free_ports(2)
        options = [[*certificates.server_options(port), "--tls-auth-clients", "optional"] for port in ports]
        with start_ringkv(*options[0]) as ours, start_redis(*options[1][2:]) as theirs:
            ours.port, theirs.port = ports
            print("\n| with TLS, 50 clients | RingKV a second | Redis a second | ratio | wanted | RingKV per CPU s | "
                  "Redis per CPU s | ratio | wanted |")
            print("|---|---|---|---|---|---|---|---|---|")
            for name, load_options, requests, wanted in LOADS:
                row(name, lambda server: load(certificates, server, load_options, requests // part), (ours, theirs),
                    rounds, wanted)
            row("handshakes", lambda server: handshakes(certificates, server, HANDSHAKES // part), (ours, theirs),
                rounds, (1.0, 1.0))

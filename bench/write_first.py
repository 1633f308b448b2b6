# SPDX-License-Identifier: MIT
"""Clients that send all of their requests before they read the first reply, and clients that never read."""
import socket
import statistics
import time

from one_thread import start_ringkv
from servers import start_redis

VALUE = b"v" * 200
GET = b"*2\r\n$3\r\nGET\r\n$3\r\nbig\r\n"
SET = b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$10\r\n0123456789\r\n"

# name, request, how many, bytes of each reply, socket buffers of the client (None: the system's)
LOADS = [
    ("300,000 GETs of 200 bytes", GET, 300_000, 208, None),
    ("300,000 GETs of 200 bytes, socket buffers of 64 KB", GET, 300_000, 208, 64 * 1024),
    ("2,000,000 SETs of 10 bytes", SET, 2_000_000, 5, None),
    ("2,000,000 SETs of 10 bytes, socket buffers of 64 KB", SET, 2_000_000, 5, 64 * 1024),
]


def connect(server, buffers=None):
    connection = socket.socket()
    if buffers:
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            connection.setsockopt(socket.SOL_SOCKET, option, buffers)
    connection.settimeout(60)
    connection.connect(("127.0.0.1", server.port))
    return connection


def receive(connection, count):
    room = bytearray(1 << 20)
    while count > 0:
        got = connection.recv_into(room, min(len(room), count))
        if got == 0:
            raise AssertionError(f"closed with {count} bytes missing")
        count -= got


def resident_peak(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))


def send_then_read(server, cpu_seconds, request, count, reply_bytes, buffers):
    """Requests per second, per second of server CPU, and the growth of the server's memory in MB."""
    with connect(server) as connection:
        connection.sendall(b"SET big " + VALUE + b"\r\n")
        receive(connection, 5)
    requests = request * count
    with open(f"/proc/{server.process.pid}/clear_refs", "w", encoding="ascii") as peak:
        peak.write("5")
    before = resident_peak(server.process.pid)
    used = cpu_seconds(server.process.pid)
    with connect(server, buffers) as connection:
        began = time.perf_counter()
        connection.sendall(requests)
        receive(connection, count * reply_bytes)
        took = time.perf_counter() - began
    used = max(cpu_seconds(server.process.pid) - used, 0.01)
    return count / took, count / used, (resident_peak(server.process.pid) - before) / 1e6


def never_read(server):
    """Five clients request 2 GB and read nothing: memory in MB, and the highest latency of another client in ms."""
    with connect(server) as setter:
        setter.sendall(b"SETRANGE big 1048575 x\r\n")
        receive(setter, len(b":1048576\r\n"))
    before = resident_peak(server.process.pid)
    deaf = [connect(server) for _ in range(5)]
    slowest = 0
    with connect(server) as healthy:
        for client in deaf:
            client.sendall(b"GET big\r\n" * 400)
        for _ in range(2000):
            began = time.perf_counter()
            healthy.sendall(b"PING\r\n")
            receive(healthy, 7)
            slowest = max(slowest, time.perf_counter() - began)
    grown = (resident_peak(server.process.pid) - before) / 1e6
    for client in deaf:
        client.close()
    return grown, slowest * 1000


def report(cpu_seconds, rounds, quick):
    print("\n| sent completely before anything is read | RingKV req/s | Redis req/s | ratio | wanted "
          "| per CPU s, ratio | memory MB, RingKV / Redis |")
    print("|---|---|---|---|---|---|---|")
    for name, request, count, reply_bytes, buffers in LOADS:
        results = {"redis": [], "ringkv": []}
        for _ in range(rounds):
            for who, start in (("redis", start_redis), ("ringkv", start_ringkv)):
                with start() as server:
                    results[who].append(send_then_read(server, cpu_seconds, request, count // (10 if quick else 1),
                                                       reply_bytes, buffers))
        a, b = ([statistics.median(column) for column in zip(*results[who])] for who in ("ringkv", "redis"))
        print(f"| {name} | {a[0]:,.0f} | {b[0]:,.0f} | **{a[0] / b[0]:.2f}x** | 1.0 | {a[1] / b[1]:.2f}x "
              f"| {a[2]:.0f} / {b[2]:.0f} |", flush=True)
    print("\n| 2000 GETs of 1 MB that five clients never read | memory MB (wanted: at most 100) "
          "| slowest answer to another client, ms (wanted: at most 50) |\n|---|---|---|")
    for who, start in (("RingKV", start_ringkv), ("Redis", start_redis)):
        with start() as server:
            grown, slowest = never_read(server)
            print(f"| {who} | {grown:.0f} | {slowest:.1f} |", flush=True)

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes beside clients that track keys, RingKV beside redis-server: writes per second of server CPU.

  bench/tracking.py [--clients 1000] [--keys 1000] [--rounds 3]

Rows: nobody tracks; each client has read keys of its own; all clients have read the same keys; all hear of a prefix."""
import argparse
import os
import random
import select
import socket
import statistics
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "compat"))
from measure import cpu_seconds  # noqa: E402
from one_thread import start_ringkv  # noqa: E402
from servers import eventually, start_redis  # noqa: E402

STARTS = {"ringkv": start_ringkv, "redis": start_redis}
BATCH = 16


def request(*words):
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def key_of(client, index):
    return b"client:%04d:%04d" % (client, index)


class Trackers:
    """Connections that read what they are sent, on a thread of their own."""

    def __init__(self, port, count, mode):
        self.sockets = []
        self.heard = 0
        self.is_over = False
        for _ in range(count):
            each = socket.create_connection(("127.0.0.1", port))
            each.sendall(request(b"HELLO", b"3") + request(b"CLIENT", b"TRACKING", b"ON", *mode))
            self.sockets.append(each)
        self.poll = select.epoll()
        self.by_number = {each.fileno(): each for each in self.sockets}
        for each in self.sockets:
            self.poll.register(each, select.EPOLLIN)
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.is_over:
            for number, _ in self.poll.poll(0.05):
                self.heard += self.by_number[number].recv(1 << 20).count(b"invalidate")

    def read(self, keys_of):
        for client, each in enumerate(self.sockets):
            each.sendall(request(b"MGET", *keys_of(client)))

    def end(self):
        self.is_over = True
        self.thread.join()
        for each in self.sockets:
            each.close()


def write(server, keys):
    """Writes each key once; returns the server's CPU seconds."""
    with socket.create_connection(("127.0.0.1", server.port)) as writer:
        before = cpu_seconds(server.process.pid)
        for start in range(0, len(keys), BATCH):
            batch = keys[start:start + BATCH]
            writer.sendall(b"".join(request(b"SET", key, b"value") for key in batch))
            wanted = 5 * len(batch)
            while wanted > 0:
                wanted -= len(writer.recv(65536))
        return lambda: cpu_seconds(server.process.pid) - before


def measure(start, row, clients, keys):
    own = row == "own keys"
    count = 0 if row == "nobody tracks" else clients
    mode = [b"BCAST", b"PREFIX", b"client:"] if row == "a prefix" else []
    keys_of = (lambda client: [key_of(client, i) for i in range(keys)]) if own else (
        lambda client: [key_of(0, i) for i in range(keys)])
    written = [key for client in range(clients) for key in keys_of(client)] if own else keys_of(0)
    if row == "nobody tracks":
        written = written * clients
    random.Random(1).shuffle(written)
    with start("--maxclients", str(clients + 100)) as server:
        asks = server.connect()
        trackers = Trackers(server.port, count, mode)
        try:
            expected = 0
            if count and not mode:
                trackers.read(keys_of)
                items = b"tracking_total_items:%d\r" % (clients * keys)
                eventually(lambda: items in asks.raw("INFO"), "all keys to be read")
                expected = clients * keys
            used = write(server, written)
            eventually(lambda: trackers.heard >= expected, "all to be told")
            return len(written) / used()
        finally:
            trackers.end()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--keys", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--row")
    options = parser.parse_args()
    print("| who tracks | RingKV writes per CPU s | Redis | ratio | asked |\n|---|---|---|---|---|")
    for row in ("nobody tracks", "own keys", "the same keys", "a prefix"):
        if options.row and row != options.row:
            continue
        results = {name: [] for name in STARTS}
        for _ in range(options.rounds):
            for name, start in STARTS.items():
                results[name].append(measure(start, row, options.clients, options.keys))
        ours, theirs = (statistics.median(results[name]) for name in ("ringkv", "redis"))
        print(f"| {row} | {ours:,.0f} | {theirs:,.0f} | **{ours / theirs:.2f}x** | 1.3 |", flush=True)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What one client's long command costs the others: for each command over a million elements, or 256 MB, the slowest GET
of another key by another client (worst and p99.9, in milliseconds), and the time of the command itself.

  bench/beside.py [--rounds 3] [--quick] [--only WORD] [--peer NAME=PORT=COMMAND ...]

RingKV has one I/O thread. A peer is any server of the Redis protocol: COMMAND is started, and must listen on PORT.
--quick: a tenth of the elements.
"""
import argparse
import multiprocessing
import os
import socket
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "compat"))
from one_thread import start_ringkv  # noqa: E402
from peer import Peer  # noqa: E402
from servers import start_redis  # noqa: E402

MARK = b"+the end of the reply\r\n"
GET = b"*2\r\n$3\r\nGET\r\n$5\r\nother\r\n"
# The data: name, command that adds elements, how to write element i.
COLLECTIONS = [
    ("set", b"SADD", lambda i: (b"member:%d" % i,)),
    ("set2", b"SADD", lambda i: (b"member:%d" % (i + i % 2 * 5_000_000),)),
    ("zset", b"ZADD", lambda i: (b"%d" % i, b"member:%d" % i)),
    ("zset2", b"ZADD", lambda i: (b"%d" % i, b"member:%d" % (i + i % 2 * 5_000_000))),
    ("hash", b"HSET", lambda i: (b"field:%d" % i, b"value:%d" % i)), ("list", b"RPUSH", lambda i: (b"element:%d" % i,)),
    ("numbers", b"RPUSH", lambda i: (b"%d" % (i * 7919 % 1_000_003),)),
]


class Connection:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.room = bytearray(1 << 20)

    def send(self, *commands):
        parts = []
        for words in commands:
            parts.append(b"*%d\r\n" % len(words))
            for word in words:
                word = word if isinstance(word, bytes) else str(word).encode()
                parts += [b"$%d\r\n" % len(word), word, b"\r\n"]
        self.socket.sendall(b"".join(parts))

    def skip_replies(self):
        """Until the answer to a mark that is sent behind the commands. Returns the last bytes before it."""
        self.send((b"ECHO", MARK[1:-2]))
        mark = b"$%d\r\n" % (len(MARK) - 3) + MARK[1:]
        tail = b""
        while not tail.endswith(mark):
            got = self.socket.recv_into(self.room)
            assert got, "the connection has ended"
            tail = (tail + self.room[max(0, got - 4096):got])[-4096:]
        return tail[:-len(mark)]

    def run(self, *words):
        self.send(words)
        return self.skip_replies()

    def dump(self, key):
        """The payload of DUMP."""
        self.send((b"DUMP", key))
        got = b""
        while b"\r\n" not in got:
            got += self.socket.recv(1 << 20)
        head, rest = got.split(b"\r\n", 1)
        size = int(head[1:])
        parts, have = [rest], len(rest)
        while have < size + 2:
            parts.append(self.socket.recv(1 << 20))
            have += len(parts[-1])
        return b"".join(parts)[:size]


def fill(port, elements, megabytes):
    connection = Connection(port)
    for name, command, element in COLLECTIONS:
        for first in range(0, elements, 1000):
            words = [word for i in range(first, first + 1000) for word in element(i)]
            connection.send((command, name, *words))
        connection.skip_replies()
    connection.run("SETRANGE", "zeros", megabytes * 1024 * 1024 - 1, b"\0")
    connection.run("BITOP", "NOT", "ones", "zeros")
    for first in range(0, elements, 1000):
        connection.send((b"MSET", *(word for i in range(first, first + 1000) for word in (b"key:%d" % i, b"v"))))
    connection.skip_replies()
    connection.run("SET", "other", "value")
    return connection


def measure_others(port, stop, results):
    """GETs of another client until it is told to stop: the durations, in milliseconds."""
    others = Connection(port)
    times = []
    clock, send, receive = time.perf_counter, others.socket.sendall, others.socket.recv
    results.put("ready")
    while not stop.is_set():
        start = clock()
        send(GET)
        receive(64)
        times.append((clock() - start) * 1e3)
    results.put(times)


def beside(server, command, prepare):
    """Runs the command beside GETs of another process: worst, p99.9 and the command's own time, in milliseconds."""
    connection = Connection(server.port)
    if callable(prepare):
        prepare(connection)
    else:
        for words in prepare:
            connection.run(*words)
    stop, results = multiprocessing.Event(), multiprocessing.Queue()
    other = multiprocessing.Process(target=measure_others, args=(server.port, stop, results))
    other.start()
    results.get()
    time.sleep(0.05)
    start = time.perf_counter()
    connection.send(command)
    tail = connection.skip_replies()
    own = (time.perf_counter() - start) * 1e3
    assert b"-ERR" not in tail[:5], tail[:200]
    stop.set()
    times = sorted(results.get())
    other.join()
    return times[-1], times[int(len(times) * 0.999)], own


def rows(elements, megabytes, payloads):
    half = elements // 2
    end = megabytes * 1024 * 1024
    restore = lambda kind: ((b"RESTORE", "restored", 0, payloads[kind]), [("DEL", "restored")])  # noqa: E731
    queued = elements // 10

    def queue(connection):
        connection.send(("MULTI",), *[("INCR", f"counter:{i % 8}") for i in range(queued)])
        left = len("+OK\r\n") + queued * len("+QUEUED\r\n")
        while left > 0:
            left -= connection.socket.recv_into(connection.room)

    yield "ZUNIONSTORE", (("ZUNIONSTORE", "target", 2, "zset", "zset2"), [("DEL", "target")])
    yield "SUNIONSTORE", (("SUNIONSTORE", "target", "set", "set2"), [("DEL", "target")])
    yield "SUNION", (("SUNION", "set", "set2"), [])
    yield "SINTER", (("SINTER", "set", "set2"), [])
    yield "SDIFFSTORE", (("SDIFFSTORE", "target", "set", "set2"), [("DEL", "target")])
    yield "SRANDMEMBER -n", (("SRANDMEMBER", "set", -elements), [])
    yield "SPOP of half", (("SPOP", "popped", half), [("DEL", "popped"), ("COPY", "set", "popped")])
    yield "SAVE", (("SAVE",), [])
    yield "RESTORE of a sorted set", restore("zset")
    yield "RESTORE of a set", restore("set")
    yield "COPY of a sorted set", (("COPY", "zset", "target"), [("DEL", "target")])
    yield "COPY of a set", (("COPY", "set", "target"), [("DEL", "target")])
    yield "DUMP of a sorted set", (("DUMP", "zset"), [])
    yield "SORT", (("SORT", "numbers"), [])
    yield "KEYS *", (("KEYS", "*"), [])
    yield "HGETALL", (("HGETALL", "hash"), [])
    yield "SMEMBERS", (("SMEMBERS", "set"), [])
    yield "LRANGE 0 -1", (("LRANGE", "list", 0, -1), [])
    yield "ZRANGE 0 -1", (("ZRANGE", "zset", 0, -1), [])
    yield "ZRANGE 0 -1 WITHSCORES", (("ZRANGE", "zset", 0, -1, "WITHSCORES"), [])
    yield "BITPOS", (("BITPOS", "ones", 0, 0, end - 2), [])
    yield "BITOP", (("BITOP", "XOR", "target", "zeros", "ones"), [("DEL", "target")])
    yield "BITCOUNT", (("BITCOUNT", "ones"), [])
    yield "COPY of a string", (("COPY", "ones", "target"), [("DEL", "target")])
    yield "SETRANGE that grows", (("SETRANGE", "target", end - 1, "x"), [("DEL", "target")])
    yield "GET of a string", (("GET", "ones"), [])
    yield "LREM of none", (("LREM", "list", 0, "nothing"), [])
    yield "LINSERT in the middle", (("LINSERT", "list", "BEFORE", f"element:{half}", "x"), [])
    yield f"EXEC of {queued:,}", (("EXEC",), queue)
    yield "DEL of a sorted set", (("DEL", "target"), [("COPY", "zset", "target")])
    yield "FLUSHALL", (("FLUSHALL",), [])


def run(servers, arguments):
    elements = 100_000 if arguments.quick else 1_000_000
    megabytes = 32 if arguments.quick else 256
    results = {}
    for _ in range(arguments.rounds):
        for name, start in servers:  # one after the other: the machine is one's own
            with start() as server:
                connection = fill(server.port, elements, megabytes)
                payloads = {key: connection.dump(key) for key in ("set", "zset")}
                for row, (command, prepare) in rows(elements, megabytes, payloads):
                    if arguments.only and not row.startswith(arguments.only):
                        continue
                    got = beside(server, command, prepare)
                    results.setdefault(row, {}).setdefault(name, []).append(got)
                    print(f"{name:10} {row:26} worst {got[0]:9.2f}  p99.9 {got[1]:9.2f}  itself {got[2]:9.1f}",
                          file=sys.stderr, flush=True)
    return results


def show(results, names):
    print("| GET of another client, ms | " + " | ".join(f"{name}: worst | p99.9 | the command" for name in names) +
          " | command's time, ratio |")
    print("|---" * (3 * len(names) + 2) + "|")
    for row, by_name in results.items():
        columns = [[statistics.median(column) for column in zip(*by_name[name])] for name in names]
        cells = [f"{worst:.1f} | {most:.1f} | {own:.0f}" for worst, most, own in columns]
        ratio = columns[0][2] / columns[1][2] if len(columns) > 1 else 1
        print(f"| {row} | " + " | ".join(cells) + f" | **{ratio:.2f}x** |", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", help="rows that begin so")
    parser.add_argument("--peer", action="append", type=Peer, default=[], metavar="NAME=PORT=COMMAND")
    arguments = parser.parse_args()
    servers = [("RingKV", lambda: start_ringkv("--io-threads", "1")), ("Redis", start_redis),
               *[(peer.name, peer.start) for peer in arguments.peer]]
    show(run(servers, arguments), [name for name, _ in servers])


if __name__ == "__main__":
    main()

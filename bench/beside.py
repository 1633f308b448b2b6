#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What one client's long command costs the others: for each command over a million elements, or 256 MB, the slowest GET
of another key by another client (worst and p99.9, in milliseconds), and the time of the command itself.

  bench/beside.py [--rounds 3] [--quick] [--only WORD] [--peer NAME=PORT=COMMAND ...]

RingKV has one I/O thread, which serves its HTTP clients too. A peer is any server of the Redis protocol: COMMAND is
started, and must listen on PORT. --quick: a tenth of the elements.

The output is the table of docs/measured.md, between "beside begin" and "beside end"; --write puts it there.
"""
import argparse
import json
import multiprocessing
import os
import platform
import re
import socket
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "compat"))
from one_thread import start_ringkv  # noqa: E402
from peer import Peer  # noqa: E402
from servers import free_ports, start_redis  # noqa: E402

MEASURED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "docs", "measured.md")

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


class Http:
    """A request over HTTP, in the place of a command."""

    def __init__(self, method, target, body=b""):
        head = f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        self.bytes = (head + f"Content-Length: {len(body)}\r\n\r\n").encode() + body

    def run(self, port):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(self.bytes)
            got = b""
            while b"\r\n\r\n" not in got:
                got += connection.recv(1 << 16)
            head, rest = got.split(b"\r\n\r\n", 1)
            assert head.startswith(b"HTTP/1.1 2"), head[:200]
            length = re.search(rb"(?i)content-length: (\d+)", head)
            left = (int(length.group(1)) if length else 0) - len(rest)
            room = bytearray(1 << 20)
            while left > 0:
                left -= connection.recv_into(room)


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
    if isinstance(command, Http):
        command.run(server.http_port)
    else:
        connection.send(command)
        tail = connection.skip_replies()
        assert b"-ERR" not in tail[:5], tail[:200]
    own = (time.perf_counter() - start) * 1e3
    stop.set()
    times = sorted(results.get())
    other.join()
    return times[-1], times[int(len(times) * 0.999)], own


def rows(elements, megabytes, payloads):
    half = elements // 2
    end = megabytes * 1024 * 1024
    restore = lambda kind: ((b"RESTORE", "restored", 0, payloads[kind]), [("DEL", "restored")])  # noqa: E731
    queued = elements // 10
    # Below the limits for pub/sub clients and for bodies of requests.
    text = b"x" * (megabytes * 1024 * 1024 // 16)

    def queue(*commands):
        def send(connection):
            connection.run("DEL", "target")
            connection.send(("MULTI",), *commands)
            left = len("+OK\r\n") + len(commands) * len("+QUEUED\r\n")
            while left > 0:
                left -= connection.socket.recv_into(connection.room)
        return send

    def subscribe(connection):
        connection.listener = Connection(connection.socket.getpeername()[1])
        connection.listener.send(("SUBSCRIBE", "channel"))
        connection.listener.socket.recv(1024)

    union = ("SUNIONSTORE", "target", "set", "set2")
    calls_union = ("EVAL", "return redis.call('SUNIONSTORE', unpack(KEYS))", 3, *union[1:])

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
    yield f"EXEC of {queued:,}", (("EXEC",), queue(*[("INCR", f"counter:{i % 8}") for i in range(queued)]))
    yield "SUNIONSTORE in EXEC", (("EXEC",), queue(("INCR", "counter"), union, ("INCR", "counter")))
    yield "SMEMBERS in EXEC", (("EXEC",), queue(("SMEMBERS", "set"), ("INCR", "counter")))
    yield "SUNIONSTORE in a script", (calls_union, [("DEL", "target")])
    yield "SUNIONSTORE in a script in EXEC", (("EXEC",), queue(calls_union))
    yield f"EVAL with {len(text) >> 20} MB", (("EVAL", "return #ARGV[1]", 0, text), [])
    yield f"EVAL of {len(text) >> 20} MB", (("EVAL", b"return 1 --" + text, 0), [("SCRIPT", "FLUSH")])
    yield f"SCRIPT LOAD of {len(text) >> 20} MB", (("SCRIPT", "LOAD", b"return 1 --" + text), [("SCRIPT", "FLUSH")])
    yield f"PUBLISH of {len(text) >> 20} MB to nobody", (("PUBLISH", "channel", text), [])
    yield f"PUBLISH of {len(text) >> 20} MB", (("PUBLISH", "channel", text), subscribe)
    yield f"SPUBLISH of {len(text) >> 20} MB to nobody", (("SPUBLISH", "channel", text), [])
    yield "DEL of a sorted set", (("DEL", "target"), [("COPY", "zset", "target")])
    pairs = {f"key:{i}": "value" for i in range(10_000)}
    yield "HTTP GET of a string", (Http("GET", "/keys/ones"), [])
    yield f"HTTP PUT of {3 * len(text) >> 20} MB", (Http("PUT", "/keys/target", 3 * text), [("DEL", "target")])
    yield "HTTP /mset of 10,000", (Http("POST", "/mset", json.dumps(pairs).encode()), [])
    yield "HTTP /mget of 10,000", (Http("POST", "/mget", json.dumps(list(pairs)).encode()), [])
    yield "HTTP /search with values", (Http("GET", "/search?prefix=key:&limit=1000&values=1"), [])
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
                    if isinstance(command, Http) and getattr(server, "http_port", None) is None:
                        continue
                    got = beside(server, command, prepare)
                    results.setdefault(row, {}).setdefault(name, []).append(got)
                    print(f"{name:10} {row:26} worst {got[0]:9.2f}  p99.9 {got[1]:9.2f}  itself {got[2]:9.1f}",
                          file=sys.stderr, flush=True)
    return results


def table(results, names, arguments):
    """Medians of the rounds, in Markdown."""
    size = "100,000 elements, or 32 MB" if arguments.quick else "a million elements, or 256 MB"
    lines = [f"Linux {platform.release()}, {os.cpu_count()} cores shared with the clients; {size}; one I/O thread; "
             f"medians of {arguments.rounds} rounds, milliseconds.", "",
             "| | " + " | ".join(f"{name}: worst GET | p99.9 | the command" for name in names) + " | command, ratio |",
             "|---" * (3 * len(names) + 2) + "|"]
    for row, by_name in results.items():
        medians = {name: [statistics.median(column) for column in zip(*got)] for name, got in by_name.items()}
        cells = [f"{medians[name][0]:.1f} | {medians[name][1]:.1f} | {medians[name][2]:.0f}" if name in medians
                 else "- | - | -" for name in names]
        own = [medians[name][2] for name in names[:2] if name in medians]
        ratio = f"**{own[0] / own[1]:.2f}x**" if len(own) == 2 else "-"
        lines.append(f"| {row} | " + " | ".join(cells) + f" | {ratio} |")
    return "\n".join(lines)


def write(text):
    with open(MEASURED, encoding="utf-8") as file:
        before, rest = file.read().split("<!-- beside begin -->\n")
    after = rest.split("<!-- beside end -->")[1]
    with open(MEASURED, "w", encoding="utf-8") as file:
        file.write(f"{before}<!-- beside begin -->\n{text}\n<!-- beside end -->{after}")


def start_with_http():
    port = free_ports(1)[0]
    server = start_ringkv("--http-port", str(port))
    server.http_port = port
    return server


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", help="rows that begin so")
    parser.add_argument("--peer", action="append", type=Peer, default=[], metavar="NAME=PORT=COMMAND")
    parser.add_argument("--write", action="store_true", help="the table to docs/measured.md")
    arguments = parser.parse_args()
    servers = [("RingKV", start_with_http), ("Redis", start_redis),
               *[(peer.name, peer.start) for peer in arguments.peer]]
    text = table(run(servers, arguments), [name for name, _ in servers], arguments)
    print(text)
    if arguments.write:
        write(text)


if __name__ == "__main__":
    main()

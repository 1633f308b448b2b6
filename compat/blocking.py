#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Blocking commands against redis-server: the same steps, and the same replies, byte for byte.

A scenario is steps on named connections: "send" sends and does not wait for the reply, "read" reads the next one,
"call" does both, "blocked" waits until so many clients are blocked.
"""
import argparse
import re
import sys
import threading
import time

import modes
from resp import Client
from servers import eventually, start_ringkv

send, read, call, blocked, gone = "send", "read", "call", "blocked", "gone"

SCENARIOS = {
    "what is there is taken at once": [
        (call, "a", "RPUSH", "l", "1", "2", "3"), (call, "a", "BLPOP", "nosuch", "l", "0"),
        (call, "a", "BRPOP", "l", "nosuch", "0"), (call, "a", "BLMOVE", "l", "m", "LEFT", "RIGHT", "0"),
        (call, "a", "BRPOPLPUSH", "m", "m", "0"), (call, "a", "BLMPOP", "0", "2", "l", "m", "LEFT", "COUNT", "5"),
        (call, "a", "ZADD", "z", "1", "a", "2", "b", "3", "c", "4", "d"), (call, "a", "BZPOPMIN", "nosuch", "z", "0"),
        (call, "a", "BZPOPMAX", "z", "0"), (call, "a", "BZMPOP", "0", "1", "z", "MIN", "COUNT", "5"),
        (call, "a", "EXISTS", "l", "m", "z")],
    "a push wakes who waits": [
        (send, "a", "BLPOP", "k", "l", "0"), (blocked, 1), (call, "b", "RPUSH", "l", "x", "y"), (read, "a"),
        (call, "b", "LRANGE", "l", "0", "-1"), (send, "a", "BRPOP", "k", "0"), (blocked, 1),
        (call, "b", "LPUSH", "k", "1", "2", "3"), (read, "a"), (call, "b", "LRANGE", "k", "0", "-1")],
    "who has pushed finds it taken": [
        (send, "a", "BLPOP", "k", "0"), (blocked, 1), (call, "b", "RPUSH", "k", "x"), (call, "b", "EXISTS", "k"),
        (read, "a"), (send, "a", "BLMOVE", "k", "d", "LEFT", "LEFT", "0"), (blocked, 1), (call, "b", "RPUSH", "k", "x"),
        (call, "b", "LRANGE", "d", "0", "-1"), (read, "a")],
    "in the order of waiting": [
        (send, "a", "BLPOP", "k", "0"), (blocked, 1), (send, "b", "BRPOP", "k", "0"), (blocked, 2),
        (send, "c", "BLMPOP", "0", "1", "k", "LEFT", "COUNT", "2"), (blocked, 3), (call, "d", "RPUSH", "k", "1"),
        (read, "a"), (blocked, 2), (call, "d", "RPUSH", "k", "2", "3", "4", "5"), (read, "b"), (read, "c"),
        (call, "d", "LRANGE", "k", "0", "-1")],
    "each type has its own": [
        (send, "a", "BLPOP", "k", "0"), (blocked, 1), (send, "b", "BZPOPMIN", "k", "0"), (blocked, 2),
        (call, "c", "ZADD", "k", "1", "m"), (read, "b"), (call, "c", "SADD", "k", "x"), (call, "c", "DEL", "k"),
        (blocked, 1), (call, "c", "RPUSH", "k", "x"), (read, "a")],
    "sorted sets": [
        (send, "a", "BZPOPMAX", "z", "0"), (blocked, 1), (call, "b", "ZADD", "z", "1", "a", "2", "b"), (read, "a"),
        (call, "b", "DEL", "z"), (send, "a", "BZMPOP", "0", "2", "y", "z", "MIN", "COUNT", "3"), (blocked, 1),
        (call, "b", "ZINCRBY", "z", "5", "m"), (read, "a"), (send, "a", "BZPOPMIN", "z", "0"), (blocked, 1),
        (call, "b", "SADD", "s", "m"), (call, "b", "ZUNIONSTORE", "z", "1", "s"), (read, "a"),
        (send, "a", "BZPOPMIN", "z", "0"), (blocked, 1), (call, "b", "ZRANGESTORE", "z", "nosuch", "0", "-1"),
        (call, "b", "ZADD", "z", "3", "x"), (read, "a")],
    "any command that makes the key ready": [
        (send, "a", "BLPOP", "k", "0"), (blocked, 1), (call, "b", "RPUSH", "other", "renamed"),
        (call, "b", "RENAME", "other", "k"), (read, "a"), (send, "a", "BLPOP", "k", "0"), (blocked, 1),
        (call, "b", "RPUSH", "other", "copied"), (call, "b", "COPY", "other", "k"), (read, "a"),
        (send, "a", "BLPOP", "k", "0"), (blocked, 1), (call, "b", "RPOPLPUSH", "other", "k"), (read, "a")],
    "what comes from another database": [
        (call, "b", "SELECT", "1"), (call, "b", "RPUSH", "k", "moved"), (send, "a", "BLPOP", "k", "0"), (blocked, 1),
        (call, "b", "MOVE", "k", "0"), (read, "a"), (call, "b", "RPUSH", "k", "swapped"),
        (send, "a", "BLPOP", "k", "0"), (blocked, 1), (call, "b", "SWAPDB", "0", "1"), (read, "a")],
    "a chain of moves": [
        (send, "a", "BLMOVE", "k1", "k2", "LEFT", "RIGHT", "0"), (blocked, 1),
        (send, "b", "BLMOVE", "k2", "k3", "LEFT", "RIGHT", "0"), (blocked, 2), (send, "c", "BLPOP", "k3", "0"),
        (blocked, 3), (call, "d", "RPUSH", "k1", "x"), (read, "a"), (read, "b"), (read, "c"),
        (call, "d", "EXISTS", "k1", "k2", "k3")],
    "MULTI is one step": [
        (send, "a", "BLPOP", "k", "0"), (blocked, 1), (call, "b", "MULTI"), (call, "b", "RPUSH", "k", "1"),
        (call, "b", "RPUSH", "k", "2"), (call, "b", "LPUSH", "k", "0"), (call, "b", "EXEC"), (read, "a"),
        (call, "b", "LRANGE", "k", "0", "-1"), (call, "b", "DEL", "k"), (send, "a", "BLPOP", "k", "0"), (blocked, 1),
        (call, "b", "MULTI"), (call, "b", "RPUSH", "k", "1"), (call, "b", "DEL", "k"), (call, "b", "EXEC"),
        (call, "b", "RPUSH", "k", "second"), (read, "a")],
    "in MULTI nobody waits": [
        (call, "a", "MULTI"), (call, "a", "BLPOP", "k", "0"), (call, "a", "BLMOVE", "k", "l", "LEFT", "LEFT", "0"),
        (call, "a", "BRPOPLPUSH", "k", "l", "0"), (call, "a", "BLMPOP", "0", "1", "k", "LEFT"),
        (call, "a", "BZPOPMIN", "k", "0"), (call, "a", "BZMPOP", "0", "1", "k", "MAX"), (call, "a", "EXEC"),
        (call, "a", "PING")],
    "time-outs": [
        (call, "a", "BLPOP", "k", "0.01"), (call, "a", "BRPOP", "k", "k", "0.02"),
        (call, "a", "BLMOVE", "k", "l", "LEFT", "LEFT", "0.01"), (call, "a", "BRPOPLPUSH", "k", "l", "0.01"),
        (call, "a", "BLMPOP", "0.01", "1", "k", "LEFT"), (call, "a", "BZPOPMIN", "k", "0.01"),
        (call, "a", "BZMPOP", "0.01", "1", "k", "MAX"), (call, "a", "BLPOP", "k", "0.0001"),
        (call, "a", "BLPOP", "k", "-1"), (call, "a", "BLPOP", "k", "x"), (call, "a", "BLPOP", "k", "nan"),
        (call, "a", "BLMPOP", "-1", "1", "k", "LEFT"), (call, "a", "BLMPOP", "x", "0", "k", "LEFT"),
        (call, "a", "BZMPOP", "0", "0", "k", "MIN"), (call, "a", "BZMPOP", "0", "1", "k", "UP"),
        (call, "a", "BLMPOP", "0", "1", "k", "LEFT", "COUNT", "0"), (call, "a", "BLMPOP", "0", "5", "k", "LEFT"),
        (call, "a", "BLMOVE", "k", "l", "UP", "LEFT", "0"), (call, "a", "BLMOVE", "k", "l", "LEFT", "LEFT", "x"),
        (call, "a", "BLPOP", "k")],
    "of another type": [
        (call, "a", "SET", "t", "text"), (call, "a", "BLPOP", "t", "0"), (call, "a", "BLPOP", "k", "t", "0"),
        (call, "a", "BZPOPMIN", "t", "0"), (call, "a", "BLMOVE", "t", "l", "LEFT", "LEFT", "0"),
        (call, "a", "BLMPOP", "0", "1", "t", "LEFT"), (call, "a", "BZMPOP", "0", "2", "k", "t", "MIN"),
        (send, "b", "BLMOVE", "k", "t", "LEFT", "LEFT", "0"), (blocked, 1), (call, "a", "RPUSH", "k", "x"), (read, "b"),
        (call, "a", "LRANGE", "k", "0", "-1"), (send, "b", "BLPOP", "n", "0"), (blocked, 1),
        (call, "a", "SET", "n", "text"), (call, "a", "DEL", "n"), (blocked, 1), (call, "a", "RPUSH", "n", "x"),
        (read, "b")],
    "what is sent meanwhile waits": [
        (send, "a", "BLPOP", "k", "0"), (blocked, 1), (send, "a", "SET", "after", "1"), (send, "a", "BLPOP", "k", "0"),
        (call, "b", "GET", "after"), (call, "b", "RPUSH", "k", "x"), (read, "a"), (read, "a"), (blocked, 1),
        (call, "b", "RPUSH", "k", "y"), (read, "a"), (call, "b", "GET", "after")],
    "the same key twice, and keys of one push": [
        (send, "a", "BLPOP", "k", "k", "0"), (blocked, 1), (call, "b", "RPUSH", "k", "x"), (read, "a"),
        (call, "b", "RPUSH", "k", "y"), (call, "b", "LLEN", "k")],
    "a score": [
        (send, "a", "BZPOPMIN", "z", "0"), (blocked, 1), (call, "b", "ZADD", "z", "1.5", "m"), (read, "a")],
    "who goes leaves nothing behind": [
        (send, "a", "BLPOP", "k", "0"), (blocked, 1), (send, "b", "BLPOP", "k", "0"), (blocked, 2), (gone, "a"),
        (blocked, 1), (call, "c", "RPUSH", "k", "x"), (read, "b"), (call, "c", "LLEN", "k")],
    "new entries of a stream": [
        (send, "a", "XREAD", "BLOCK", "0", "STREAMS", "x", "$"), (blocked, 1),
        (send, "b", "XREAD", "COUNT", "1", "BLOCK", "0", "STREAMS", "y", "x", "$", "$"), (blocked, 2),
        (call, "c", "XADD", "x", "1-1", "f", "v"), (read, "a"), (read, "b"),
        (send, "a", "XREAD", "BLOCK", "0", "STREAMS", "x", "2-0"), (blocked, 1),
        (call, "c", "XADD", "x", "2-0", "f", "v"), (blocked, 1), (call, "c", "XADD", "x", "2-1", "f", "v", "g", "w"),
        (read, "a"), (call, "a", "XREAD", "BLOCK", "0", "STREAMS", "x", "1-1"),
        (call, "a", "XREAD", "BLOCK", "10", "STREAMS", "x", "$"), (call, "a", "XREAD", "BLOCK", "-1", "STREAMS", "x",
                                                                   "$"), (call, "a", "XREAD", "BLOCK", "x", "STREAMS",
                                                                          "x", "$"),
        (call, "a", "XREAD", "BLOCK", "1.5", "STREAMS", "x", "$")],
    "a stream in MULTI": [
        (send, "a", "XREAD", "BLOCK", "0", "STREAMS", "x", "y", "$", "$"), (blocked, 1), (call, "b", "MULTI"),
        (call, "b", "XADD", "x", "1-1", "a", "1"), (call, "b", "XADD", "y", "1-1", "a", "1"),
        (call, "b", "XADD", "x", "1-2", "a", "2"), (call, "b", "EXEC"), (read, "a"), (call, "a", "MULTI"),
        (call, "a", "XREAD", "BLOCK", "0", "STREAMS", "x", "$"), (call, "a", "EXEC")],
    "a stream comes by other ways": [
        (call, "b", "XADD", "s", "1-1", "a", "1"), (send, "a", "XREAD", "BLOCK", "0", "STREAMS", "k", "$"),
        (blocked, 1), (call, "b", "RENAME", "s", "k"), (read, "a"), (call, "b", "DEL", "k"),
        (send, "a", "XREAD", "BLOCK", "0", "STREAMS", "k", "0"), (blocked, 1), (call, "b", "SET", "k", "v"),
        (call, "b", "DEL", "k"), (blocked, 1), (call, "b", "XADD", "k", "5-5", "a", "1"), (read, "a")],
    "a group shares what comes": [
        (call, "a", "XGROUP", "CREATE", "x", "g", "$", "MKSTREAM"), (call, "a", "XGROUP", "CREATE", "x", "h", "$"),
        (send, "a", "XREADGROUP", "GROUP", "g", "c1", "BLOCK", "0", "STREAMS", "x", ">"), (blocked, 1),
        (send, "b", "XREADGROUP", "GROUP", "g", "c2", "BLOCK", "0", "STREAMS", "x", ">"), (blocked, 2),
        (send, "c", "XREADGROUP", "GROUP", "h", "c3", "BLOCK", "0", "NOACK", "STREAMS", "x", ">"), (blocked, 3),
        (call, "d", "XADD", "x", "1-1", "f", "v"), (read, "a"), (read, "c"), (blocked, 1),
        (call, "d", "XADD", "x", "1-2", "f", "v"), (read, "b"), (call, "d", "XPENDING", "x", "g"),
        (call, "d", "XPENDING", "x", "h"), (call, "a", "XREADGROUP", "GROUP", "g", "c1", "BLOCK", "0", "STREAMS", "x",
                                            "0"),
        (call, "a", "XREADGROUP", "GROUP", "g", "c1", "BLOCK", "10", "STREAMS", "x", ">"),
        (call, "d", "XINFO", "GROUPS", "x")],
    "a group is told to begin elsewhere": [
        (call, "a", "XADD", "x", "1-1", "f", "v"), (call, "a", "XADD", "x", "1-2", "f", "v"),
        (call, "a", "XGROUP", "CREATE", "x", "g", "$"), (send, "a", "XREADGROUP", "GROUP", "g", "c", "BLOCK", "0",
                                                         "STREAMS", "x", ">"), (blocked, 1),
                                                         (call, "b", "XGROUP", "SETID", "x", "g", "0"), (blocked, 1),
        (call, "b", "XGROUP", "CREATECONSUMER", "x", "g", "d"), (call, "b", "XSETID", "x", "1-3"),
        (call, "b", "XDEL", "x", "1-1"), (call, "b", "XINFO", "GROUPS", "x"), (call, "b", "XADD", "x", "2-1", "f", "w"),
        (read, "a"), (call, "b", "XPENDING", "x", "g"), (call, "b", "XGROUP", "SETID", "x", "g", "0"),
        (call, "b", "XADD", "x", "3-1", "f", "w"), (send, "a", "XREAD", "BLOCK", "0", "STREAMS", "x", "$"),
        (blocked, 1), (call, "b", "XTRIM", "x", "MAXLEN", "1"), (call, "b", "XGROUP", "SETID", "x", "g", "$"),
        (blocked, 1), (call, "b", "XADD", "x", "4-1", "f", "v"), (read, "a")],
    "a group goes": [
        (call, "a", "XGROUP", "CREATE", "x", "g", "$", "MKSTREAM"),
        (send, "a", "XREADGROUP", "GROUP", "g", "c", "BLOCK", "0", "STREAMS", "x", ">"), (blocked, 1),
        (call, "b", "XGROUP", "DESTROY", "x", "g"), (read, "a"), (call, "a", "XGROUP", "CREATE", "x", "g", "$"),
        (send, "a", "XREADGROUP", "GROUP", "g", "c", "BLOCK", "0", "STREAMS", "x", ">"), (blocked, 1),
        (call, "b", "DEL", "x"), (read, "a")],
    "expiry": [
        (call, "a", "RPUSH", "k", "x"), (call, "a", "PEXPIRE", "k", "1"), (call, "a", "BLPOP", "nosuch", "0.01"),
        (send, "a", "BLPOP", "k", "0"), (blocked, 1), (call, "b", "RPUSH", "k", "y"), (read, "a")],
}


def blocked_clients(control):
    return int(re.search(rb"blocked_clients:(\d+)", control.raw("INFO", "clients")).group(1))


def play(server, steps, protocol):
    """`server`: a side of a mode."""
    control = server.connect()
    control.raw("FLUSHALL")
    clients, replies = {}, []
    for step in steps:
        what, rest = step[0], step[1:]
        if what == blocked:
            eventually(lambda: server.blocked_clients() == rest[0], f"{rest[0]} blocked clients")
            continue
        name = rest[0]
        if name not in clients:
            clients[name] = server.connect()
            clients[name].raw("HELLO", protocol)
        if what == gone:
            clients.pop(name).close()
        if what in (send, call):
            clients[name].send(*rest[1:])
        if what in (read, call):
            replies.append((step, clients[name].read_raw()))
    for client in clients.values():
        client.close()
    control.close()
    # One that is still blocked when the next scenario begins would take what that pushes.
    eventually(lambda: server.blocked_clients() == 0, "the end of all clients")
    return replies


def scenarios(ours, theirs, left_out):
    for name, steps in SCENARIOS.items():
        if name in left_out:
            continue
        for protocol in ("2", "3"):
            mine, redis = play(ours, steps, protocol), play(theirs, steps, protocol)
            for (step, a), (_, b) in zip(mine, redis):
                assert a == b, f"{name}, RESP{protocol}, {step}: ringkv {a!r}, redis {b!r}"


def unblock(server):
    control, waiter = server.connect(), server.connect()
    number = waiter.raw("CLIENT", "ID")[1:-2]
    replies = [control.raw("CLIENT", "UNBLOCK", number)]
    for reason in ([], ["TIMEOUT"], ["ERROR"]):
        for command in (["BLPOP", "k", "0"], ["BLMOVE", "k", "l", "LEFT", "LEFT", "100"],
                        ["BZMPOP", "0", "1", "k", "MIN"]):
            waiter.send(*command)
            eventually(lambda: blocked_clients(control) == 1, "a blocked client")
            replies.append(control.raw("CLIENT", "UNBLOCK", number, *reason))
            replies.append(waiter.read_raw())
    assert b" flags=b " in (waiter.send("BLPOP", "k", "0") or eventually(lambda: blocked_clients(control) == 1,
                                                                         "blocked")
                            or control.raw("CLIENT", "LIST"))
    assert control.raw("CLIENT", "KILL", "ID", number) == b":1\r\n"
    eventually(lambda: blocked_clients(control) == 0, "nobody is blocked")
    return replies


def many_waiters_on_one_key():
    """10,000 blocked clients are served in order; when all disconnect, no state is left."""
    count = 10_000
    with start_ringkv("--io-threads", "2", "--maxclients", "20000") as ours:
        control = ours.connect()
        waiters = []
        for number in range(count):
            client = Client(ours.port)
            client.send("BLPOP", "k", "0")
            waiters.append(client)
            if number % 500 == 499:  # the order of arrival is that of waiting only within a connection's thread
                eventually(lambda: blocked_clients(control) == number + 1, "all are blocked")
        start = time.monotonic()
        control.raw("RPUSH", "k", *range(count // 2))
        got = sorted(int(client.read_raw().split(b"\r\n")[4]) for client in waiters[:count // 2])
        assert got == list(range(count // 2)), "each waiter of the first half has got one"
        assert time.monotonic() - start < 20
        assert blocked_clients(control) == count // 2
        for client in waiters:
            client.close()
        eventually(lambda: blocked_clients(control) == 0, "all have gone")
        control.raw("RPUSH", "k", "x")
        assert control.raw("LLEN", "k") == b":1\r\n"


def pushers_and_waiters(threads):
    """Each pushed element is popped exactly once, with blocked clients and timeouts."""
    with start_ringkv("--io-threads", threads) as ours:
        total, taken, lock = 4000, [], threading.Lock()
        stop = threading.Event()

        def wait():
            client = Client(ours.port)
            while not stop.is_set():
                reply = client.raw("BLPOP", "a", "b", "0.005")
                if reply != b"*-1\r\n":
                    with lock:
                        taken.append(reply.split(b"\r\n")[4])

        def push(key, first):
            client = Client(ours.port)
            for number in range(first, first + total // 2):
                client.raw("RPUSH", key, number)

        waiters = [threading.Thread(target=wait) for _ in range(6)]
        pushers = [threading.Thread(target=push, args=(key, first)) for key, first in (("a", 0), ("b", total // 2))]
        for thread in waiters + pushers:
            thread.start()
        for thread in pushers:
            thread.join()
        eventually(lambda: len(taken) == total, "all is taken")
        stop.set()
        for thread in waiters:
            thread.join()
        assert sorted(map(int, taken)) == list(range(total))


def after_a_crash():
    """Pops of blocked clients are in the log."""
    with start_ringkv("--appendonly", "yes", "--appendfsync", "always") as ours:
        a, b = ours.connect(), ours.connect()
        a.send("BLPOP", "k", "0")
        eventually(lambda: blocked_clients(b) == 1, "a blocked client")
        b.raw("RPUSH", "k", "1", "2")
        assert a.read_raw().endswith(b"\r\n1\r\n")
        ours.process.kill()
        ours.process.wait()
        with start_ringkv("--appendonly", "yes", "--dir", ours.dir) as again:
            assert again.connect().raw("LRANGE", "k", "0", "-1") == b"*1\r\n$1\r\n2\r\n"


def role_changes():
    with start_ringkv() as ours, start_ringkv() as primary:
        a, b = ours.connect(), ours.connect()
        a.send("BLPOP", "k", "0")
        eventually(lambda: blocked_clients(b) == 1, "a blocked client")
        b.raw("REPLICAOF", "127.0.0.1", primary.port)
        assert a.read_raw().startswith(b"-UNBLOCKED ")


def main():
    parser = argparse.ArgumentParser()
    modes.add_argument(parser)
    mode = parser.parse_args().mode
    with modes.open_mode(mode) as pair:
        left_out = {"what comes from another database"} if mode in modes.IN_CLUSTER else set()  # which has one
        scenarios(pair.ours, pair.theirs, left_out)
        assert unblock(pair.ours) == unblock(pair.theirs)
        pair.settle()
    if mode == "alone":
        for threads in ("1", "2"):
            pushers_and_waiters(threads)
        many_waiters_on_one_key()
        after_a_crash()
        role_changes()
    print(f"{len(SCENARIOS)} scenarios are equal in both protocols, mode {mode}")


if __name__ == "__main__":
    sys.exit(main())

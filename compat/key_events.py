#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""notify-keyspace-events beside redis-server: after each of many random commands subscribers of both have heard the same.

  compat/key_events.py [--seed N] [--commands N]
"""
import argparse
import sys

import differential
from servers import eventually, start_redis, start_ringkv

END = b"__keyend"
SKIPPED = {"MULTI", "EXEC", "DISCARD", "WATCH", "UNWATCH", "HELLO", "RESET", "CLIENT", "CONFIG", "SHUTDOWN", "SUBSCRIBE", "AUTH"}
# A bit that is written as it was is told of here, and in redis-server it is not.
DIFFERENT = {"SETBIT", "BITFIELD"}


class Listener:
    def __init__(self, server, letters):
        self.client = server.connect()
        self.publisher = server.connect()
        assert self.client.raw("CONFIG", "SET", "notify-keyspace-events", letters) == b"+OK\r\n"
        self.heard = server.connect()
        self.heard.raw("PSUBSCRIBE", "__key*")

    def events(self):
        """What was heard since the last call."""
        self.publisher.raw("PUBLISH", END, "")
        found = []
        while True:
            parts = differential.flatten(self.heard.read_raw())
            channel, message = (part.split(b"\r\n", 1)[1][:-2] for part in parts[2:])
            if channel == END:
                return found
            found.append((channel, message))


def compare(a, b, command):
    mine, theirs = a.client.raw(*command), b.client.raw(*command)
    heard, wanted = a.events(), b.events()
    if heard == wanted or str(command[0]).upper() in DIFFERENT:
        return True
    print(f"{command!r}\n  replies: {mine[:100]!r} {theirs[:100]!r}\n  ringkv: {heard[:9]!r}\n  redis:  {wanted[:9]!r}")
    return False


def random_commands(seed, commands):
    generator = differential.Generator(seed)
    kinds = [generator.command] + [lambda of=of: generator.pick(of)() for of in
                                   (generator.of_collections, generator.of_streams, generator.of_others)]
    with start_ringkv() as ours, start_redis() as theirs:
        a, b = Listener(ours, "KEA"), Listener(theirs, "KEA")
        for _ in range(commands):
            command = generator.pick(kinds)()
            if str(command[0]).upper() in SKIPPED:
                continue
            if not compare(a, b, command):
                print("seed", seed)
                return False
    return True


def the_option(ours, theirs):
    a, b = ours.connect(), theirs.connect()
    for letters in ("", "K", "KEA", "AK", "g$lshzxetd", "Elg", "KEn", "mK", "KEx"):
        for each in (a, b):
            assert each.raw("CONFIG", "SET", "notify-keyspace-events", letters) == b"+OK\r\n"
        shown = [each.raw("CONFIG", "GET", "notify-keyspace-events") for each in (a, b)]
        assert shown[0] == shown[1], shown
    wrong = [each.raw("CONFIG", "SET", "notify-keyspace-events", "KEAq") for each in (a, b)]
    assert wrong[0] == wrong[1], wrong


def chosen_kinds(ours, theirs):
    for letters in ("Kl", "Eh$", "KEg", "Kn", "Em"):
        a, b = Listener(ours, letters), Listener(theirs, letters)
        for command in (["RPUSH", "l", "x"], ["HSET", "h", "f", "v"], ["SET", "s", "v", "EX", "100"], ["GET", "missing"], ["LPOP", "l"], ["DEL", "h", "s"]):
            assert compare(a, b, command)


def waiting(ours, theirs):
    for steps in ((["BLPOP", "k", "0"], ["RPUSH", "k", "x"]), (["BZPOPMAX", "k", "0"], ["ZADD", "k", "1", "m"]),
                  (["BLMOVE", "k", "to", "LEFT", "RIGHT", "0"], ["LPUSH", "k", "y"])):
        heard = []
        for server in (ours, theirs):
            listener, waiter = Listener(server, "KEA"), server.connect()
            waiter.send(*steps[0])
            eventually(lambda: b"blocked_clients:1" in listener.client.raw("INFO", "clients"), "a blocked client")
            listener.client.raw(*steps[1])
            waiter.read_raw()
            heard.append(sorted(listener.events()))
            listener.client.raw("FLUSHALL")
        assert heard[0] == heard[1], heard


def beside_commands(ours):
    """Expiry in the background, eviction, and what a replica is told of."""
    listener = Listener(ours, "KEA")
    with start_ringkv("--replicaof", f"127.0.0.1 {ours.port}") as replica:
        copy = Listener(replica, "KEA")
        listener.client.raw("SET", "gone soon", "x", "PX", "1")
        expired = (b"__keyspace@0__:gone soon", b"expired")
        for each in (listener, copy):
            heard = []
            eventually(lambda: heard.extend(each.events()) or expired in heard, "the key has expired")
    listener.client.raw("CONFIG", "SET", "maxmemory-policy", "allkeys-random")
    listener.client.raw("SET", "gone next", "x" * 1000)
    listener.client.raw("CONFIG", "SET", "maxmemory", "1")
    listener.client.raw("SET", "more", "x")
    heard = []
    eventually(lambda: heard.extend(listener.events()) or (b"__keyevent@0__:evicted", b"gone next") in heard, "a key is evicted")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--commands", type=int, default=6000)
    arguments = parser.parse_args()
    if not random_commands(arguments.seed, arguments.commands):
        return 1
    with start_ringkv("--io-threads", "2") as ours, start_redis() as theirs:
        the_option(ours, theirs)
        chosen_kinds(ours, theirs)
        waiting(ours, theirs)
        beside_commands(ours)
    print("events of keys are the same")
    return 0


if __name__ == "__main__":
    sys.exit(main())

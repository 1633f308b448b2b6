#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Sends the same random commands to RingKV and to redis-server and compares every reply byte for byte.

  compat/differential.py [--seed N] [--commands N] [--mode NAME]

First on strings and what has to do with all keys, then on collections, on streams and on what goes across types:
these with a log, over three SIGKILLs, and with a replica that must be equal in the end; in a mode other than "alone"
without these. A failure prints the seed and the last commands; the same seed sends the same commands again. """
import argparse
import random
import shutil
import sys
import tempfile
import time

import differential_others
import differential_streams
import differential_types
import modes
from resp import flatten
from servers import eventually, start_redis, start_ringkv

KEYS = ["a", "b", "c", "k1", "k2", "long" + "x" * 300, "bin\x00ary", ""]
VALUES = ["", "x", "hello", "10", "-5", "9223372036854775807", "-9223372036854775808", "3.25", "1e3", "007", " 12",
          "foobar" * 10, "y" * 1000, b"\xff\xf0\x00", b"\x00\xff", "abc\r\ndef", "0", "nan", "inf", "1.0e-400"]
NUMBERS = ["0", "1", "-1", "2", "5", "10", "100", "-3", "9223372036854775807", "-9223372036854775808", "abc", "", "1.5",
           "4294967296", "+1", "00"]
OFFSETS = ["0", "1", "7", "8", "9", "100", "1000", "-1", "abc", "70000", "4294967296"]


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.of_collections = differential_types.commands(self)
        self.of_streams = differential_streams.commands(self)
        self.of_others = differential_others.commands(self)

    def pick(self, choices):
        return self.random.choice(choices)

    def key(self):
        return self.pick(KEYS)

    def some(self, make, low=0, high=3):
        return [make() for _ in range(self.random.randint(low, high))]

    def value(self):
        return self.pick(VALUES)

    def number(self):
        return self.pick(NUMBERS)

    def seconds(self):
        # Far from the moment when a key would expire between the two servers' clocks.
        return self.pick(["10000", "100000", "500000", "0", "-1", "abc", "9223372036854775807", "99999999999999999",
                          "-100"])

    def unix_seconds(self):
        return self.pick(["4000000000", "4100000000", "0", "-1", "x"])

    def expiry_options(self):
        return self.pick([["EX", self.seconds()], ["PX", self.pick(["10000000", "50000000", "0", "x"])],
                          ["EXAT", self.unix_seconds()], ["PXAT", "4000000000000"], ["KEEPTTL"], []])

    def bitfield(self):
        operations = []
        for _ in range(self.random.randint(0, 3)):
            kind = self.pick(["u8", "i8", "u1", "i64", "u63", "i5", "u64", "i0", "x", "u16"])
            offset = self.pick(["0", "1", "#1", "#3", "7", "100", "-1", "#x"])
            operations += self.pick([
                ["GET", kind, offset], ["SET", kind, offset, self.number()], ["INCRBY", kind, offset, self.number()],
                ["OVERFLOW", self.pick(["WRAP", "SAT", "FAIL", "sat", "x"])]])
        return operations

    def command(self):
        k, v, n = self.key, self.value, self.number
        r = self.random
        table = [
            lambda: ["GET", k()], lambda: ["SET", k(), v()],
            lambda: ["SET", k(), v(), *self.some(lambda: self.pick(["NX", "XX", "GET", "nx"]), 0, 2),
                     *self.expiry_options()],
            lambda: ["SETNX", k(), v()], lambda: ["SETEX", k(), self.seconds(), v()],
            lambda: ["PSETEX", k(), self.pick(["10000000", "0", "-1", "x"]), v()],
            lambda: ["GETSET", k(), v()], lambda: ["GETDEL", k()],
            lambda: ["GETEX", k(), *self.pick([self.expiry_options(), ["PERSIST"], ["persist", "EX", "1"]])],
            lambda: ["MGET", *self.some(k, 0, 4)], lambda: ["MSET",
                                                            *sum(([k(), v()] for _ in range(r.randint(0, 3))), [])],
            lambda: ["MSET", k(), v(), k()], lambda: ["MSETNX", *sum(([k(), v()] for _ in range(r.randint(1, 3))), [])],
            lambda: ["APPEND", k(), v()], lambda: ["STRLEN", k()], lambda: ["GETRANGE", k(), n(), n()],
            lambda: ["SUBSTR", k(), n(), n()], lambda: ["SETRANGE", k(), self.pick(OFFSETS), v()],
            lambda: ["INCR", k()], lambda: ["DECR", k()], lambda: ["INCRBY", k(), n()], lambda: ["DECRBY", k(), n()],
            lambda: ["INCRBYFLOAT", k(), self.pick(["1", "0.1", "-2.5", "3e2", "nan", "inf", "x", "", " 1", "1e-20"])],
            lambda: ["LCS", k(), k(), *self.some(lambda: self.pick(["LEN", "IDX", "WITHMATCHLEN", "x"]), 0, 2),
                     *self.pick([[], ["MINMATCHLEN", n()]])],
            lambda: ["SETBIT", k(), self.pick(OFFSETS), self.pick(["0", "1", "2", "x"])],
            lambda: ["GETBIT", k(), self.pick(OFFSETS)],
            lambda: ["BITCOUNT", k(), *self.pick([[], [n(), n()], [n(), n(), self.pick(["BIT", "BYTE", "x"])], [n()]])],
            lambda: ["BITPOS", k(), self.pick(["0", "1", "2", "x"]),
                     *self.pick([[], [n()], [n(), n()], [n(), n(), self.pick(["BIT", "BYTE", "x"])]])],
            lambda: ["BITOP", self.pick(["AND", "OR", "XOR", "NOT", "x"]), k(), *self.some(k, 1, 3)],
            lambda: ["BITFIELD", k(), *self.bitfield()], lambda: ["BITFIELD_RO", k(), *self.bitfield()],
            lambda: ["DEL", *self.some(k, 0, 3)], lambda: ["UNLINK", *self.some(k, 1, 3)],
            lambda: ["EXISTS", *self.some(k, 0, 3)], lambda: ["TYPE", k()], lambda: ["TOUCH", *self.some(k, 1, 3)],
            lambda: ["RENAME", k(), k()], lambda: ["RENAMENX", k(), k()],
            lambda: ["DUMP", k()],
            lambda: ["COPY", k(), k(), *self.pick([[], ["REPLACE"], ["DB", n()], ["DB", "1", "REPLACE"], ["x"]])],
            lambda: ["MOVE", k(), self.pick(["0", "1", "2", "99", "x", "-1"])],
            lambda: ["EXPIRE", k(), self.seconds(),
                     *self.some(lambda: self.pick(["NX", "XX", "GT", "LT", "nx", "y"]), 0, 2)],
            lambda: ["PEXPIRE", k(), self.pick(["10000000", "50000000", "0", "-1", "x", "9223372036854775807"]),
                     *self.some(lambda: self.pick(["NX", "XX", "GT", "LT", "nx", "y"]), 0, 2)],
            lambda: ["EXPIREAT", k(), self.unix_seconds()], lambda: ["PEXPIREAT", k(),
                                                                     self.pick(["4000000000000", "1", "x"])],
            lambda: ["TTL", k()], lambda: ["EXPIRETIME", k()], lambda: ["PERSIST", k()],
            lambda: ["OBJECT", self.pick(["ENCODING", "REFCOUNT", "FREQ", "IDLETIME", "x"]), k()],
            lambda: ["DBSIZE"], lambda: ["SELECT", self.pick(["0", "0", "1", "2", "16", "-1", "x"])],
            lambda: ["SWAPDB", self.pick(["0", "1", "x", "99"]), self.pick(["0", "1", "2", "y"])],
            lambda: ["KEYS", self.pick(["*", "k*", "?", "[ab]", "[^a]", "k[1-2]", "\\a", "", "long*x", "[", "[a", "*1",
                                        "a*b*c"])],
            lambda: ["SCAN", self.pick(["0", "x", "", " 0"]), "COUNT", "1000",
                     *self.pick([[], ["MATCH", "k*"], ["TYPE", "string"], ["TYPE", "list"], ["COUNT", "0"],
                                 ["COUNT", "x"], ["y"]])],
            lambda: ["FLUSHDB", *self.pick([[], ["ASYNC"], ["SYNC"], ["x"], ["ASYNC", "SYNC"]])] if r.random() < 0.2
            else ["PING"],
            lambda: ["ECHO", v()], lambda: ["PING", *self.some(v, 0, 2)], lambda: ["MULTI"], lambda: ["EXEC"],
            lambda: ["DISCARD"], lambda: ["WATCH", *self.some(k, 0, 2)], lambda: ["UNWATCH"],
            lambda: ["HELLO", self.pick(["2", "3", "3", "4", "x"])],
            lambda: ["RESET"] if r.random() < 0.1 else ["TIME", "x"],
            lambda: ["CLIENT", self.pick(["GETNAME", "ID", "x"]), *self.some(v, 1, 2)],
            lambda: ["CLIENT", "SETNAME", self.pick(["me", "a b", "", "é"])], lambda: ["CLIENT", "GETNAME"],
            lambda: ["CLIENT", "NO-EVICT", self.pick(["on", "off", "x"])], lambda: ["CLIENT", "UNBLOCK", n(), "x"],
            lambda: ["CLIENT", "REPLY", "x"], lambda: ["CLIENT", "KILL", "ID", self.pick(["x", "0", "999999"])],
            lambda: ["CLIENT", "PAUSE", self.pick(["x", "-1", "0"]), self.pick(["WRITE", "y"])],
            lambda: ["CONFIG", "SET", self.pick(["nosuch", "maxmemory", "timeout", "maxclients"]),
                     self.pick(["x", "-1"])],
            lambda: ["CONFIG", "GET", self.pick(["hz", "nosuch", "appendonly", "databases"])],
            lambda: ["CONFIG", self.pick(["x", "RESETSTAT"])], lambda: ["DEBUG", "x"],
            lambda: ["NOSUCH", *self.some(v, 0, 3)], lambda: ["COMMAND", "GETKEYS",
                                                              *self.pick([["SET", "a", "b"],
                                                                          ["MSET", "a", "1", "b", "2"], ["PING", "x"],
                                                                          ["NOSUCH", "x"],
                     ["BITOP", "AND", "d", "s1", "s2"], ["GET"], ["COPY", "x", "y"], ["OBJECT", "FREQ", "k"]])],
            lambda: ["COMMAND", "GETKEYSANDFLAGS", *self.pick([["SET", "a", "b"], ["RENAME", "a", "b"],
                                                               ["BITOP", "AND", "d", "s1"]])],
            lambda: ["SLOWLOG", self.pick(["x", "LEN"]), *self.some(n, 1, 2)],
            lambda: ["SLOWLOG", "GET", self.pick(["x", "-5"])], lambda: ["LATENCY",
                                                                         self.pick(["LATEST", "RESET", "x"])],
                                                                         lambda: ["LATENCY", "HISTORY", "nosuch"],
            lambda: ["LATENCY", "HISTOGRAM", "nosuch"], lambda: ["MEMORY", "USAGE", "nosuch",
                                                                 *self.pick([[], ["SAMPLES", n()], ["x"]])],
            lambda: ["RANDOMKEY", "x"], lambda: ["GET"], lambda: ["SET", "a"], lambda: ["SHUTDOWN", "x"],
            lambda: ["SHUTDOWN", "ABORT"], lambda: ["AUTH", *self.some(v, 1, 3)], lambda: ["OBJECT", "HELP", "x"],
            lambda: ["INFO", "nosuch"],
        ]
        return self.pick(table)()


def comparable(command, reply, is_rebuilt=False):
    """The reply without parts that may differ. Everything listed here is an intended difference."""
    name = str(command[0]).upper()
    sub = str(command[1]).upper() if len(command) > 1 and not isinstance(command[1], bytes) else ""
    if reply[:1] == b"-":
        return reply
    if is_rebuilt:  # a small sorted set has no zero with a sign
        reply = reply.replace(b"$2\r\n-0\r\n", b"$1\r\n0\r\n").replace(b",-0\r\n", b",0\r\n")
    of_stream = differential_streams.comparable(name, sub, reply)
    if of_stream is not None:
        return of_stream
    of_other = differential_others.comparable(command, reply)
    if of_other is not None:
        return of_other
    of_collection = differential_types.comparable(name, reply, is_rebuilt)
    if of_collection is not None:
        return of_collection
    if name in ("KEYS",) and reply[:1] == b"*":
        return sorted(flatten(reply))  # in no order
    if name == "SCAN" and reply[:1] == b"*":
        return sorted(flatten(flatten(reply)[1]))  # in no order; cursors are positions of each server's own hash
    if name == "HELLO":
        return reply[:4] if reply[:1] in b"*%" else reply  # holds the connection's number
    if (name, sub) == ("OBJECT", "ENCODING") and is_rebuilt:
        return b"encoding"
    if (name, sub) == ("OBJECT", "IDLETIME") or (name, sub) == ("CLIENT", "ID"):
        return b"number"
    return reply


def compare(a, b, seed, generate, commands, is_rebuilt=False):
    """Whether RingKV and redis-server send equal replies to this number of commands.

    `is_rebuilt`: RingKV's values have been loaded or have moved, and are packed where they fit.
    """
    history = []
    queued = None

    def same_reply(command, mine, redis):
        # A slow machine asks the two at two moments.
        if str(command[0]).upper() == "TTL" and mine[:1] == redis[:1] == b":":
            seconds, theirs = int(mine[1:]), int(redis[1:])
            return seconds == theirs or (min(seconds, theirs) > 0 and abs(seconds - theirs) <= 5)
        return comparable(command, mine, is_rebuilt) == comparable(command, redis, is_rebuilt)

    for number in range(commands):
        command = generate()
        history.append(command)
        mine, redis = a.raw(*command), b.raw(*command)
        name = str(command[0]).upper()
        if mine == b"+QUEUED\r\n" and redis == mine:
            queued.append(command)
            continue
        if name == "MULTI" and redis == b"+OK\r\n":
            queued = []
        if name == "EXEC" and redis[:1] == b"*" and redis != b"*-1\r\n" and mine[:1] == b"*":
            same = len(flatten(mine)) == len(flatten(redis)) and all(
                same_reply(c, x, y) for c, x, y in zip(queued, flatten(mine), flatten(redis)))
        else:
            same = same_reply(command, mine, redis)
        if not same:
            print(f"seed {seed}, command {number}: {command!r}\n  ringkv: {mine[:400]!r}\n  redis:  {redis[:400]!r}")
            if name == "EXEC" and not (mine[:1] == redis[:1] == b"*"):
                print("  queued:", *[repr(each) for each in queued], sep="\n    ")
            elif name == "EXEC":
                print("  queued:", *[f"{c!r}\n    ringkv: {x[:400]!r}\n    redis:  {y[:400]!r}" for c, x, y in
                                    zip(queued, flatten(mine), flatten(redis)) if not same_reply(c, x, y)],
                                    sep="\n    ")
            print("  before:", *[repr(c) for c in history[-8:-1]], sep="\n    ")
            return False
    return True


def run(seed, commands, mode):
    generator = Generator(seed)
    # Searches by an index and by a walk find the same.
    index = ["--key-index", "always"] if seed % 2 == 0 else []
    return run_mode(seed, commands, generator.command, [], index, mode)


def run_mode(seed, commands, generate, limits, own, mode):
    """Compares without a restart. `own`: options that redis-server does not have."""
    def is_asked(command, tagger):
        # In a transaction a node forwards no commands about the client's connection.
        passed_on = mode in modes.PASSED_ON and command[0] == "MULTI"
        return not passed_on and modes.is_asked(mode, command) and (tagger is None or tagger.knows(command))

    def generate_asked():
        while True:
            command = generate()
            if is_asked(command, pair.theirs.tagger):
                return command

    with modes.open_mode(mode, [*limits, *own], limits) as pair:
        same = compare(pair.ours.connect(), pair.theirs.connect(), seed, generate_asked, commands,
                       is_rebuilt=mode == "moving")
        pair.settle()
        return same


def same_data(a, b):
    return a.raw("DEBUG", "DIGEST") == b.raw("DEBUG", "DIGEST")


def run_collections(seed, commands, mode):
    generator = Generator(seed)
    generate = lambda: generator.pick(generator.of_collections)()
    # Small, so that collections become large, where every other seed has the usual limits.
    limits = ["--hash-max-listpack-entries", "4", "--hash-max-listpack-value", "16", "--set-max-intset-entries", "5",
              "--zset-max-listpack-entries", "4", "--zset-max-listpack-value", "16", "--list-max-listpack-size", "3"]
    limits = limits if seed % 2 == 0 else []
    own = ["--set-max-listpack-entries", "3"] if limits else []
    return run_lives(seed, commands, generate, limits, own, mode)


def run_streams(seed, commands, mode):
    generator = Generator(seed)
    generate = lambda: generator.pick(generator.of_streams)()
    limits = ["--stream-node-max-entries", "5", "--stream-node-max-bytes", "300"] if seed % 2 == 0 else []
    return run_lives(seed, commands, generate, limits, [], mode)


def run_others(seed, commands, mode):
    generator = Generator(seed)
    limits = ["--hll-sparse-max-bytes", ["0", "200"][seed // 2 % 2]] if seed % 2 == 0 else []
    return run_lives(seed, commands, lambda: generator.pick(generator.of_others)(), limits, [], mode)


def run_lives(seed, commands, generate, limits, own, mode):
    """Compares with a log, across SIGKILLs, and with a replica."""
    if mode != "alone":
        return run_mode(seed, commands, generate, limits, own, mode)
    lives = 4
    directory = tempfile.mkdtemp(prefix="ringkv-test-")
    durable = ["--dir", directory, "--appendonly", "yes", "--appendfsync", "always", "--enable-debug-command", "yes"]
    try:
        with start_redis(*limits) as theirs:
            for life in range(lives):
                with start_ringkv(*durable, *limits, *own) as ours:
                    a = ours.connect()
                    if life + 1 < lives:
                        if not compare(a, theirs.connect(), seed, generate, commands // lives, life > 0):
                            return False
                        if life == 1:
                            a.raw("RESET")
                            a.raw("BGSAVE")
                        ours.process.kill()
                        ours.process.wait()
                        continue
                    with start_ringkv("--replicaof", f"127.0.0.1 {ours.port}", "--enable-debug-command",
                                      "yes") as replica:
                        if not compare(a, theirs.connect(), seed, generate, commands // lives, life > 0):
                            return False
                        check, copy = ours.connect(), replica.connect()
                        eventually(lambda: same_data(check, copy), "a replica that is equal to its primary")
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--commands", type=int, default=20000)
    parser.add_argument("--rounds", type=int, default=1)
    modes.add_argument(parser)
    arguments = parser.parse_args()
    for seed in range(arguments.seed, arguments.seed + arguments.rounds):
        print(f"seed {seed}", flush=True)
        if not all(each(seed, arguments.commands, arguments.mode) for each in (run, run_collections, run_streams,
                                                                               run_others)):
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

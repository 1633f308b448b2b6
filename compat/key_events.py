#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""notify-keyspace-events and WATCH beside redis-server: after each of many random steps subscribers of both have heard
the same in the same order, and EXEC is given up for the same watched keys. A step is a command, a transaction, a key
that expires, or clients that wait for a key which is filled.

  compat/key_events.py [--seed N] [--commands N] [--rounds N]

RINGKV_EVENT_COMMANDS says how many commands there are unless `--commands` does: 2000 take a few seconds, 20000 are the
full run. The same seed sends the same commands again.
"""
import argparse
import os
import sys

import differential
from servers import eventually, start_redis, start_ringkv

END = b"__keyend"
SMALL = [letter + number for letter in "slhezxp" for number in "34"]  # keys by type: e of sets, p of HyperLogLogs
SKIPPED = {"MULTI", "EXEC", "DISCARD", "WATCH", "UNWATCH", "HELLO", "RESET", "CLIENT", "CONFIG", "SHUTDOWN",
           "SUBSCRIBE", "AUTH", "SELECT"}


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


def is_miss(event):
    return event[1] == b"keymiss" or event[0].endswith(b":keymiss")


def lookups_differ(command, reply):
    """Whether redis-server looks keys up before it finds an error, or once for each of elements that are equal."""
    return reply.startswith(b"-") or str(command[0]).upper().startswith("SORT")


def grows_only(command, reply):
    """Whether BITFIELD may have made a string longer and set nothing in it, which redis-server hides from who watches
    it."""
    return str(command[0]).upper() == "BITFIELD" and b"$-1\r\n" in reply


def without_misses(events):
    return [event for event in events if not is_miss(event)]


def without_second_misses(events):
    """XREAD looks each key up twice in redis-server."""
    return [event for i, event in enumerate(events) if not is_miss(event) or events[:i].count(event) % 2 == 0]


def small_values(g, dumped):
    """Commands on keys that hold little, so that most that take something out empty the key.
    `dumped`: what RESTORE takes."""
    pick, some = g.pick, g.some
    any_key = lambda: pick(SMALL)
    of_type = lambda letter: lambda: letter + pick("34") if g.random.random() < 0.93 else any_key()
    s, l, h, e, z, x, p = map(of_type, "slhezxp")
    m = lambda: pick(["m", "n", "incr", "min"])
    number = lambda: pick(["0", "1", "2", "5", "-1"])
    count = lambda: pick(["1", "2", "5"])
    end = lambda: pick(["LEFT", "RIGHT"])
    counted = lambda key: (lambda found: [str(len(found)), *found])(some(key, 1, 3))
    stream_id = lambda: f"{g.random.randint(1, 9)}-0"
    group, consumer = lambda: pick(["g", "h"]), lambda: pick(["c", "d"])
    timeout = "0.001"
    strings = [
        lambda: ["SET", s(), pick(["v", "12", "\xff", "ex", "px"]),
                 *pick([[], ["EX", "10000"], ["PXAT", "4000000000000"], ["KEEPTTL"], ["NX"], ["XX", "GET"]])],
        lambda: ["SETBIT", s(), pick(["0", "7", "8"]), pick(["0", "1"])], lambda: ["APPEND", s(), pick(["", "1"])],
        lambda: ["SETRANGE", s(), number(), pick(["", "x"])], lambda: ["INCRBYFLOAT", s(), "1.5"],
        lambda: ["INCR", s()],
        lambda: ["BITFIELD", s(), *sum(some(
            lambda: pick([["SET", "u1", number(), pick(["0", "1"])], ["INCRBY", "u2", number(), number()],
                          ["OVERFLOW", "FAIL"], ["GET", "u8", "0"]]), 1, 3), [])],
        lambda: ["BITOP", pick(["AND", "OR", "XOR", "NOT"]), s(), s()], lambda: ["GETSET", s(), "v"],
        lambda: ["SETNX", s(), "v"], lambda: ["MSET", *sum(some(lambda: [s(), "v"], 1, 3), [])],
        lambda: ["MSETNX", s(), "v", s(), "w"], lambda: ["SETEX", s(), "10000", "v"], lambda: ["GETDEL", s()],
        lambda: ["GETEX", s(), *pick([[], ["PERSIST"], ["EX", "10000"], ["EXAT", "1"]])]]
    hyperloglogs = [lambda: ["PFADD", p(), *some(lambda: str(g.random.randrange(9)), 0, 2)],
                    lambda: ["PFMERGE", p(), p()], lambda: ["PFCOUNT", p()], lambda: ["PFCOUNT", p(), p()]]
    hashes = [lambda: ["HSET", h(), *pick([[m(), "1"], [m(), "1", m(), "2"]])], lambda: ["HDEL", h(), *some(m, 1, 3)],
              lambda: ["HINCRBY", h(), m(), "1"], lambda: ["HINCRBYFLOAT", h(), m(), "1.5"],
              lambda: ["HSETNX", h(), m(), "1"], lambda: ["HMSET", h(), m(), "1"]]
    lists = [
        lambda: [pick(["RPUSH", "LPUSH"]), l(), *some(m, 1, 2)], lambda: [pick(["RPUSH", "LPUSH"]), l(), m()],
        lambda: ["LSET", l(), number(), m()], lambda: ["LINSERT", l(), pick(["BEFORE", "AFTER"]), m(), m()],
        lambda: ["LPUSHX", l(), m()], lambda: ["LPOP", l(), *pick([[], [count()], ["0"]])],
        lambda: ["RPOP", l(), *pick([[], [count()]])], lambda: ["LMPOP", *counted(l), end(),
                                                                *pick([[], ["COUNT", count()]])],
                                                                lambda: ["BLMPOP", timeout, *counted(l), end(), "COUNT",
                                                                         count()],
        lambda: [pick(["BLPOP", "BRPOP"]), *some(l, 1, 3), timeout], lambda: ["LREM", l(), number(), m()],
        lambda: ["LTRIM", l(), number(), number()], lambda: ["LMOVE", l(), l(), end(), end()],
        lambda: ["RPOPLPUSH", l(), l()], lambda: ["BLMOVE", l(), l(), end(), end(), timeout],
        lambda: ["BRPOPLPUSH", l(), l(), timeout]]
    sets = [lambda: ["SADD", e(), *some(m, 1, 2)], lambda: ["SADD", e(), *some(m, 1, 3)],
            lambda: ["SREM", e(), *some(m, 1, 3)], lambda: ["SPOP", e(), pick(["4", "9", "0"])],
            lambda: ["SMOVE", e(), e(), m()], lambda: [pick(["SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE"]), e(),
                                                       *some(e, 1, 3)]]
    sorted_sets = [
        lambda: ["ZADD", z(), pick(["0", "1"]), m()], lambda: ["ZADD", z(), "1", m(), "2", m()],
        lambda: ["ZADD", z(), *pick([["INCR"], ["XX"], ["NX", "CH"], ["GT"], ["LT", "CH"], []]), number(), m()],
        lambda: ["ZADD", z(), number(), "incr", number(), "ch"], lambda: ["ZINCRBY", z(), number(), m()],
        lambda: ["GEOADD", z(), "13.4", "52.5", m()], lambda: ["ZREM", z(), *some(m, 1, 3)],
        lambda: [pick(["ZPOPMIN", "ZPOPMAX"]), z(), *pick([[], [count()], ["0"]])],
        lambda: ["ZMPOP", *counted(z), pick(["MIN", "MAX"]), *pick([[], ["COUNT", count()]])],
        lambda: ["BZMPOP", timeout, *counted(z), pick(["MIN", "MAX"]), "COUNT", count()],
        lambda: [pick(["BZPOPMIN", "BZPOPMAX"]), *some(z, 1, 3), timeout],
        lambda: ["ZREMRANGEBYRANK", z(), number(), number()], lambda: ["ZREMRANGEBYSCORE", z(), number(), "inf"],
        lambda: ["ZREMRANGEBYLEX", z(), "-", "+"], lambda: ["ZRANGESTORE", z(), z(), number(), number()],
        lambda: [pick(["ZINTERSTORE", "ZUNIONSTORE", "ZDIFFSTORE"]), z(), *counted(z)],
        lambda: ["GEORADIUS", z(), "13", "52", pick(["1", "300"]), "km", pick(["STORE", "STOREDIST"]), z()],
        lambda: ["GEOSEARCHSTORE", z(), z(), "FROMLONLAT", "13", "52", "BYRADIUS", pick(["1", "300"]), "km"]]
    streams = [
        lambda: ["XADD", x(), *pick([[], ["MAXLEN", "1"], ["MINID", stream_id()], ["NOMKSTREAM"], ["MAXLEN", "0"]]),
                 "*" if g.random.random() < 0.3 else stream_id(), "f", "v"],
        lambda: ["XADD", x(), stream_id(), "f", "v"],
        lambda: ["XTRIM", x(), "MAXLEN", number()], lambda: ["XDEL", x(), stream_id(), stream_id()],
        lambda: ["XSETID", x(), "9-0"], lambda: ["XGROUP", "CREATE", x(), group(), pick(["0", "$"]),
                                                 *pick([[], ["MKSTREAM"]])],
        lambda: ["XGROUP", "SETID", x(), group(), pick(["0", "$"])],
        lambda: ["XGROUP", pick(["CREATECONSUMER", "DELCONSUMER"]), x(), group(), consumer()],
        lambda: ["XGROUP", "DESTROY", x(), group()], lambda: ["XACK", x(), group(), stream_id()],
        *[lambda: ["XREADGROUP", "GROUP", group(), consumer(), "COUNT", "2", *pick([[], ["NOACK"]]), "STREAMS", x(),
                   pick([">", ">", "0"])]] * 2,
        lambda: ["XREADGROUP", "GROUP", group(), consumer(), "BLOCK", "1", "STREAMS", x(), x(), ">", ">"],
        lambda: ["XCLAIM", x(), group(), consumer(), "0", stream_id(),
                 *pick([[], ["FORCE"], ["JUSTID"], ["LASTID", stream_id()]])],
        lambda: ["XAUTOCLAIM", x(), group(), consumer(), "0", "0", "COUNT", "2"]]
    keys = [
        lambda: ["DEL", *some(any_key, 1, 3)], lambda: ["UNLINK", any_key(), any_key()], lambda: ["GET", any_key()],
        lambda: ["PERSIST", any_key()], lambda: ["EXPIRE", any_key(), pick(["10000", "-1", "0"]),
                                                 *pick([[], ["NX"], ["GT"], ["LT"]])],
        lambda: ["PEXPIREAT", any_key(), pick(["1", "4000000000000"])],
        lambda: ["SORT", pick([l, e, z])(), "ALPHA", "STORE", l()],
        lambda: ["COPY", any_key(), any_key(), *pick([[], ["REPLACE"], ["DB", "1"], ["DB", "1", "REPLACE"]])],
        lambda: ["RENAME", any_key(), any_key()], lambda: ["RENAMENX", any_key(), any_key()],
        lambda: ["MOVE", any_key(), "1"], lambda: ["RESTORE", s(), pick(["0", "10000000"]), dumped,
                                                   *pick([[], ["REPLACE"], ["REPLACE", "ABSTTL"]])]]
    kinds = [strings, hyperloglogs, hashes, lists, lists, sets, sorted_sets, sorted_sets, streams, streams, keys]
    return lambda: pick(pick(kinds))()


# --- steps: lists of what is done to a server, each a function of its Side -------------------------------------------

def run(*command):
    return lambda side: side.run(command)


def wait_for_key(*command):
    return lambda side: side.wait_for_key(command)


def unblock(side):
    side.unblock()


def pass_milliseconds(side):
    """Until the server's clock has moved on."""
    begun = side.now()
    while side.now() < begun + 12_000:
        pass


def destination(command):
    """Where the command stores a result. If that is nothing, redis-server erases a key there as `del` though it has
    expired."""
    at = 1 if command[0].endswith("STORE") else {"BITOP": 2, "SORT": len(command) - 1}.get(command[0])
    return command[at] if at else None


def steps(g, small, kinds):
    """Makes steps: a command, a transaction, a key that expires, clients that wait for a key."""
    pick = g.pick

    def command():
        while True:
            found = pick(kinds)()
            # XSETID: what was erased is looked at as in 7.2.
            if str(found[0]).upper() not in SKIPPED and (found[0] != "XSETID" or found[2:] == ["9-0"]):
                return [run(*found)]

    def transaction():
        return [run("MULTI"), *[run(*small()) for _ in range(g.random.randint(1, 4))], run("EXEC")]

    def expiry():
        key = pick(SMALL)
        uses = next((each for each in (small() for _ in range(30)) if key in each[1:] and destination(each) != key),
                    ["GET", key])
        return [run("PEXPIRE", key, "10"), pass_milliseconds, run(*uses), run("EXISTS", key)]

    def any_of_a_set():  # chance picks which
        return [run("SPOP", pick(["e3", "e4"])), run("DEL", "e3", "e4")]

    def waiters():
        kind = pick(sorted(WAITERS))
        waiting = [wait_for_key(*pick(WAITERS[kind])) for _ in range(g.random.randint(1, 2))]
        filling = [run(*pick(FILLERS[kind])) for _ in range(g.random.randint(1, 2))]
        if g.random.random() < 0.2:
            filling = [run("MULTI"), *filling, run("EXEC")]
        return [run("RPUSH", "l3", "m"), run("XGROUP", "CREATE", "wx", "g", "$", "MKSTREAM"), *waiting, *filling,
                unblock, run("DEL", "wl", "wl2", "wz", "wx")]

    kinds_of_steps = [command] * 24 + [transaction] * 2 + [expiry] * 2 + [any_of_a_set] + [waiters] * 2
    return lambda: pick(kinds_of_steps)()


# Of several keys which one is served first differs (docs/differences.md).
WAITERS = {
    "l": [["BLPOP", "wl", "0"], ["BRPOP", "wl", "0"], ["BLMPOP", "0", "1", "wl", "RIGHT", "COUNT", "2"],
          ["BLMOVE", "wl", "l4", "LEFT", "RIGHT", "0"], ["BRPOPLPUSH", "wl", "wl2", "0"]],
    "z": [["BZPOPMIN", "wz", "0"], ["BZPOPMAX", "wz", "0"], ["BZMPOP", "0", "1", "wz", "MAX", "COUNT", "2"]],
    "x": [["XREAD", "BLOCK", "0", "STREAMS", "wx", "$"], ["XREAD", "BLOCK", "0", "STREAMS", "missing", "wx", "0", "9"],
          ["XREADGROUP", "GROUP", "g", "c", "BLOCK", "0", "STREAMS", "wx", ">"],
          ["XREADGROUP", "GROUP", "g", "d", "BLOCK", "0", "NOACK", "STREAMS", "wx", ">"]],
}
FILLERS = {
    "l": [["RPUSH", "wl", "a"], ["LPUSH", "wl", "a", "b", "c"], ["RENAME", "l3", "wl"], ["COPY", "l3", "wl"],
          ["LMOVE", "l3", "wl", "LEFT", "LEFT"], ["SORT", "l3", "ALPHA", "STORE", "wl"], ["DEL", "wl"]],
    "z": [["ZADD", "wz", "1", "a"], ["ZADD", "wz", "1", "a", "2", "b"], ["ZINCRBY", "wz", "1", "a"],
          ["ZUNIONSTORE", "wz", "1", "z3"], ["GEOADD", "wz", "13", "52", "m"], ["RENAME", "z3", "wz"],
          ["COPY", "z3", "wz"]],
    "x": [["XADD", "wx", "1-1", "f", "v"], ["XADD", "wx", "*", "f", "v"], ["XADD", "wx", "MAXLEN", "1", "*", "f", "v"]],
}
WATCHED = [*SMALL, "h", "l", "s", "z", "x", "a", "p"]


class Watcher:
    """A client that watches a key, and tells whether EXEC is given up."""

    def __init__(self, server, key):
        self.client, self.key = server.connect(), key
        self.client.raw("WATCH", key)

    def ask(self):
        self.client.socket.sendall(b"".join(map(self.client.encode, (["MULTI"], ["EXEC"], ["WATCH", self.key]))))

    def heard(self):
        return [self.client.read_raw() for _ in range(3)][1]


class Waiter:
    """A client that waits for a key."""

    def __init__(self, server):
        self.client = server.connect()
        self.id = self.client.raw("CLIENT", "ID")[1:-2]


class Side:
    """One of the two servers, and all clients that it has."""

    def __init__(self, server):
        self.listener = Listener(server, "KEAnm")
        self.client = self.listener.client
        self.client.raw("DEBUG", "SET-ACTIVE-EXPIRE", "0")  # keys expire when they are looked at
        self.watchers = [Watcher(server, key) for key in WATCHED]
        self.free = [Waiter(server) for _ in range(2)]
        self.waiting = []
        self.replies = []  # of this step, with their commands

    def run(self, command):
        self.replies.append((command, self.client.raw(*command)))

    def now(self):
        seconds, micros = (int(part.split(b"\r\n")[1]) for part in differential.flatten(self.client.raw("TIME")))
        return seconds * 1_000_000 + micros

    def wait_for_key(self, command):
        waiter = self.free.pop()
        waiter.client.send(*command)
        self.waiting.append((command, waiter))
        expected = b"blocked_clients:%d\r" % len(self.waiting)
        eventually(lambda: expected in self.client.raw("INFO", "clients"), "a blocked client")

    def unblock(self):
        for command, waiter in self.waiting:
            self.client.raw("CLIENT", "UNBLOCK", waiter.id)
            self.replies.append((command, waiter.client.read_raw()))
            self.free.append(waiter)
        self.waiting = []

    def do(self, step):
        """What subscribers and watchers have heard of it."""
        self.replies = []
        for each in step:
            each(self)
        return self.listener.events(), self.touched()

    def touched(self):
        for each in self.watchers:
            each.ask()
        return [each.heard() for each in self.watchers]


def same(ours, theirs, step):
    (heard, touched), (wanted, wanted_touched) = (side.do(step) for side in (ours, theirs))
    if any(lookups_differ(*each) for each in theirs.replies):
        heard, wanted = without_misses(heard), without_misses(wanted)
    elif any(str(command[0]).upper() == "XREAD" for command, _ in theirs.replies):
        wanted = without_second_misses(wanted)
    if any(grows_only(*each) for each in theirs.replies):
        touched = wanted_touched
    if heard == wanted and touched == wanted_touched:
        return True
    for (command, mine), (_, redis) in zip(ours.replies, theirs.replies):
        print(f"{command!r}\n  ringkv: {mine[:100]!r}\n  redis:  {redis[:100]!r}")
    print("heard:", f"  ringkv: {heard[:20]!r}", f"  redis:  {wanted[:20]!r}", sep="\n")
    print("EXEC given up:", *[f"  {key}: ringkv {mine!r}, redis {redis!r}"
                              for key, mine, redis in zip(WATCHED, touched, wanted_touched) if mine != redis], sep="\n")
    return False


def random_steps(seed, commands):
    print(f"seed {seed}: {commands} commands", flush=True)
    generator = differential.Generator(seed)
    with start_ringkv("--enable-debug-command", "yes") as ours, start_redis("--enable-debug-command", "yes") as theirs:
        client = theirs.connect()
        client.raw("SET", "dumped", "v")
        dumped = client.raw("DUMP", "dumped").split(b"\r\n", 1)[1][:-2]
        client.raw("DEL", "dumped")
        small = small_values(generator, dumped)
        kinds = [small, small, small, generator.command] + [lambda of=of: generator.pick(of)() for of in (
            generator.of_collections, generator.of_streams, generator.of_others)]
        make_step = steps(generator, small, kinds)
        a, b = Side(ours), Side(theirs)
        done = 0
        while done < commands:
            if not same(a, b, make_step()):
                print(f"seed {seed}, behind command {done}")
                return False
            done += len(a.replies)
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


def compare(a, b, command):
    mine, theirs = a.client.raw(*command), b.client.raw(*command)
    heard, wanted = (each.events() for each in (a, b))
    if heard == wanted:
        return True
    print(f"{command!r}\n  replies: {mine[:100]!r} {theirs[:100]!r}\n  ringkv: {heard[:9]!r}\n  redis:  {wanted[:9]!r}")
    return False


def chosen_kinds(ours, theirs):
    for letters in ("Kl", "Eh$", "KEg", "Kn", "Em"):
        a, b = Listener(ours, letters), Listener(theirs, letters)
        for command in (["RPUSH", "l", "x"], ["HSET", "h", "f", "v"], ["SET", "s", "v", "EX", "100"],
                        ["GET", "missing"], ["LPOP", "l"], ["DEL", "h", "s"]):
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
            heard.append(listener.events())
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
    eventually(lambda: heard.extend(listener.events()) or (b"__keyevent@0__:evicted", b"gone next") in heard,
               "a key is evicted")


def from_redis():
    """A server that follows a Redis tells what that one's commands do, and nothing of the file that it loads first."""
    with start_redis() as source:
        theirs = Listener(source, "KEAn")
        theirs.client.raw("RPUSH", "loaded", "x")
        theirs.events()
        with start_ringkv("--migrate-from", f"127.0.0.1 {source.port}", "--notify-keyspace-events", "KEAn") as server:
            ours = Listener(server, "KEAn")
            eventually(lambda: b"migrate_link_status:up" in ours.client.raw("INFO", "replication"), "a link to Redis")
            for command in (["RPUSH", "loaded", "y", "z"], ["SET", "s", "v"], ["INCR", "n"], ["MULTI"],
                            ["LPUSH", "l", "a"], ["RENAME", "l", "m"], ["EXEC"],
                            ["LMOVE", "m", "loaded", "LEFT", "LEFT"], ["ZADD", "z", "1", "a", "2", "b"],
                            ["ZREM", "z", "a", "b"]):
                theirs.client.raw(*command)
            wanted, heard = theirs.events(), []
            eventually(lambda: heard.extend(ours.events()) or len(heard) >= len(wanted), "what Redis has done")
            assert heard == wanted, (heard, wanted)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--commands", type=int, default=int(os.environ.get("RINGKV_EVENT_COMMANDS", "2000")))
    parser.add_argument("--rounds", type=int, default=1)
    arguments = parser.parse_args()
    if not all(random_steps(seed, arguments.commands) for seed in range(arguments.seed,
                                                                        arguments.seed + arguments.rounds)):
        return 1
    with start_ringkv("--io-threads", "2") as ours, start_redis() as theirs:
        the_option(ours, theirs)
        chosen_kinds(ours, theirs)
        waiting(ours, theirs)
        beside_commands(ours)
    from_redis()
    print("keyspace notifications are the same")
    return 0


if __name__ == "__main__":
    sys.exit(main())

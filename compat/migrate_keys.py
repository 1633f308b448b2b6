#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""MIGRATE between RingKV and redis-server, in both directions: values, errors word for word, and redis-cli's import."""
import socket
import subprocess
import threading

import modes
from dataset import everything
from rdb import expect, fill, same
from servers import eventually, start_cluster, start_redis, start_ringkv

SLOT_KEY = "{importing}key"


def migrate(source, port, *words):
    return source.raw("MIGRATE", "127.0.0.1", port, *words)


def same_but_for_the_way(got, wanted):
    """RESTORE is told the time that a key has left, so it lives longer by the time that its copy was on the way."""
    same({key: each[:2] for key, each in got.items()}, {key: each[:2] for key, each in wanted.items()})
    late = [key for key, each in wanted.items() if (each[2] < 0 and got[key][2] != each[2])
            or abs(got[key][2] - each[2]) > 30_000]
    expect(not late, f"expiry times differ: {late[:3]}")


def values_travel(start_source, start_target):
    """Every type and encoding, with expiry times, one by one and many at a time; and back again."""
    with start_source() as one, start_target() as other:
        a, b = one.connect(), other.connect()
        fill(a)
        wanted = everything(one, [0])
        for source, target_server, server in ((a, other, other), (b, one, one)):
            keys = sorted(key for _, key in everything(one if source is a else other, [0]))
            for key in keys[:20]:
                expect(migrate(source, target_server.port, key, 0, 10_000) == b"+OK\r\n", f"MIGRATE {key}")
            for first in range(20, len(keys), 500):
                some = keys[first:first + 500]
                expect(migrate(source, target_server.port, "", 0, 10_000, "KEYS", *some) == b"+OK\r\n", "MIGRATE KEYS")
            expect(source.raw("DBSIZE") == b":0\r\n", "they are gone from the source")
            same_but_for_the_way(everything(server, [0]), wanted)


def closing_port():
    """A port that closes each connection at once."""
    listener = socket.create_server(("127.0.0.1", 0))

    def close_all():
        while True:
            try:
                listener.accept()[0].close()
            except OSError:
                return

    threading.Thread(target=close_all, daemon=True).start()
    return listener


def inside_others(client, target, silent_port):
    """The replies of transactions and scripts."""
    at_target, got = target.connect(), []
    call = "return redis.call('MIGRATE', '127.0.0.1', ARGV[1], KEYS[1], '0', ARGV[2])"
    kept = "return {redis.call('INCR', 'n'), redis.pcall('MIGRATE', '127.0.0.1', ARGV[1], KEYS[1], '0', ARGV[2])}"
    for port, timeout in ((target.port, 5000), (1, 1000), (silent_port, 50)):
        at_target.raw("FLUSHALL")
        for words in (("SET", "k", "v"), ("MULTI",), ("INCR", "n"), ("MIGRATE", "127.0.0.1", port, "k", 0, timeout),
                      ("EXISTS", "k"), ("MIGRATE", "127.0.0.1", port, "nosuch", 0, timeout), ("EXEC",),
                      ("SET", "k2", "v"), ("EVAL", call, 1, "k2", port, timeout), ("EXISTS", "k2"),
                      ("SET", "k", "v"), ("EVAL", kept, 1, "k", port, timeout),
                      ("EVAL_RO", call, 1, "k3", port, timeout), ("EVAL", call, 1, "nosuch", port, timeout),
                      ("SET", "k3", "v"), ("MULTI",), ("EVAL", call, 1, "k3", port, timeout), ("EXISTS", "k3"),
                      ("EXEC",), ("DEL", "k", "k2", "k3")):
            got.append((words[0], client.raw(*words)))
        got.append(at_target.raw("DBSIZE"))
    return got


def replies(start_source):
    """The replies of a source to requests of every kind, towards targets of every kind; the targets are
    redis-server."""
    silent = socket.create_server(("127.0.0.1", 0))
    closing = closing_port()
    got = []
    with start_source("--io-threads", "1") as source, start_redis() as target, start_redis("--requirepass",
                                                                                           "pw") as locked:
        client, at_target = source.connect(), target.connect()

        def ask(port, *words):
            got.append((words, migrate(client, port, *words), client.raw("EXISTS", "k", "k2", "k3")))

        ask(target.port, "k", 0, 1000)
        ask(target.port, "k", 0)
        for key in ("k", "k2", "k3"):
            client.raw("SET", key, "v")
        for words in (("k", 0, "x"), ("k", "x", 1000), ("k", 0, 1000, "FOO"), ("k", 0, 1000, "AUTH"),
                      ("k", 0, 1000, "AUTH2", "a"), ("k", 0, 1000, "KEYS", "k2"), ("", 0, 1000, "KEYS"), ("", 0, 1000),
                      ("", 0, 1000, "KEYS", "nosuch")):
            ask(target.port, *words)
        ask(target.port, "k", 99, 1000, "COPY")
        at_target.raw("FLUSHALL")  # redis-server has written the key into database 0
        for words in (("k", 0, 1000), ("k", 0, 1000, "AUTH", "wrong"), ("k", 0, 1000, "AUTH2", "nouser", "pw"),
                      ("k2", 3, 1000, "COPY", "AUTH", "pw"), ("k2", 3, 1000, "COPY", "AUTH", "pw"),
                      ("", 3, 1000, "AUTH", "pw", "KEYS", "k2", "k3"),
                      ("", 3, 1000, "replace", "auth2", "default", "pw", "keys", "k2", "no")):
            ask(locked.port, *words)
        ask(target.port, "k", 0, 0)
        client.raw("SET", "k", "v")
        ask(target.port, "k", 0, 1000)
        ask(target.port, "k", 0, 1000, "REPLACE")
        client.raw("SET", "k", "v")
        ask(1, "k", 0, 1000)
        ask("x", "k", 0, 1000)
        ask(silent.getsockname()[1], "k", 0, 50)
        ask(closing.getsockname()[1], "k", 0, 1000)
        got.append(client.raw("MIGRATE", "nosuch.invalid", 1, "k", 0, 1000))
        got += inside_others(client, target, silent.getsockname()[1])
        for words in (("AUTH", "KEYS", "KEYS", "a", "b"), ("AUTH2", "x", "KEYS", "KEYS", "a"), ("COPY", "KEYS", "a")):
            got.append(client.raw("COMMAND", "GETKEYS", "MIGRATE", "h", 1, "", 0, 1, *words))
        for key, *words in (("a", "KEYS"), ("", "KEYS"), ("a", "COPY", "KEYS"), ("a", "KEYS", "b"), ("KEYS", "KEYS"),
                            ("",), ("", "AUTH", "KEYS"), ("a", "AUTH2", "KEYS", "b"), ("", "KEYS", "KEYS", "b")):
            for command in ("GETKEYS", "GETKEYSANDFLAGS"):
                got.append(client.raw("COMMAND", command, "MIGRATE", "h", 1, key, 0, 1, *words))
    silent.close()
    closing.close()
    return got


def import_by_redis_cli(source, node):
    """What one runs to move a single server into a cluster."""
    client = source.connect()
    for i in range(200):
        client.raw("SET", f"key:{i}", i, *(("EX", 1000) if i % 2 else ()))
    client.raw("RPUSH", "list", *range(100))
    done = subprocess.run(["redis-cli", "--cluster", "import", f"127.0.0.1:{node.port}", "--cluster-from",
                           f"127.0.0.1:{source.port}"],
                          check=False, timeout=60, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    expect(done.returncode == 0 and client.raw("DBSIZE") == b":0\r\n", done.stdout[-2000:])


def into_clusters():
    with start_ringkv() as source, modes.redis_cluster_of_one([]) as target:
        import_by_redis_cli(source, target)
        expect(target.connect().raw("DBSIZE") == b":201\r\n", "all are in the cluster")
    with start_redis() as source, start_cluster(3) as target:
        import_by_redis_cli(source, target.primaries[0])
        sizes = [int(node.connect().raw("DBSIZE")[1:]) for node in target.primaries]
        expect(sum(sizes) == 201 and min(sizes) > 0, f"all are in the cluster: {sizes}")


def into_a_slot_that_arrives():
    """As during `redis-cli --cluster reshard`: the target does not own the slot yet."""
    with modes.redis_cluster_of_one([]) as owner, start_redis("--cluster-enabled",
                                                              "yes") as target, start_cluster(1) as source:
        at_target, at_source = target.connect(), source.primaries[0].connect()
        slot = at_target.raw("CLUSTER", "KEYSLOT", SLOT_KEY)[1:-2]
        node = owner.connect().raw("CLUSTER", "MYID").split(b"\r\n")[1]
        at_target.raw("CLUSTER", "MEET", "127.0.0.1", owner.port)
        eventually(lambda: b"cluster_state:ok" in at_target.raw("CLUSTER", "INFO"), "the nodes know each other")
        expect(at_target.raw("CLUSTER", "SETSLOT", slot, "IMPORTING", node) == b"+OK\r\n", "the slot is on its way")
        at_source.raw("SET", SLOT_KEY, "v")
        reply = migrate(at_source, target.port, "", 0, 5000, "REPLACE", "KEYS", SLOT_KEY)
        expect(reply == b"+OK\r\n", str(reply))
        expect(at_source.raw("EXISTS", SLOT_KEY) == b":0\r\n", "the key has moved")
        expect(at_target.raw("ASKING") == b"+OK\r\n" and at_target.raw("GET", SLOT_KEY) == b"$1\r\nv\r\n",
               "and is there")


def main():
    values_travel(start_ringkv, start_redis)
    ours, theirs = replies(start_ringkv), replies(start_redis)
    for mine, redis in zip(ours, theirs, strict=True):
        expect(mine == redis, f"\n  ringkv       {mine}\n  redis-server {redis}")
    into_clusters()
    into_a_slot_that_arrives()
    print(f"migrate_keys: values in both directions, {len(ours)} equal replies, two imports, one slot on its way")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Migrates from a redis-server under writes: at the end every value is in RingKV, and keys left out are
counted."""
import threading

import redis

from dataset import everything
from servers import eventually, start_redis, start_ringkv

KEYS = 20000
DATABASES = (0, 3)


def connect(server, db=0):
    return redis.Redis(port=server.port, db=db)


def write(server, stop):
    client = connect(server)
    number = 0
    while not stop.is_set():
        number += 1
        key = f"key:{number * 7919 % KEYS}"
        client.set(key, number)
        client.append(key, "more")
        client.expire(key, 1000)
        client.incr("counter")
        with client.pipeline(transaction=True) as transaction:
            transaction.set("one", number).lpush("list", number).ltrim("list", 0, 500).set("two", number).execute()
        client.hset("small hash", f"f{number % 9}", number)
        client.hincrbyfloat(f"hash:{number % 3}", f"f{number % 900}", 0.25)
        client.sadd("set", number % 7000)
        client.spop("set", 2)
        client.zadd("sorted", {f"m{number % 2000}": number / 3})
        client.zpopmin("sorted") if number % 5 == 0 else client.zincrby("sorted", 1, "m1")
        client.xadd("stream", {"f": number}, maxlen=100)
        client.execute_command("XADD", "trimmed", "MAXLEN", "~", 150, "LIMIT", 200, "*", "f", number)
        client.execute_command("XTRIM", "trimmed", "MINID", "~", f"{number}-0")
        for _, entries in client.xreadgroup("group", f"consumer{number % 3}", {"trimmed": ">"}, count=2):
            if number % 2:
                client.xack("trimmed", "group", *[entry for entry, _ in entries])
        if number % 50 == 0:
            client.xautoclaim("trimmed", "group", "other", 0, count=3)
            client.xgroup_delconsumer("trimmed", "group", "consumer1")


def follow(source_server, source, stop, writer):
    with start_ringkv("--migrate-from", f"127.0.0.1 {source_server.port}") as ringkv:
        client = connect(ringkv)

        def info(field):
            return client.info("replication")[field]

        eventually(lambda: info("migrate_link_status") == "up", "the link is up")
        try:
            client.set("a", "b")
            raise AssertionError("a server that migrates takes writes")
        except redis.exceptions.ReadOnlyError:
            pass
        for _ in range(3):
            source.execute_command("CLIENT", "KILL", "TYPE", "replica")
            eventually(lambda: source.info("replication")["connected_slaves"] == 1, "the link is up again")
        source.execute_command("FUNCTION", "LOAD",
                               "#!lua name=library\nredis.register_function('f', function() return 1 end)")
        stop.set()
        writer.join()
        eventually(lambda: info("migrate_offset") == source.info("replication")["master_repl_offset"], "all is here")
        expected, got = everything(source_server, DATABASES), everything(ringkv, DATABASES)
        assert got == expected, [key for key in got.keys() | expected.keys() if got.get(key) != expected.get(key)][:9]
        libraries = [server.execute_command("FUNCTION", "LIST", "WITHCODE") for server in (client, source)]
        assert libraries[0] == libraries[1] != [], libraries
        assert info("migrate_commands_left_out") == 0, info("migrate_commands_left_out")
        assert client.execute_command("REPLICAOF", "NO", "ONE")
        assert client.set("a", "b")
        eventually(lambda: source.info("replication")["connected_slaves"] == 0, "the link is gone")
        return len(expected)


def refuses_to_take_the_place_of_data(source_server):
    with start_ringkv() as ringkv:
        connect(ringkv).set("own", "data")
        connect(ringkv).save()
        try:
            start_ringkv("--migrate-from", f"127.0.0.1 {source_server.port}", "--dir", ringkv.dir).stop()
            raise AssertionError("data was replaced")
        except AssertionError as error:
            assert "would take the place of 1 keys" in str(error) or "another server uses" in str(error), error


def asks_no_redis_server_for_a_sync_by_replicaof(source_server, source):
    before = source.info("stats")["sync_full"]
    with start_ringkv("--replicaof", f"127.0.0.1 {source_server.port}") as ringkv:
        eventually(lambda: "it is a Redis server: to move in from Redis use" in ringkv.log(), "the warning")
    assert source.info("stats")["sync_full"] == before, "the Redis server made a snapshot in vain"


def main():
    with start_redis("--repl-diskless-sync-delay", "0") as source_server:
        source = connect(source_server)
        with source.pipeline(transaction=False) as pipeline:
            for i in range(KEYS):
                pipeline.set(f"key:{i}", "x" * (i % 300))
            pipeline.execute()
        source.hset("a hash", "f", "v")
        source.xgroup_create("trimmed", "group", "0", mkstream=True)
        connect(source_server, 3).set("elsewhere", 1, ex=1000)
        stop = threading.Event()
        writer = threading.Thread(target=write, args=(source_server, stop))
        writer.start()
        try:
            count = follow(source_server, source, stop, writer)
        finally:
            stop.set()
            writer.join()
        refuses_to_take_the_place_of_data(source_server)
        asks_no_redis_server_for_a_sync_by_replicaof(source_server, source)
    print(f"migrate: {count} keys are equal after three cut lines")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Libraries of functions are data: they survive restarts and crashes, reach replicas of both kinds, and go to
redis-server and come from there in every way that keys do."""
import os
import subprocess
import sys
import tempfile

import redis

from servers import eventually, server_binary, start_redis, start_ringkv

COUNTER = """#!lua name=counter
redis.register_function('add', function(keys, args) return redis.call('INCRBY', keys[1], args[1]) end)
redis.register_function{function_name='total', callback=function(keys) return redis.call('GET', keys[1]) end,
  flags={'no-writes'}, description='what was added'}
"""
# Long enough to be compressed in a payload and in an RDB file.
LONG = "#!lua name=long\n" + "-- the same comment again and again\n" * 50 + """
redis.register_function('echo', function(keys, args) return {keys, args} end)
"""
BINARY = b"#!lua name=binary\nredis.register_function('bytes', function() return '\xff\\0\xfe' end)"


def connect(server):
    return redis.Redis(port=server.port)


def libraries(server):
    """{name: code}; None while the server loads its data."""
    found = {}
    try:
        rows = connect(server).function_list(withcode=True)
    except redis.exceptions.BusyLoadingError:
        return None
    for row in rows:
        fields = dict(zip(row[::2], row[1::2]))
        found[fields[b"library_name"]] = fields[b"library_code"]
    return found


def fill(client):
    for code in (COUNTER, LONG, BINARY):
        client.function_load(code)
    client.set("sum", 0)
    assert client.fcall("add", 1, "sum", 5) == 5


def works(server, wanted):
    assert libraries(server) == wanted, libraries(server)
    client = connect(server)
    assert client.fcall("total", 1, "sum") == b"5"
    assert client.fcall("echo", 1, "k", "a") == [[b"k"], [b"a"]]
    assert client.fcall("bytes", 0) == b"\xff\0\xfe"


def restarts():
    """With a log and without, after a crash and after an orderly end."""
    for log, crash in (("yes", True), ("yes", False), ("no", False)):
        with tempfile.TemporaryDirectory() as folder:
            options = ["--dir", folder, "--appendonly", log, "--appendfsync", "always"]
            with start_ringkv(*options) as server:
                client = connect(server)
                fill(client)
                client.function_load("#!lua name=gone\nredis.register_function('gone', function() end)")
                client.function_delete("gone")
                client.function_load("#!lua name=counter\nredis.register_function('old', function() end)", replace=True)
                client.function_load(COUNTER, replace=True)
                wanted = libraries(server)
                if log == "no":
                    client.save()
                if crash:
                    server.process.kill()
                    server.process.wait()
            with start_ringkv(*options) as server:
                works(server, wanted)
                # A snapshot, and the log behind it.
                client = connect(server)
                client.save()
                client.function_delete("long")
                client.function_load(LONG)
                if log == "yes":
                    server.process.kill()
                    server.process.wait()
            with start_ringkv(*options) as server:
                works(server, wanted)
                check_files(folder, wanted)
                client = connect(server)
                client.function_flush()
            if log == "yes":
                with start_ringkv(*options) as server:
                    assert libraries(server) == {}


def check_files(folder, wanted):
    """ringkv-check shows them, and writes them for redis-server."""
    check = os.path.join(os.path.dirname(server_binary()), "ringkv-check")
    dump = subprocess.run([check, folder, "--dump", "json"], capture_output=True, check=True).stdout
    assert dump.count(b'"library":') >= len(wanted), dump
    with tempfile.TemporaryDirectory() as redis_folder:
        subprocess.run([check, folder, "--dump", "aof", "--into", os.path.join(redis_folder, "appendonlydir")],
                       capture_output=True, check=True)
        with start_redis("--dir", redis_folder, "--appendonly", "yes") as theirs:
            works(theirs, wanted)


def stays_with_the_data():
    with start_ringkv("--enable-debug-command", "yes") as server:
        client = connect(server)
        fill(client)
        wanted = libraries(server)
        client.execute_command("DEBUG", "RELOAD")
        works(server, wanted)
        client.flushall()
        assert libraries(server) == wanted
        # All of a transaction, or nothing; its functions are there for the commands behind.
        with client.pipeline(transaction=True) as pipe:
            pipe.function_load("#!lua name=inside\nredis.register_function('inside', function() return 'yes' end)")
            pipe.fcall("inside", 0)
            assert pipe.execute() == [b"inside", b"yes"]


def replicas():
    """A replica that joins before, and one after; each is promoted in the end."""
    with start_ringkv() as primary, start_ringkv("--replicaof", f"127.0.0.1 {primary.port}") as early:
        client = connect(primary)
        eventually(lambda: client.info("replication")["connected_slaves"] == 1, "the early replica")
        fill(client)
        client.function_restore(client.function_dump(), "REPLACE")
        wanted = libraries(primary)
        with start_ringkv("--replicaof", f"127.0.0.1 {primary.port}") as late:
            for replica in (early, late):
                eventually(lambda: libraries(replica) == wanted, "libraries on a replica")
                eventually(lambda: connect(replica).get("sum") == b"5", "keys on a replica")
                try:
                    connect(replica).function_flush()
                    raise AssertionError("a replica takes changes")
                except redis.exceptions.ReadOnlyError:
                    pass
                connect(replica).execute_command("REPLICAOF", "NO", "ONE")
                works(replica, wanted)


def changes_go_out(client):
    """Each of them, and a function that goes from one library to another."""
    client.function_load("#!lua name=a\nredis.register_function('f', function() return 1 end)")
    client.function_load("#!lua name=b\nredis.register_function('g', function() return 1 end)")
    with start_redis() as other:
        swapped = connect(other)
        swapped.function_load("#!lua name=a\nredis.register_function('g', function() return 2 end)")
        swapped.function_load("#!lua name=b\nredis.register_function('f', function() return 2 end)")
        client.function_restore(swapped.function_dump(), "REPLACE")
    client.function_delete("a")


def redis_replicas():
    with start_ringkv() as primary:
        client = connect(primary)
        fill(client)
        with start_redis("--replicaof", "127.0.0.1", str(primary.port)) as replica:
            eventually(lambda: libraries(replica) == libraries(primary), "the RDB file has the libraries")
            changes_go_out(client)
            eventually(lambda: libraries(replica) == libraries(primary), "the stream has the changes")
            client.function_flush()
            eventually(lambda: libraries(replica) == {}, "the stream has the flush")
            fill(client)
            wanted = libraries(primary)
            eventually(lambda: libraries(replica) == wanted, "the stream has new ones")
            assert "CRITICAL" not in replica.log(), replica.log()
            eventually(lambda: connect(replica).get("sum") == b"5", "what a function wrote")
            connect(replica).execute_command("REPLICAOF", "NO", "ONE")
            works(replica, wanted)


def moves_in():
    with start_redis() as source:
        client = connect(source)
        fill(client)
        with start_ringkv("--migrate-from", f"127.0.0.1 {source.port}") as target:
            eventually(lambda: libraries(target) == libraries(source), "the RDB file has the libraries")
            changes_go_out(client)
            eventually(lambda: libraries(target) == libraries(source), "the stream has the changes")
            client.function_flush()
            fill(client)
            wanted = libraries(source)
            eventually(lambda: libraries(target) == wanted, "the stream has new ones")
            eventually(lambda: connect(target).get("sum") == b"5", "and keys")
            assert connect(target).info("replication")["migrate_commands_left_out"] == 0
            connect(target).execute_command("REPLICAOF", "NO", "ONE")
            works(target, wanted)


def files_and_payloads():
    with start_redis() as theirs, start_ringkv() as ours, tempfile.TemporaryDirectory() as folder:
        their, our = connect(theirs), connect(ours)
        for code in (COUNTER, LONG, BINARY):  # with one library no order matters
            for client in (their, our):
                client.function_flush()
                client.function_load(code)
            assert their.function_dump() == our.function_dump(), code
        for client in (their, our):
            client.function_flush()
        fill(their)
        wanted = libraries(theirs)
        our.function_restore(their.function_dump())
        assert libraries(ours) == wanted
        their.function_restore(our.function_dump(), "FLUSH")
        assert libraries(theirs) == wanted
        their.save()
        with start_ringkv("--load-rdb", os.path.join(theirs.dir, "dump.rdb")) as loaded:
            works(loaded, wanted)
            subprocess.run(["redis-cli", "-p", str(loaded.port), "--rdb", os.path.join(folder, "dump.rdb")], check=True,
                           capture_output=True, timeout=20)
        with start_redis("--dir", folder) as again:
            works(again, wanted)


def main():
    for part in (restarts, stays_with_the_data, replicas, redis_replicas, moves_in, files_and_payloads):
        part()
    print("libraries survive, follow, and go both ways")
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Append-only files that redis-server has written are loaded with every value: rewritten and not, with and without an
RDB part, in several files or in one, torn at the end. What can't be executed is named with its file and offset."""
import glob
import os
import shutil
import tempfile
import time

import redis

from dataset import everything
from rdb import fill
from servers import eventually, start_redis, start_ringkv
from way_out import Writer

DATABASES = range(16)
LONG_AGO = 1_000_000_000_000  # milliseconds


def expect_same(expected, got):
    different = [key for key in expected.keys() | got.keys() if expected.get(key) != got.get(key)]
    # What expires between the two reads is no difference.
    now = time.time() * 1000
    different = [key for key in different if not (key not in got and 0 < expected[key][2] <= now)]
    assert not different, (len(different), [(key, expected.get(key), got.get(key)) for key in different[:3]])


def encode(*words):
    words = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def loaded(path, *options):
    return start_ringkv("--load-aof", path, *options)


def refuses(path, *words, options=()):
    try:
        loaded(path, *options).stop()
    except AssertionError as error:
        for word in words:
            assert word in str(error), (word, str(error))
        return
    raise AssertionError(f"{path} was loaded: {words}")


def write_all_types(server, seed):
    writer = Writer(server, seed)
    writer.start()
    eventually(lambda: writer.rounds >= 20, "writes")
    writer.stop()


def rewrite(client):
    client.bgrewriteaof()
    eventually(lambda: client.info("persistence")["aof_rewrite_in_progress"] == 0, "the rewrite has ended")
    assert client.info("persistence")["aof_last_bgrewrite_status"] == "ok"


def from_redis(*options, rewrites=False, fills=False):
    """Returns what the files hold, and a copy of the directory."""
    with start_redis("--appendonly", "yes", "--appendfsync", "no", *options) as source:
        if fills:
            fill(source.connect())
        write_all_types(source, 1)
        if rewrites:
            rewrite(redis.Redis(port=source.port))
            write_all_types(source, 2)
        expected = everything(source, DATABASES)
        source.process.terminate()
        source.process.wait()
        copy = tempfile.mkdtemp(prefix="ringkv-test-")
        shutil.copytree(os.path.join(source.dir, "appendonlydir"), copy, dirs_exist_ok=True)
        return expected, copy


def real_ones_are_loaded():
    for options, rewrites, more in (
            ((), False, ("--appendonly", "yes")),
            (("--aof-timestamp-enabled", "yes", "--appendfilename", "my data.aof"), True,
             ("--appendfilename", "my data.aof")),
            (("--aof-use-rdb-preamble", "no"), True, ())):
        expected, directory = from_redis(*options, rewrites=rewrites, fills=not options)
        try:
            with loaded(directory, *more) as ringkv:
                expect_same(expected, everything(ringkv, DATABASES))
                if "--appendonly" in more:
                    only_into_an_empty_data_set(ringkv, directory, expected)
            if not options:
                in_one_file(directory, expected)
        finally:
            shutil.rmtree(directory)


def functions_of_base_and_increment():
    """As commands and in RDB form; a later one replaces or deletes an earlier one."""
    for preamble in ("yes", "no"):
        with start_redis("--appendonly", "yes", "--appendfsync", "no", "--aof-use-rdb-preamble", preamble) as source:
            client = redis.Redis(port=source.port)
            for name in ("kept", "replaced", "deleted"):
                client.function_load(f"#!lua name={name}\nredis.register_function('{name}', function() return 1 end)")
            rewrite(client)
            client.function_load("#!lua name=replaced\n"
                                 "redis.register_function('replaced', function(keys) "
                                 "return redis.call('GET', keys[1]) end)", replace=True)
            client.function_delete("deleted")
            client.set("key", "value")
            expected = client.function_list(withcode=True)
            source.process.terminate()
            source.process.wait()
            with loaded(os.path.join(source.dir, "appendonlydir")) as ringkv:
                client = redis.Redis(port=ringkv.port)
                assert client.fcall("kept", 0) == 1 and client.fcall("replaced", 1, "key") == b"value"
                names = sorted(row[1] for row in client.function_list(withcode=True))
                assert names == sorted(row[1] for row in expected) == [b"kept", b"replaced"], names


def only_into_an_empty_data_set(ringkv, directory, expected):
    """It is in RingKV's own log from then on."""
    client = redis.Redis(port=ringkv.port)
    client.set("newer", "value")
    ringkv.process.terminate()
    ringkv.process.wait()
    with loaded(directory, "--dir", ringkv.dir, "--appendonly", "yes") as again:
        assert redis.Redis(port=again.port).get("newer") == b"value"
        assert "was not loaded" in again.log(), again.log()
        got = everything(again, DATABASES)
        del got[0, b"newer"]
        expect_same(expected, got)


def in_one_file(directory, expected):
    """As Redis 6 has it: the RDB form, then commands; by its name, and by that of its directory."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "appendonly.aof")
        with open(path, "wb") as out:
            for kind in ("base.rdb", "incr.aof"):
                with open(glob.glob(f"{directory}/*.{kind}")[0], "rb") as part:
                    out.write(part.read())
        for name in (path, folder):
            with loaded(name) as ringkv:
                expect_same(expected, everything(ringkv, DATABASES))


def in_the_directory_of_redis():
    """The binary is replaced, the configuration stays: the log of RingKV begins beside the files of Redis."""
    with start_redis("--appendonly", "yes") as source, tempfile.TemporaryDirectory() as folder:
        redis.Redis(port=source.port).set("key", "value")
        source.process.terminate()
        source.process.wait()
        shutil.copytree(os.path.join(source.dir, "appendonlydir"), os.path.join(folder, "appendonlydir"))
        for _ in range(2):
            with loaded(os.path.join(folder, "appendonlydir"), "--dir", folder, "--appendonly", "yes") as ringkv:
                assert redis.Redis(port=ringkv.port).get("key") == b"value"
        assert os.path.exists(os.path.join(folder, "appendonlydir", "appendonly.aof.manifest"))


def torn_and_damaged_ones():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "appendonly.aof")

        def file(*parts):
            with open(path, "wb") as out:
                out.write(b"".join(parts))
            return path

        first = encode("SELECT", 3) + encode("SET", "first", b"\r\n\0\xff*1\r\n")
        transaction = encode("MULTI") + encode("SET", "a", 1) + encode("SET", "b", 2)
        for tail in (b"*3\r\n$3\r\nSET\r\n$1\r\nk", b"*", transaction, transaction + encode("EXEC")[:-1], b"#TS:17"):
            with loaded(file(first, tail)) as ringkv:
                client = redis.Redis(port=ringkv.port, db=3)
                assert client.get("first") == b"\r\n\0\xff*1\r\n" and client.dbsize() == 1, tail
                assert f"offset {len(first)}; these {len(tail)} bytes are left out" in ringkv.log(), ringkv.log()
            refuses(path, f"offset {len(first)}", "aof-load-truncated", options=("--aof-load-truncated", "no"))
        with loaded(file(first, transaction, encode("EXEC"), b"#TS:1700000000\r\n")) as ringkv:
            assert redis.Redis(port=ringkv.port, db=3).dbsize() == 3
        at = f"'{path}' at offset {len(first)}:"
        refuses(file(first, b"hello\r\n"), at, "there is no command")
        refuses(file(first, b"*1\r\n+PING\r\n"), at)
        refuses(file(first, encode("NO.SUCH", "k")), at, '"NO.SUCH" is not known here')
        refuses(file(first, encode("SHUTDOWN")), at, '"SHUTDOWN" changes no data')
        refuses(file(first, encode("INCR", "first")), at, '"INCR" failed: ERR value is not an integer')
        refuses(file(first, encode("SELECT", 99)), at, '"SELECT" failed: ERR DB index is out of range')
        refuses(file(b"REDIS0010\xfb"), path, "damaged at offset")
        refuses(os.path.join(folder, "missing.aof"), "missing.aof", "No such file")
        refuses(file(first), "can't be given together", options=("--load-rdb", path))
        refuses(file(first), "'b.aof.manifest' nor 'b.aof'",
                options=("--load-aof", folder, "--appendfilename", "b.aof"))


def broken_manifests():
    with tempfile.TemporaryDirectory() as folder:
        manifest = os.path.join(folder, "appendonly.aof.manifest")
        for name in ("1", "2"):
            with open(os.path.join(folder, name), "wb") as out:
                out.write(encode("SET", f"key{name}", name)[:-1 if name == "1" else None])

        def file(text):
            with open(manifest, "w", encoding="ascii") as out:
                out.write(text)
            return folder

        refuses(file(""), manifest, "names no file")
        refuses(file("file 1 seq 1 type x\n"), "line 1: expected 'file <name> seq <number> type <b|i|h>'")
        refuses(file("# comment\nfile ../1 seq 1 type i\n"), "line 2: expected")
        refuses(file("file 1 seq 2 type i\nfile 2 seq 1 type i\n"), "line 2", "ascend")
        refuses(file("file 1 seq 1 type b\nfile 2 seq 1 type b\n"), "line 2", "a second base")
        refuses(file("file 3 seq 1 type i\n"), f"{folder}/3", "No such file")
        refuses(file("file 1 seq 1 type b\nfile 2 seq 1 type i\n"), f"'{folder}/1'", "offset 0, and files follow it")
        with loaded(file("file 2 seq 1 type i\nfile 1 seq 2 type i\nfile gone seq 1 type h\n")) as ringkv:
            assert redis.Redis(port=ringkv.port).keys() == [b"key2"], "the tail of the last file may be torn"


def expired_keys_stay_until_the_file_deletes_them():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "appendonly.aof")
        with open(path, "wb") as out:
            for words in (("SET", "kept", "value", "PXAT", LONG_AGO), ("APPEND", "kept", "!"), ("PERSIST", "kept"),
                          ("SET", "later", "value"), ("PEXPIREAT", "later", LONG_AGO), ("PERSIST", "later"),
                          ("SET", "gone", "value", "PXAT", LONG_AGO)):
                out.write(encode(*words))
        with loaded(path) as ringkv:
            client = redis.Redis(port=ringkv.port)
            assert sorted(client.keys()) == [b"kept", b"later"] and client.get("kept") == b"value!"


def main():
    real_ones_are_loaded()
    functions_of_base_and_increment()
    in_the_directory_of_redis()
    torn_and_damaged_ones()
    broken_manifests()
    expired_keys_stay_until_the_file_deletes_them()
    print("append-only files of redis-server are loaded")


if __name__ == "__main__":
    main()

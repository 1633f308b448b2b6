#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""From Redis to RingKV by its RDB file or by DUMP, and back by `redis-cli --rdb`: every value arrives, with its
expiry."""
import os
import random
import struct
import subprocess
import sys
import tempfile
import threading

from dataset import everything
from resp import Client
from servers import start_redis, start_ringkv

DATABASES = 16
FAR = 4102444800000  # milliseconds: the year 2100


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def same(got, wanted):
    different = [key for key in got.keys() | wanted.keys() if got.get(key) != wanted.get(key)]
    expect(not different, f"{len(different)} keys differ, the first: {different[:3]}")


def progress(client):
    return [client.raw("XINFO", "GROUPS", key) for key in ("stream3", "stream2000", "no entries")]


def fill(client):
    """Strings of every form, in several databases, and one or more keys of each other type and encoding."""
    chance = random.Random(1)
    values = [b"", b"0", b"-1", b"127", b"-129", b"40000", b"-2147483648", b"2147483648", b"9223372036854775807",
              b"007", b"a" * 20, b"a" * 21, b"ab" * 5000, bytes(range(256)), b"\r\n\0", chance.randbytes(1000),
              b"x" * 3_000_000]
    for i in range(5000):
        value = values[i % len(values)] if i < 200 else b"value %d" % chance.randrange(10**9)
        client.raw("SELECT", chance.choice((0, 0, 0, 5, 15)))
        client.raw("SET", b"key\xff%d" % i if i % 7 == 0 else f"key:{i}", value,
                   *(("PXAT", FAR + i) if i % 3 == 0 else ()))
    client.raw("SELECT", 0)
    client.raw("SET", "a" * 20000, "long key")
    client.raw("SET", "12345", "number key")
    for size in (3, 2000):
        for i in range(size):
            member = f"{'m' * 70 if size > 3 and i == 0 else ''}{i}"
            client.raw("RPUSH", f"list{size}", member)
            client.raw("SADD", f"set{size}", "m" + member)
            client.raw("SADD", f"ints{size}", i)
            client.raw("ZADD", f"zset{size}", i / 7, member)
            client.raw("HSET", f"hash{size}", member, i)
            client.raw("XADD", f"stream{size}", "*", "field", member)
    client.raw("RPUSH", "biglist", b"y" * 100_000, b"z")
    client.raw("PEXPIREAT", "list3", FAR)
    client.raw("ZADD", "zset3", "inf", "top", "-inf", "bottom", "1e300", "huge", "-0", "zero", "12345678901234", "long")
    client.raw("SADD", "ints3", "-5", "70000", "-5000000000")
    client.raw("RPUSH", "list3", "-5", "4095", "-4097", "8388607", "-2147483649", "9223372036854775807", "",
               b"\xff" * 70, b"s" * 5000)
    client.raw("HSET", "hash3", "", "")
    client.raw("XGROUP", "CREATE", "stream3", "group", "0")
    client.raw("XREADGROUP", "GROUP", "group", "consumer", "COUNT", "2", "STREAMS", "stream3", ">")
    client.raw("XADD", "stream3", "MAXLEN", "1", "*", "a", "b")
    client.raw("XADD", "stream2000", "2000000000000-5", "field", "1", "other", "x" * 5000, "-7", "123456789")
    client.raw("XDEL", "stream2000", "2000000000000-5")
    client.raw("XTRIM", "stream2000", "MAXLEN", "1950")
    client.raw("XGROUP", "CREATE", "stream2000", "new", "$", "ENTRIESREAD", "7")
    client.raw("XGROUP", "CREATE", "no entries", "group", "0", "MKSTREAM")
    client.raw("FUNCTION", "LOAD", "#!lua name=library\nredis.register_function('f', function() return 1 end)")


def crc64(data):
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x95ac9329ac4bc9b5 if byte & 1 else 0)
        table.append(byte)
    crc = 0
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xff]
    return crc


def from_redis(compression):
    with start_redis("--rdbcompression", compression) as redis:
        client = redis.connect()
        fill(client)
        expect(client.raw("SAVE") == b"+OK\r\n", "SAVE")
        wanted = everything(redis, range(DATABASES))
        path = os.path.join(redis.dir, "dump.rdb")
        for options in ([], ["--appendonly", "yes"]):
            with start_ringkv("--load-rdb", path, *options) as ringkv:
                same(everything(ringkv, range(DATABASES)), wanted)
                expect(progress(ringkv.connect()) == progress(client), "how far groups have read")
                expect(ringkv.connect().raw("FCALL", "f", "0") == b":1\r\n", "a function")
                for key in ("list3", "set2000", "ints3", "zset3", "hash3", "hash2000"):
                    expect(ringkv.connect().raw("OBJECT", "ENCODING", key) == client.raw("OBJECT", "ENCODING", key),
                           key)
        with open(path, "rb") as file:
            return wanted, file.read()


def refuses(path, *words):
    try:
        with start_ringkv("--load-rdb", path):
            pass
    except AssertionError as error:
        for word in words:
            expect(word in str(error), f"{word!r} in {error}")
        return
    raise AssertionError(f"{path} was loaded: {words}")


def versions_and_damage(whole):
    with tempfile.TemporaryDirectory() as folder:
        def file(data):
            path = os.path.join(folder, "some.rdb")
            with open(path, "wb") as out:
                out.write(data)
            return path

        for version in (9, 10, 11, 12):
            body = b"REDIS%04d" % version + whole[9:-8]
            with start_ringkv("--load-rdb", file(body + struct.pack("<Q", crc64(body)))) as ringkv:
                expect(ringkv.connect().raw("GET", "12345") == b"$10\r\nnumber key\r\n", f"version {version}")
        with start_ringkv("--load-rdb", file(whole[:-8] + b"\0" * 8)) as ringkv:
            expect(ringkv.connect().raw("GET", "12345") == b"$10\r\nnumber key\r\n", "without a checksum")
        refuses(file(b"REDIS0013" + whole[9:]), "version 13", "9 to 12")
        refuses(file(b"REDIS0008" + whole[9:]), "version 8")
        refuses(file(b"RINGKV" + whole[6:]), "does not begin with REDIS")
        refuses(file(whole[:len(whole) // 2]), "damaged at offset")
        refuses(file(whole[:1000] + bytes([whole[1000] ^ 1]) + whole[1001:]), "damaged at offset")
        refuses(os.path.join(folder, "missing.rdb"), "missing.rdb", "No such file")


def only_into_an_empty_data_set(path):
    with start_ringkv("--load-rdb", path, "--appendonly", "yes") as first:
        client = first.connect()
        client.raw("SET", "12345", "newer")
        client.send("SHUTDOWN", "NOSAVE")
        client.read_to_end()
        with start_ringkv("--dir", first.dir, "--load-rdb", path, "--appendonly", "yes") as again:
            expect(again.connect().raw("GET", "12345") == b"$5\r\nnewer\r\n", "what is newer stays")
            expect("was not loaded" in again.log(), again.log())


def under_its_own_name(path):
    folder, name = os.path.split(path)
    try:
        with start_ringkv("--dir", folder, "--dbfilename", name):
            pass
    except AssertionError as error:
        expect("RDB file of Redis" in str(error) and "--load-rdb" in str(error), str(error))
    else:
        raise AssertionError("an RDB file was taken for a snapshot")


def to_redis(path, wanted):
    """Export during writes."""
    with start_ringkv("--load-rdb", path) as ringkv, tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, "dump.rdb")
        done = threading.Event()

        def write():
            client = Client(ringkv.port)
            number = 0
            while not done.is_set():
                client.raw("SET", f"written:{number % 1000}", number)
                client.raw("RENAME", f"written:{number % 1000}", f"renamed:{number % 1000}")
                number += 1

        writer = threading.Thread(target=write)
        writer.start()
        made = subprocess.run(["redis-cli", "-p", str(ringkv.port), "--rdb", copy], capture_output=True, text=True,
                              timeout=60, check=False)
        done.set()
        writer.join()
        expect(made.returncode == 0, made.stderr)
        check = subprocess.run(["redis-check-rdb", copy], capture_output=True, text=True, timeout=60, check=False)
        expect(check.returncode == 0, check.stdout)
        with start_redis("--dir", folder) as redis:
            got = {key: value for key, value in everything(redis, range(DATABASES)).items()
                   if not key[1].startswith((b"written:", b"renamed:"))}
            same(got, wanted)


def dump(client, key):
    return client.raw("DUMP", key).split(b"\r\n", 1)[1][:-2]


def by_dump():
    """DUMP and RESTORE in both directions, over a key with another value."""
    with start_redis() as theirs, start_ringkv() as ours:
        a, b = theirs.connect(), ours.connect()
        fill(a)
        wanted = everything(theirs, [0])
        for (_, key), (_, _, expiry) in wanted.items():
            ttl = max(expiry, 0)
            for source, target in ((a, b), (b, a)):
                dumped = dump(source, key)
                target.raw("SET", key, "something else")
                expect(target.raw("RESTORE", key, ttl, dumped, "REPLACE", "ABSTTL") == b"+OK\r\n", f"RESTORE {key}")
        same(everything(ours, [0]), wanted)
        same(everything(theirs, [0]), wanted)
        for change in range(0, 60, 3):
            broken = bytearray(dump(a, "hash3"))
            broken[change % len(broken)] ^= 1
            expect(b.raw("RESTORE", "broken", 0, bytes(broken))[:1] == b"-", "a changed payload is refused")


def to_a_slow_reader():
    """A client that does not read takes little memory of the server."""
    with start_ringkv() as ringkv:
        client = ringkv.connect()
        for i in range(200):
            client.raw("SET", f"big{i}", os.urandom(500_000))
        slow = Client(ringkv.port)
        slow.raw("REPLCONF", "capa", "eof", "rdb-only", "1")
        slow.send("SYNC")
        head = slow.input.readline()
        expect(head.startswith(b"$EOF:") and len(head) == 47, str(head))
        lines = client.raw("CLIENT", "LIST").decode().splitlines()
        held = [int(word.removeprefix("tot-mem=")) for line in lines for word in line.split()
                if word.startswith("tot-mem=")]
        expect(held and max(held) < 16_000_000, f"memory of the clients: {held}")
        rest = slow.read_to_end()
        mark = head[5:45]
        expect(rest.endswith(mark), "the end mark")
        rdb = rest[:-40]
        expect(rdb.startswith(b"REDIS0010") and len(rdb) > 100_000_000, f"{len(rdb)} bytes")
        expect(client.raw("PING") == b"+PONG\r\n", "the server goes on")


def main():
    from_redis("no")
    wanted, whole = from_redis("yes")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "dump.rdb")
        with open(path, "wb") as out:
            out.write(whole)
        versions_and_damage(whole)
        only_into_an_empty_data_set(path)
        under_its_own_name(path)
        to_redis(path, wanted)
    by_dump()
    to_a_slow_reader()
    print(f"{len(wanted)} keys came from Redis and went back")
    return 0


if __name__ == "__main__":
    sys.exit(main())

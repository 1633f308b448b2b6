#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Moves out of RingKV live: a redis-server follows it as a replica while clients write values of all types, lines are
cut, and both are killed; in the end it has the same keys, and redis-cli and a reader of the stream can do their
work."""
import argparse
import os
import pty
import random
import select
import socket
import subprocess
import tempfile
import threading
import time

import redis

from dataset import everything
from servers import eventually, server_binary, start_redis, start_ringkv

DATABASES = (0, 1, 3)


def connect(server, db=0):
    return redis.Redis(port=server.port, db=db)


class Proxy:
    """A line to a port that can be cut."""

    def __init__(self, port):
        self.target = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.lines = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                if self.listener.fileno() < 0:
                    return
                near.close()
                continue
            self.lines += [near, far]
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self.carry, args=(source, sink), daemon=True).start()

    @staticmethod
    def carry(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        for side in (source, sink):
            try:
                side.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        for line in self.lines:
            try:
                line.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.lines = []

    def close(self):
        self.listener.close()
        self.cut()


class Writer(threading.Thread):
    """Random writes of all types, until stopped."""

    def __init__(self, server, seed):
        super().__init__()
        self.server = server
        self.random = random.Random(seed)
        self.stopping = threading.Event()
        self.rounds = 0

    def run(self):
        client = connect(self.server)
        while not self.stopping.is_set():
            try:
                with client.pipeline(transaction=self.random.random() < 0.2) as pipeline:
                    for _ in range(30):
                        self.write(pipeline)
                    pipeline.execute(raise_on_error=False)
                self.rounds += 1
            except redis.exceptions.ConnectionError:  # the server is being restarted
                time.sleep(0.01)
                client = connect(self.server)

    def stop(self):
        self.stopping.set()
        self.join()

    def write(self, to):
        pick = self.random
        n, key = pick.randrange(2000), f"{pick.randrange(2000)}"
        other = f"{pick.randrange(2000)}"
        choices = [
            lambda: to.set("s:" + key, n),
            lambda: to.set("s:" + key, "x" * n, px=pick.randrange(1, 100_000)),
            lambda: to.setex("s:" + key, 1000, n),
            lambda: to.append("s:" + key, "more"),
            lambda: to.setrange("s:" + key, n % 100, "patch"),
            lambda: to.setbit("bits:" + key, n, 1),
            lambda: to.incr("n:" + key),
            lambda: to.incrbyfloat("f:" + key, 0.1),
            lambda: to.getdel("s:" + key),
            lambda: to.persist("s:" + key),
            lambda: to.pexpire("s:" + key, pick.randrange(1, 50)),
            lambda: to.mset({"s:" + key: n, "s:" + other: n}),
            lambda: to.rename("s:" + key, "s:" + other),
            lambda: to.copy("h:" + key[:2], "h:copy" + key[:1], replace=True),
            lambda: to.delete("s:" + key, "l:" + key[:2]),
            lambda: to.hset("h:" + key[:2], mapping={f"f{n % 300}": n, "other": key}),
            lambda: to.hincrbyfloat("h:" + key[:2], f"f{n % 300}", 0.25) if n % 2
            else to.hdel("h:" + key[:2], f"f{n % 300}"),
            lambda: to.lpush("l:" + key[:2], n, "y" * (n % 90)),
            lambda: to.rpush("l:" + key[:2], n),
            lambda: to.linsert("l:" + key[:2], "BEFORE", n, "inserted"),
            lambda: to.lset("l:" + key[:2], 0, n),
            lambda: to.lrem("l:" + key[:2], n % 5 - 2, n),
            lambda: to.ltrim("l:" + key[:2], 0, 300),
            lambda: to.rpop("l:" + key[:2], 2),
            lambda: to.lmove("l:" + key[:2], "l:" + other[:2]),
            lambda: to.sadd("set:" + key[:2], n, other),
            lambda: to.sadd("ints:" + key[:1], n),
            lambda: to.spop("set:" + key[:2], 2),
            lambda: to.smove("set:" + key[:2], "set:" + other[:2], n),
            lambda: to.sunionstore("union", "set:" + key[:2], "ints:" + key[:1]),
            lambda: to.zadd("z:" + key[:2], {f"m{n}": n / 3, "inf": "inf"}),
            lambda: to.zincrby("z:" + key[:2], 0.1, f"m{n}"),
            lambda: to.zpopmin("z:" + key[:2]),
            lambda: to.zrangestore("zcopy", "z:" + key[:2], 0, 50),
            lambda: to.geoadd("geo", (n % 180, n % 80, key)),
            lambda: to.pfadd("hll:" + key[:1], n, key),
            lambda: to.xadd("x:" + key[:1], {"f": n, "g": key}, maxlen=200 if n % 9 == 0 else None, approximate=False),
            lambda: to.xadd("x:" + key[:1], {"f": n}),
            lambda: to.xgroup_create("x:" + key[:1], "group", "0", mkstream=True),
            lambda: to.xreadgroup("group", f"c{n % 3}", {"x:" + key[:1]: ">"}, count=3, noack=n % 4 == 0),
            lambda: to.xautoclaim("x:" + key[:1], "group", f"c{n % 3}", 0, count=2),
            lambda: to.execute_command("XTRIM", "x:" + key[:1], "MAXLEN", 50 + n % 100) if n % 20 == 0
            else to.xlen("x:1"),
            lambda: to.execute_command("XGROUP", "DELCONSUMER", "x:" + key[:1], "group", "c1") if n % 20 == 0 else None,
            lambda: to.execute_command("XGROUP", "SETID", "x:" + key[:1], "group", "0") if n % 50 == 0 else None,
            lambda: to.execute_command("XGROUP", "DESTROY", "x:" + key[:1], "group") if n % 90 == 0 else None,
            lambda: to.execute_command("SORT", "set:" + key[:2], "ALPHA", "STORE", "sorted"),
            lambda: to.execute_command("SWAPDB", 1, 3) if n % 40 == 0 else None,
            lambda: to.execute_command("MOVE", "s:" + key, pick.choice((1, 3))),
            lambda: to.execute_command("COPY", "s:" + key, "s:" + other, "DB", pick.choice((1, 3))),
            lambda: to.execute_command("FLUSHDB") if n == 1 and key[0] == "7" else None,
        ]
        pick.choice(choices)()


def offset(server):
    return connect(server).info("replication")["master_repl_offset"]


def is_level(primary, replica):
    """The replica has all, by the numbers that operators look at."""
    info = connect(replica).info("replication")
    return info["master_link_status"] == "up" and info["slave_repl_offset"] == offset(primary)


def expect_same(expected, got):
    for key in expected.keys() | got.keys():
        # What expires between the two reads, or while it is read, is no difference: -1 is what never does.
        soon = any(value[2] != -1 for value in (expected.get(key), got.get(key)) if value)
        assert expected.get(key) == got.get(key) or (soon and None in (expected.get(key), got.get(key))), \
            (key, expected.get(key), got.get(key))


def expect_equal(primary, replica):
    eventually(lambda: is_level(primary, replica), "the replica is level")
    expected = everything(primary, DATABASES)
    expect_same(expected, everything(replica, DATABASES))
    return len(expected)


def follow(primary, port, *options):
    return start_redis("--replicaof", f"127.0.0.1 {port}", "--repl-diskless-load", "disabled", *options)


def replicates_through_cuts_and_kills(seconds, seed):
    with start_ringkv("--appendonly", "yes", "--enable-debug-command", "yes") as primary:
        proxy = Proxy(primary.port)
        writers = [Writer(primary, seed + i) for i in range(2)]
        for writer in writers:
            writer.start()
        replica = follow(primary, proxy.port)
        kills, pick, end = 0, random.Random(seed), time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                eventually(lambda: connect(replica).info("replication")["master_link_status"] == "up", "the link is up")
                before = writers[0].rounds
                eventually(lambda: writers[0].rounds > before + 20, "writes")
                if pick.random() < 0.75:
                    proxy.cut()
                else:
                    kills += 1
                    replica.process.kill()
                    replica.stop()
                    replica = follow(primary, proxy.port)
            for writer in writers:
                writer.stop()
            keys = expect_equal(primary, replica)
            info = connect(primary).info()
            assert info["sync_partial_ok"] > 0, info["sync_partial_ok"]
            assert info["sync_full"] <= kills + 2 + info["sync_partial_err"], info
            assert "CRITICAL" not in replica.log() and "corruption" not in replica.log(), replica.log()
            slave = info["slave0"]
            assert slave["state"] == "online" and slave["port"] == replica.port and slave["lag"] <= 2, slave
            eventually(lambda: connect(primary).info("replication")["slave0"]["offset"] == offset(primary),
                       "the offset")
            role = connect(primary).execute_command("ROLE")
            assert role[0] == b"master" and role[1] == offset(primary), role
            return keys, info["sync_partial_ok"], kills
        finally:
            for writer in writers:
                writer.stop()
            proxy.close()
            replica.stop()


def the_primary_is_killed(seed, rounds=3):
    """RingKV is killed and started again: the replica follows it again, and has what it has, which may be less than the
    replica had."""
    options = ("--appendonly", "yes")
    primary = start_ringkv(*options)
    started = [primary]
    writers = [Writer(primary, seed + i) for i in range(2)]
    with follow(primary, primary.port) as replica:
        try:
            for writer in writers:
                writer.start()
            for _ in range(rounds):
                eventually(lambda: connect(replica).info("replication")["master_link_status"] == "up", "the link is up")
                before = writers[0].rounds
                eventually(lambda: writers[0].rounds > before + 10, "writes")
                primary.process.kill()
                primary.process.wait()
                primary = start_ringkv(*options, "--dir", started[0].dir, "--port", str(primary.port))
                started.append(primary)
            eventually(lambda: connect(replica).info("replication")["master_link_status"] == "up", "the link is up")
            for writer in writers:
                writer.stop()
            connect(primary).set("last", "write")
            assert connect(replica).info("replication")["role"] == "slave"
            assert expect_equal(primary, replica) > 0
            assert connect(replica).get("last") == b"write"
        finally:
            for writer in writers:
                writer.stop()
            for server in reversed(started):
                server.stop()


def the_replica_takes_over(seed):
    """The move itself: writes end, WAIT confirms, the replica becomes the primary of another one by partial sync."""
    with start_ringkv() as primary, follow(primary, primary.port) as first, follow(primary, primary.port) as second:
        client = connect(primary)
        for replica in (first, second):
            eventually(lambda: connect(replica).info("replication")["master_link_status"] == "up", "the link is up")
        writer = Writer(primary, seed)
        writer.start()
        eventually(lambda: writer.rounds > 50, "writes")
        writer.stop()
        client.set("last", "write")
        assert client.wait(2, 5000) == 2
        expect_equal(primary, first)
        expect_equal(primary, second)
        connect(first).replicaof("NO", "ONE")
        connect(second).replicaof("127.0.0.1", first.port)
        eventually(lambda: connect(second).info("replication")["master_link_status"] == "up", "it follows the other")
        assert connect(first).info()["sync_partial_ok"] == 1, "the second continues where it was"
        connect(first).set("after", "the move")
        eventually(lambda: connect(second).get("after") == b"the move", "the move is done")


def messages_arrive(primary_options=()):
    with start_ringkv(*primary_options) as primary, follow(primary, primary.port) as replica:
        eventually(lambda: connect(replica).info("replication")["master_link_status"] == "up", "the link is up")
        eventually(lambda: connect(primary).info("replication").get("slave0", {}).get("state") == "online", "online")
        listener = connect(replica).pubsub()
        listener.subscribe("channel")
        assert listener.get_message(timeout=5)["type"] == "subscribe"
        connect(primary).publish("channel", "message")
        assert listener.get_message(timeout=5)["data"] == b"message"


def a_slow_replica_is_cut(seed):
    """Its output is bounded; when it reads again, it syncs and has all."""
    with start_ringkv("--client-output-buffer-limit", "replica 16mb 8mb 60") as primary:
        with follow(primary, primary.port) as replica:
            eventually(lambda: connect(replica).info("replication")["master_link_status"] == "up", "the link is up")
            eventually(lambda: connect(primary).info("replication").get("slave0", {}).get("state") == "online",
                       "online")
            os.kill(replica.process.pid, 19)  # SIGSTOP
            client = connect(primary)
            for i in range(1000):
                client.set(f"big:{i % 10}", "x" * 100_000)
            eventually(lambda: "client-output-buffer-limit" in primary.log(), "the replica is cut")
            os.kill(replica.process.pid, 18)  # SIGCONT
            expect_equal(primary, replica)


def shows_in_a_terminal(command, shown):
    """Runs what goes on until it is stopped."""
    ours, theirs = pty.openpty()
    text = ""
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs) as tool:
        os.close(theirs)
        try:
            while shown not in text:
                readable, _, _ = select.select([ours], [], [], 20)
                assert readable, (command, text)
                text += os.read(ours, 65536).decode(errors="replace")
        finally:
            tool.kill()
            os.close(ours)


def tools_work(seed):
    with start_ringkv("--appendonly", "no", "--maxmemory-policy", "allkeys-lfu") as primary, \
            tempfile.TemporaryDirectory() as scratch, follow(primary, primary.port) as replica:
        eventually(lambda: connect(primary).info("replication").get("slave0", {}).get("state") == "online", "it is fed")
        client = connect(primary)
        for i in range(500):
            client.set(f"key:{i}", i)
        port = ["-p", str(primary.port)]
        file = os.path.join(scratch, "dump.rdb")
        subprocess.run(["redis-cli", *port, "--rdb", file], check=True, capture_output=True, timeout=60)
        checked = subprocess.run(["redis-check-rdb", file], check=True, capture_output=True, timeout=60).stdout
        assert b"500 keys read" in checked, checked
        subprocess.run(["redis-cli", *port, "--functions-rdb", file], check=True, capture_output=True, timeout=60)
        checked = subprocess.run(["redis-check-rdb", file], check=True, capture_output=True, timeout=60).stdout
        assert b" 0 keys read" in checked, checked
        for option, shown in (("--bigkeys", "Sampled 500 keys"), ("--memkeys", "Sampled 500 keys"),
                              ("--hotkeys", "Sampled 500 keys"), ("--scan", "key:499")):
            done = subprocess.run(["redis-cli", *port, option], check=True, capture_output=True, text=True, timeout=60)
            assert shown in done.stdout, (option, done.stdout, done.stderr)
        for options, shown in ((["--latency"], "avg:"), (["--latency-history", "-i", "1"], "seconds range"),
                               (["--latency-dist", "-i", "1"], "\x1b["), (["--stat", "-i", "0.1"], "clients")):
            shows_in_a_terminal(["redis-cli", *port, *options], shown)
        piped = "".join(f"SET piped:{i} {i}\r\n" for i in range(1000))
        done = subprocess.run(["redis-cli", *port, "--pipe"], input=piped, check=True, capture_output=True, text=True,
                              timeout=60)
        assert "errors: 0, replies: 1000" in done.stdout, done.stdout
        subprocess.run(["redis-cli", *port, "--intrinsic-latency", "1"], check=True, capture_output=True, timeout=60)
        expect_equal(primary, replica)
        with subprocess.Popen(["redis-cli", *port, "--replica"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True) as follower:
            try:
                eventually(lambda: connect(primary).info("replication")["connected_slaves"] == 2, "redis-cli follows")
                eventually(lambda: connect(primary).info("replication")["slave1"]["state"] == "online", "it is online")
                client.set("seen", "by redis-cli")
                line = follower.stdout.readline()
                while "seen" not in line:
                    assert line, "redis-cli ended"
                    line = follower.stdout.readline()
            finally:
                follower.kill()


class StreamReader:
    """Like tools for change capture: PSYNC without CAPA EOF, a file of a known length, then commands."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.file = self.socket.makefile("rb")

    def say(self, *words):
        self.socket.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))

    def sync(self):
        self.say(b"REPLCONF", b"listening-port", b"1")
        assert self.file.readline() == b"+OK\r\n"
        self.say(b"PSYNC", b"?", b"-1")
        verdict = self.file.readline().split()
        assert verdict[0] == b"+FULLRESYNC", verdict
        line = self.file.readline()
        while line == b"\n":
            line = self.file.readline()
        rdb = self.file.read(int(line[1:]))
        return verdict[1], int(verdict[2]), rdb

    def command(self):
        words = []
        for _ in range(int(self.file.readline()[1:])):
            words.append(self.file.read(int(self.file.readline()[1:])))
            self.file.read(2)
        return words


def a_reader_of_the_stream_works():
    with start_ringkv() as primary:
        client = connect(primary)
        client.set("before", "the sync")
        reader = StreamReader(primary.port)
        _, _, rdb = reader.sync()
        assert rdb.startswith(b"REDIS0010") and b"before" in rdb, rdb[:60]
        client.set("key", "value", px=100_000)
        client.lpush("list", "a", "b")
        connect(primary, 2).delete("nothing")
        connect(primary, 2).sadd("set", "m")
        seen = []
        while not seen or seen[-1][0] != b"SADD":
            seen += [command for command in [reader.command()] if command != [b"PING"]]
        assert [command[0] for command in seen] == \
            [b"SELECT", b"SET", b"MULTI", b"LPUSH", b"LPUSH", b"EXEC", b"SELECT", b"SADD"], seen
        assert seen[1][3] == b"PXAT" and seen[6] == [b"SELECT", b"2"], seen


def an_append_only_file_is_written(seed):
    with start_ringkv("--appendonly", "yes") as source, tempfile.TemporaryDirectory() as scratch:
        writer = Writer(source, seed)
        writer.start()
        eventually(lambda: writer.rounds >= 100, "writes")
        writer.stop()
        expected = everything(source, DATABASES)
        source.process.terminate()
        source.process.wait()
        check = os.path.join(os.path.dirname(server_binary()), "ringkv-check")
        directory = os.path.join(scratch, "appendonlydir")
        subprocess.run([check, source.dir, "--dump", "aof", "--into", directory], check=True, capture_output=True,
                       timeout=60)
        with start_redis("--appendonly", "yes", "--dir", scratch) as loaded:
            got = everything(loaded, DATABASES)
            for key in expected.keys() | got.keys():
                soon = key in expected and expected[key][2] != -1
                assert expected.get(key) == got.get(key) or (soon and key not in got), (key, expected.get(key),
                                                                                        got.get(key))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--seed", type=int, default=random.randrange(10**9))
    arguments = parser.parse_args()
    print(f"way out: seed {arguments.seed}", flush=True)
    keys, continued, kills = replicates_through_cuts_and_kills(arguments.seconds, arguments.seed)
    the_primary_is_killed(arguments.seed)
    the_replica_takes_over(arguments.seed)
    messages_arrive()
    a_slow_replica_is_cut(arguments.seed)
    tools_work(arguments.seed)
    a_reader_of_the_stream_works()
    an_append_only_file_is_written(arguments.seed)
    print(f"way out: {keys} keys are equal in redis-server after {continued} partial syncs and {kills} kills")


if __name__ == "__main__":
    main()

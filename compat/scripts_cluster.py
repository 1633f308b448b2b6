#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Scripts and functions in a cluster and on replicas refuse and do what they do in redis-server, to the word."""
import logging
import re
import subprocess
import sys

import redis
from redis.cluster import ClusterNode, RedisCluster

from servers import eventually, free_ports, start_cluster, start_redis, start_ringkv
from way_out import StreamReader

# The library logs each redirection that it follows.
logging.getLogger("redis.cluster").setLevel(logging.CRITICAL)

# Keys of the node that is asked, in two slots, and one of the other node. They are arguments, so that the texts of the
# scripts, and with them their names in errors, are the same beside redis-server.
HERE, HERE_TOO, THERE = "<here>", "<here too>", "<there>"

FUNCTIONS = """#!lua name=lib
local function read(keys, args) return redis.call('GET', args[1] or keys[1]) end
local function write(keys, args) return redis.call('SET', args[1] or keys[1], 'x') end
redis.register_function{function_name='read', callback=read, flags={'no-writes'}}
redis.register_function('write', write)
redis.register_function{function_name='alone', callback=write, flags={'no-cluster'}}
redis.register_function{function_name='across', callback=write, flags={'allow-cross-slot-keys'}}
"""
GET = "return redis.call('GET', ARGV[1] or KEYS[1])"
SET = "return redis.call('SET', ARGV[1] or KEYS[1], 'x')"
PCALL = "local e = redis.pcall('GET', ARGV[1]) return {e.err or e, e.source or '', e.line or ''}"
MGET = "return redis.call('MGET', KEYS[1], ARGV[1])"
HALF = "redis.call('SET', KEYS[1], 'half') return redis.call('SET', ARGV[1], 'half')"

IN_A_CLUSTER = [
    ["SET", HERE, "value"],
    *[[*command, *keys] for command in (["EVAL", GET], ["EVAL_RO", GET], ["EVAL", SET], ["EVAL_RO", SET],
                                        ["EVAL", "#!lua\n" + GET], ["EVAL", "#!lua flags=no-writes\n" + GET],
                                        ["EVAL", "#!lua flags=allow-cross-slot-keys\n" + SET],
                                        ["EVAL", "#!lua flags=no-cluster\n" + GET], ["EVAL", PCALL], ["EVAL", MGET],
                                        ["EVAL", "#!lua\n" + MGET], ["EVAL", HALF], ["EVAL", "#!lua\n" + HALF],
                                        ["FCALL", "read"], ["FCALL_RO", "read"], ["FCALL", "write"],
                                        ["FCALL_RO", "write"], ["FCALL", "alone"], ["FCALL", "across"],
                                        ["FCALL", "unknown"], ["EVALSHA", "0" * 40])
      for keys in (["1", HERE], ["1", THERE], ["2", HERE, HERE_TOO], ["2", HERE, THERE], ["2", HERE, HERE],
                   ["0", HERE], ["0", THERE], ["1", HERE, HERE], ["1", HERE, HERE_TOO], ["1", HERE, THERE],
                   ["1", THERE, HERE], ["x", HERE], ["9", HERE], ["-1", HERE])],
    ["EVAL", "redis.call('GET', ARGV[1]) return redis.call('GET', ARGV[2])", "0", HERE, HERE_TOO],
    ["EVAL", "#!lua\nredis.call('GET', ARGV[1]) return redis.call('GET', ARGV[2])", "0", HERE, HERE_TOO],
    ["EVAL", "#!lua\nredis.pcall('GET', ARGV[1]) return redis.call('GET', ARGV[2])", "0", THERE, HERE],
    *[["EVAL", f"return redis.call({words})", "0"] for words in
      ("'SELECT', 1", "'SELECT', 0", "'CLUSTER', 'KEYSLOT', 'x'", "'READONLY'", "'ASKING'",
       "'DBSIZE'", "'PING'", "'SWAPDB', 0, 1", "'MOVE', 'x', 1", "'SPUBLISH', 'x', 'y'")],
    ["GET", HERE], ["GET", HERE_TOO],
    ["MULTI"], ["EVAL", SET, "1", HERE], ["EVAL", SET, "1", HERE_TOO], ["EXEC"],
    ["MULTI"], ["EVAL", SET, "1", HERE], ["EVAL", SET, "0", HERE_TOO], ["EVAL", SET, "0", THERE], ["EXEC"],
    ["MULTI"], ["EVAL", SET, "1", THERE], ["EXEC"],
    ["MULTI"], ["FCALL", "write", "1", HERE], ["FCALL", "alone", "1", HERE], ["EXEC"],
    ["COMMAND", "GETKEYS", "EVAL", GET, "2", "a", "b", "c"], ["COMMAND", "GETKEYS", "FCALL_RO", "f", "1", "a", "b"],
    ["ASKING"], ["EVAL", GET, "1", HERE], ["ASKING"], ["EVAL", GET, "1", THERE],
    ["READONLY"], ["EVAL", GET, "1", THERE], ["READWRITE"],
]

WHILE_A_NODE_IS_GONE = [
    *[[*command, *keys] for command in (["EVAL", GET], ["EVAL_RO", GET], ["EVAL", SET], ["EVAL", PCALL],
                                        ["FCALL", "read"], ["FCALL_RO", "read"])
      for keys in (["1", HERE], ["1", THERE], ["0", HERE], ["0", THERE], ["1", HERE, HERE_TOO], ["1", HERE, THERE])],
    # Of a key that is elsewhere redis-server says CLUSTERDOWN, and RingKV MOVED.
    *[["FCALL", "write", *keys] for keys in (["1", HERE], ["0", HERE], ["0", THERE], ["1", HERE, THERE])],
    ["MULTI"], ["EVAL", SET, "0", HERE], ["EXEC"], ["EVAL", "return 1", "0"],
]

ON_A_REPLICA = [
    *[[*command, "1", "key", *more] for command in (["EVAL", GET], ["EVAL_RO", GET], ["EVAL", SET], ["EVAL_RO", SET],
                                                    ["EVAL", "#!lua\n" + GET], ["EVAL", "#!lua\n" + SET],
                                                    ["EVAL", "#!lua flags=no-writes\n" + GET],
                                                    ["EVAL", "#!lua flags=no-writes\n" + SET],
                                                    ["EVAL_RO", "#!lua\n" + GET], ["EVAL", HALF], ["FCALL", "read"],
                                                    ["FCALL_RO", "read"], ["FCALL", "write"], ["FCALL_RO", "write"],
                                                    ["FCALL", "alone"], ["FCALL", "across"])
      for more in ([], ["key"], ["other"])],
    ["EVAL", "local e = redis.pcall('SET', KEYS[1], 'x') return {e.err, e.source, e.line}", "1", "key"],
    ["EVAL", "redis.pcall('SET', KEYS[1], 'x') return redis.call('GET', KEYS[1])", "1", "key"],
    ["EVALSHA", "0" * 40, "0"], ["SCRIPT", "LOAD", GET], ["SCRIPT", "FLUSH"],
    ["FUNCTION", "LOAD", "#!lua name=x\nredis.register_function('x', function() end)"], ["FUNCTION", "DELETE", "lib"],
    ["FUNCTION", "FLUSH"], ["FUNCTION", "RESTORE", "x"], ["FUNCTION", "STATS"],
    ["FUNCTION", "LIST", "LIBRARYNAME", "x"],
    ["MULTI"], ["EVAL", GET, "1", "key"], ["EVAL", SET, "1", "key"], ["EXEC"],
]


TWO = "redis.call('SET', KEYS[1], ARGV[1]) return redis.call('SADD', 'set of ' .. KEYS[1], ARGV[1])"
# Each is followed by the commands that a Redis replica is told.
IN_THE_STREAM = [
    [["EVAL", SET, "1", "a"]], [["EVAL", TWO, "1", "a", "1"]], [["EVAL", GET, "1", "a"]],
    [["FCALL", "write", "1", "a"]],
    [["EVAL", "redis.call('SET', KEYS[1], 1) error('x')", "1", "a"]],
    [["EVAL", "redis.call('SET', KEYS[1], 1) redis.call('SADD', 'set', 1) redis.call('LPUSH', KEYS[1], 1)", "1", "a"]],
    [["EVAL", "redis.pcall('LPUSH', KEYS[1], 1) redis.call('SET', KEYS[1], 1)", "1", "a"]],
    [["EVAL", "redis.call('SADD', KEYS[1], 'm') return redis.call('SPOP', KEYS[1])", "1", "popped"]],
    [["EVAL", "redis.call('SELECT', 2) redis.call('SET', KEYS[1], 1) redis.call('SELECT', 0)", "1", "a"]],
    [["EVAL", "redis.call('DEL', 'missing')", "0"]],
    [["MULTI"], ["SET", "b", "1"], ["EVAL", TWO, "1", "a", "1"], ["FCALL", "write", "1", "b"], ["EXEC"]],
    [["MULTI"], ["EVAL", GET, "1", "a"], ["EXEC"]],
    [["FUNCTION", "LOAD", "#!lua name=two\nredis.register_function('two', function() end)"]],
    [["FUNCTION", "DELETE", "two"]],
    [["SCRIPT", "LOAD", GET]], [["SCRIPT", "FLUSH"]],
]


def told(server, requests):
    """What a Redis replica is told of each group of requests."""
    client, reader = server.connect(), StreamReader(server.port)
    reader.sync()
    groups = []
    for number, group in enumerate(requests):
        for words in group:
            client.raw(*words)
        client.raw("SELECT", 0)
        client.raw("SET", "end", number)
        seen = []
        while not seen or seen[-1] != [b"SET", b"end", b"%d" % number]:
            seen += [command for command in [reader.command()] if command[0] not in (b"PING", b"REPLCONF")]
        # When a database is selected is of no interest, nor is whether a library that is new replaces one.
        groups.append([[word for word in command if word != b"REPLACE"] for command in seen[:-1]
                       if command[0] != b"SELECT"])
    return groups


def in_the_stream():
    with start_ringkv() as ours, start_redis() as theirs:
        for server in (ours, theirs):
            assert server.connect().raw("FUNCTION", "LOAD", FUNCTIONS) == b"$3\r\nlib\r\n"
        told_by = [told(server, IN_THE_STREAM) for server in (ours, theirs)]
        expect_none([each for each in zip(IN_THE_STREAM, *told_by) if each[1] != each[2]])


def plain(reply):
    """Without what differs between two clusters."""
    return re.sub(rb"(MOVED|ASK) \d+ \S+", rb"\1", reply)


def differences(ours, theirs, requests):
    """The requests that are answered differently. `ours`, `theirs`: a client and what stands for the placeholders."""
    different = []
    for words in requests:
        replies = [plain(client.raw(*[keys.get(word, word) for word in words])) for client, keys in (ours, theirs)]
        if replies[0] != replies[1]:
            different.append((words, *replies))
    return different


def expect_none(different):
    for words, ours, theirs in different:
        print(f"{words}\n  ours:   {ours}\n  theirs: {theirs}", file=sys.stderr)
    assert not different, len(different)


def keys_of(server):
    """Names for the placeholders, by where the server says that keys are."""
    client = server.connect()
    names = [f"key:{i}" for i in range(200)]
    here = [name for name in names if not client.raw("EXISTS", name).startswith(b"-MOVED")]
    there = [name for name in names if name not in here]
    return {HERE: here[0], HERE_TOO: here[1], THERE: there[0]}


class TwoRedisNodes:
    """In a cluster; they share the slots."""

    def __init__(self, *options):
        self.nodes = [start_redis("--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-port",
                                  str(free_ports(1)[0]), *options) for _ in range(2)]
        clients = [redis.Redis(port=node.port) for node in self.nodes]
        clients[0].execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 8191)
        clients[1].execute_command("CLUSTER", "ADDSLOTSRANGE", 8192, 16383)
        clients[1].execute_command("CLUSTER", "SET-CONFIG-EPOCH", 2)
        bus = clients[1].config_get("cluster-port")["cluster-port"]
        clients[0].execute_command("CLUSTER", "MEET", "127.0.0.1", self.nodes[1].port, bus)
        for client in clients:
            eventually(lambda: client.cluster("info")["cluster_state"] == "ok", "redis-server's cluster")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for node in self.nodes:
            node.stop()


def in_a_cluster():
    with start_cluster(2, 0, "--cluster-node-timeout", "1000") as ours, TwoRedisNodes() as theirs:
        pairs = [(server, server.connect(), keys_of(server)) for server in (ours.primaries[0], theirs.nodes[0])]
        for _, client, _ in pairs:
            assert client.raw("FUNCTION", "LOAD", FUNCTIONS) == b"$3\r\nlib\r\n"
        sides = [(client, keys) for _, client, keys in pairs]
        different = differences(*sides, IN_A_CLUSTER)
        for gone in (ours.primaries[1], theirs.nodes[1]):
            gone.process.kill()
            gone.process.wait()
        for server, _, keys in pairs:
            eventually(lambda: server.connect().raw("GET", keys[HERE]).startswith(b"-CLUSTERDOWN"), "a cluster down")
        different += differences(*sides, WHILE_A_NODE_IS_GONE)
        for _, client, _ in pairs:
            assert client.raw("CONFIG", "SET", "cluster-allow-reads-when-down", "yes") == b"+OK\r\n"
        different += differences(*sides, WHILE_A_NODE_IS_GONE)
        expect_none(different)


def on_every_shard():
    """Loaded as an operator does it; clients call them for any key, also when a shard has joined."""
    with start_cluster(3) as cluster:
        subprocess.run(["redis-cli", "--cluster", "call", f"127.0.0.1:{cluster.primaries[0].port}", "FUNCTION", "LOAD",
                        FUNCTIONS, "--cluster-only-masters"], check=True, capture_output=True, timeout=20)
        client = RedisCluster(startup_nodes=[ClusterNode("127.0.0.1", cluster.primaries[1].port)])
        keys = [f"key:{i}" for i in range(100)]

        def works():
            for key in keys:
                assert client.execute_command("FCALL", "write", 1, key) == b"OK"
                assert client.execute_command("FCALL_RO", "read", 1, key) == b"x"
                assert client.eval("redis.call('APPEND', KEYS[1], 'y') return redis.call('GET', KEYS[1])", 1,
                                   key) == b"xy"

        works()
        cluster.add_shard()
        cluster.apply()
        joined = redis.Redis(port=cluster.primaries[3].port)
        assert [row[1] for row in joined.function_list()] == [b"lib"] and joined.dbsize() > 0
        works()


def beside_an_overdue_script():
    """A cluster is changed as soon as a node is no longer busy."""
    with start_cluster(2, 0, "--busy-reply-threshold", "50", "--io-threads", "1") as cluster:
        client, other = cluster.primaries[0].connect(), cluster.primaries[0].connect()
        client.send("EVAL", "while true do end", "0")
        eventually(lambda: other.raw("DBSIZE").startswith(b"-BUSY"), "an overdue script")
        cluster.add_shard()
        with subprocess.Popen([cluster.admin(), "apply", cluster.config], stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True) as change:
            assert change.stderr.readline().startswith("waiting: "), "it does not wait"
            assert other.raw("SCRIPT", "KILL") == b"+OK\r\n"
            assert change.wait(timeout=60) == 0
        assert client.read_raw().startswith(b"-ERR Script killed")
        assert redis.Redis(port=cluster.primaries[2].port).execute_command("CLUSTER", "OWNED").split()[3:]


def on_a_replica():
    with start_ringkv() as ours, start_redis() as theirs, \
            start_ringkv("--replicaof", f"127.0.0.1 {ours.port}") as our_replica, \
            start_redis("--replicaof", "127.0.0.1", str(theirs.port)) as their_replica:
        for primary, replica in ((ours, our_replica), (theirs, their_replica)):
            client = primary.connect()
            assert client.raw("FUNCTION", "LOAD", FUNCTIONS) == b"$3\r\nlib\r\n"
            client.raw("SET", "key", "value")
            eventually(lambda: replica.connect().raw("GET", "key") == b"$5\r\nvalue\r\n", "a replica")
        sides = [(server.connect(), {}) for server in (our_replica, their_replica)]
        different = differences(*sides, ON_A_REPLICA)
        for primary in (ours, theirs):
            primary.process.kill()
            primary.process.wait()
        for client, _ in sides:
            assert client.raw("CONFIG", "SET", "replica-serve-stale-data", "no") == b"+OK\r\n"
            eventually(lambda: client.raw("GET", "key").startswith(b"-MASTERDOWN"), "a stale replica")
        different += differences(*sides, ON_A_REPLICA + [
            ["EVAL", "#!lua flags=allow-stale\nreturn 1", "0"], ["EVAL", "#!lua flags=allow-stale\n" + GET, "1", "key"],
            ["EVAL", "#!lua flags=allow-stale,no-writes\n" + GET, "1", "key"],
            ["EVAL", "#!lua flags=allow-stale,no-writes\nreturn redis.call('PING')", "0"]])
        expect_none(different)


def main():
    on_a_replica()
    in_the_stream()
    in_a_cluster()
    on_every_shard()
    beside_an_overdue_script()
    print("scripts in a cluster and on replicas say what redis-server says")
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The options of Redis about a cluster's coverage and the addresses that clients are told, beside a redis-server where
one node can show it."""
import os
import signal

from servers import eventually, start_cluster, start_redis

DOWN = b"-CLUSTERDOWN The cluster is down\r\n"
ONLY_READS = b"-CLUSTERDOWN The cluster is down and only accepts read commands\r\n"


def key_of(server):
    """A key whose slot the server owns."""
    client = server.connect()
    for i in range(1000):
        if client.raw("SET", f"key:{i}", "v") == b"+OK\r\n":
            return f"key:{i}"
    raise AssertionError("no key is served")


def coverage():
    with start_cluster(3, 0, "--cluster-node-timeout", "300") as cluster:
        server, stopped = cluster.primaries[0], cluster.primaries[1]
        client, key = server.connect(), key_of(server)
        os.kill(stopped.process.pid, signal.SIGSTOP)
        try:
            eventually(lambda: b"cluster_state:fail" in client.raw("CLUSTER", "INFO"), "the node is missed")
            assert client.raw("GET", key) == client.raw("SET", key, "w") == DOWN
            assert client.raw("PING") == b"+PONG\r\n"
            nodes = client.raw("CLUSTER", "NODES").decode()
            assert "master,fail - 0 0 1 disconnected" in nodes and nodes.count("fail") == 1, nodes
            assert client.raw("CLUSTER", "SHARDS").count(b"\r\nfail\r\n") == 1
            info = client.raw("CLUSTER", "INFO").decode()
            assert "cluster_slots_assigned:16384" in info and "cluster_slots_fail:0" not in info, info
            assert client.raw("CONFIG", "SET", "cluster-allow-reads-when-down", "yes") == b"+OK\r\n"
            assert client.raw("GET", key) == b"$1\r\nv\r\n"
            assert client.raw("SET", key, "w") == ONLY_READS
            client.raw("MULTI"), client.raw("GET", key)
            assert client.raw("EXEC") == b"*1\r\n$1\r\nv\r\n"
            assert server.connect().raw("SSUBSCRIBE", key).startswith(b"*3\r\n")
            assert client.raw("CONFIG", "SET", "cluster-require-full-coverage", "no") == b"+OK\r\n"
            assert client.raw("SET", key, "w") == b"+OK\r\n"
            assert b"cluster_state:ok" in client.raw("CLUSTER", "INFO")
        finally:
            os.kill(stopped.process.pid, signal.SIGCONT)
        client.raw("CONFIG", "SET", "cluster-require-full-coverage", "yes")
        eventually(lambda: client.raw("SET", key, "x") == b"+OK\r\n", "the node is back")
        waiting = server.connect()
        waiting.send("BLPOP", f"{{{key}}}:list", "0")
        cluster.primaries[2].process.kill()
        assert waiting.read_raw().startswith(b"-CLUSTERDOWN The cluster is down"), "a blocked client is told"


def refusals_like_those_of_redis():
    """A redis-server with some slots says what RingKV says."""
    with start_redis("--cluster-enabled", "yes") as other:
        client = other.connect()
        client.raw("CLUSTER", "ADDSLOTSRANGE", "0", "12999")
        key = next(f"key:{i}" for i in range(1000) if int(client.raw("CLUSTER", "KEYSLOT", f"key:{i}")[1:]) < 13000)
        assert client.raw("SET", key, "v") == DOWN
        client.raw("CONFIG", "SET", "cluster-allow-reads-when-down", "yes")
        eventually(lambda: client.raw("GET", key) == b"$-1\r\n", "reads")
        assert client.raw("SET", key, "v") == ONLY_READS


def announced_addresses():
    with start_cluster(2, 0, "--cluster-node-timeout", "1000") as cluster:
        first, second = cluster.primaries
        client, other = first.connect(), second.connect()
        key = key_of(second)
        for name, value in (("cluster-announce-ip", "10.1.2.3"), ("cluster-announce-port", "7777"),
                            ("cluster-announce-hostname", "node-2.example")):
            assert other.raw("CONFIG", "SET", name, value) == b"+OK\r\n"
        eventually(lambda: b"10.1.2.3:7777" in client.raw("GET", key), "the first node knows")
        eventually(lambda: b"10.1.2.3:7777@0,node-2.example myself" in other.raw("CLUSTER", "NODES"), "itself too")
        assert b" 10.1.2.3:7777@0,node-2.example master" in client.raw("CLUSTER", "NODES")
        slot = client.raw("CLUSTER", "KEYSLOT", key)[1:-2].decode()
        for kind, host in (("ip", "10.1.2.3"), ("hostname", "node-2.example"), ("unknown-endpoint", "")):
            client.raw("CONFIG", "SET", "cluster-preferred-endpoint-type", kind)
            assert client.raw("GET", key) == f"-MOVED {slot} {host}:7777\r\n".encode(), kind
            reply = client.raw("CLUSTER", "SLOTS")
            assert b":7777\r\n" in reply
            ip, hostname = b"$2\r\nip\r\n$8\r\n10.1.2.3\r\n", b"$8\r\nhostname\r\n$14\r\nnode-2.example\r\n"
            told = {"ip": b"*2\r\n" + hostname, "hostname": b"*2\r\n" + ip,
                    "unknown-endpoint": b"*4\r\n" + ip + hostname}[kind]
            assert told in reply, (kind, reply[:400])
            assert (b"\r\n$8\r\nhostname\r\n$14\r\nnode-2.example\r\n" in client.raw("CLUSTER", "SHARDS")), kind
        client.raw("CONFIG", "SET", "cluster-preferred-endpoint-type", "hostname")
        assert b"MOVED" in other.raw("GET", key_of(first)) and b" 127.0.0.1:" in other.raw("GET", key_of(first))
        assert b" ?:" not in client.raw("GET", key)
        for name, value, error in (("cluster-announce-hostname", "a_b", "alphanumeric"),
                                   ("cluster-announce-ip", "a b", "address"),
                                   ("cluster-announce-port", "65536", "between")):
            assert error.encode() in client.raw("CONFIG", "SET", name, value), name


def announced_like_redis():
    options = ["--cluster-announce-ip", "10.1.2.3", "--cluster-announce-port", "7777",
               "--cluster-announce-hostname", "h.example"]
    with start_cluster(1, 0, *options) as cluster, start_redis("--cluster-enabled", "yes", *options) as other:
        theirs, ours = other.connect(), cluster.primaries[0].connect()
        theirs.raw("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        eventually(lambda: b"cluster_state:ok" in theirs.raw("CLUSTER", "INFO"), "redis-server's cluster")
        ids = [client.raw("CLUSTER", "MYID")[5:45] for client in (ours, theirs)]
        for kind in ("ip", "hostname", "unknown-endpoint"):
            for client in (ours, theirs):
                client.raw("CONFIG", "SET", "cluster-preferred-endpoint-type", kind)
            replies = [client.raw("CLUSTER", "SLOTS").replace(own, b"ID") for client, own in zip((ours, theirs), ids)]
            assert replies[0] == replies[1], (kind, replies)
            shards = [client.raw("CLUSTER", "SHARDS").replace(own, b"ID") for client, own in zip((ours, theirs), ids)]
            assert shards[0] == shards[1], (kind, shards)


def nodes_that_are_not_let_in():
    """They say why, and nobody takes the others for dead."""
    with start_cluster(2, 0, "--cluster-node-timeout", "1000") as cluster:
        first, second = cluster.primaries
        client, other = first.connect(), second.connect()
        assert other.raw("CONFIG", "SET", "requirepass", "p") == b"+OK\r\n"
        eventually(lambda: "does not let this node in (masteruser, masterauth): NOAUTH" in first.log(), "it is said")
        assert client.raw("CONFIG", "SET", "masterauth", "wrong") == b"+OK\r\n"
        assert other.raw("CLIENT", "KILL", "SKIPME", "yes", "TYPE", "normal").startswith(b":")
        eventually(lambda: "AUTH was answered: WRONGPASS" in first.log(), "with the password that is wrong, too")
        assert b"cluster_state:ok" in client.raw("CLUSTER", "INFO")
        assert "has not answered" not in first.log()


def main():
    coverage()
    nodes_that_are_not_let_in()
    refusals_like_those_of_redis()
    announced_addresses()
    announced_like_redis()
    print("coverage and announced addresses are as in Redis Cluster")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Three shards with a replica each, with common cluster clients: redis-py, redis-cli -c,
redis-benchmark --cluster, ioredis and node-redis. Also replies of CLUSTER against a node of Redis Cluster."""
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from xml.etree import ElementTree

import redis
from redis.cluster import ClusterNode, RedisCluster

from npm import SOURCES, node_environment
from servers import eventually, server_binary, start_cluster, start_redis, start_ringkv


def with_redis_py(cluster):
    client = RedisCluster(startup_nodes=[ClusterNode("127.0.0.1", cluster.replicas[0].port)])
    for i in range(2000):
        client.set(f"python:{i}", i)
    assert [client.get(f"python:{i}") for i in range(2000)] == [str(i).encode() for i in range(2000)]
    client.mset_nonatomic({f"many:{i}": i for i in range(100)})
    assert client.mget_nonatomic([f"many:{i}" for i in range(100)]) == [str(i).encode() for i in range(100)]
    assert client.exists(*[f"many:{i}" for i in range(100)]) == 100
    assert client.delete(*[f"many:{i}" for i in range(100)]) == 100
    assert len(set(client.scan_iter(match="python:*", count=500))) == 2000
    pipeline = client.pipeline()
    for i in range(100):
        pipeline.get(f"python:{i}")
    assert pipeline.execute() == [str(i).encode() for i in range(100)]
    assert len(client.cluster_shards(target_nodes=RedisCluster.RANDOM)) == 3
    sizes = client.dbsize(target_nodes=RedisCluster.PRIMARIES)
    assert sizes == 2000, sizes
    reader = RedisCluster(startup_nodes=[ClusterNode("127.0.0.1", cluster.primaries[0].port)], read_from_replicas=True)
    eventually(lambda: all(reader.get(f"python:{i}") == str(i).encode() for i in range(0, 2000, 97)),
               "replicas to have it")


def with_redis_tools(cluster):
    port = str(cluster.primaries[1].port)
    script = "".join(f"SET cli:{i} {i}\nGET cli:{i}\n" for i in range(200))
    out = subprocess.run(["redis-cli", "-c", "-p", port], input=script, capture_output=True, text=True,
                         check=True).stdout
    lines = [line for line in out.splitlines() if not line.startswith("->")]
    assert lines == [each for i in range(200) for each in ("OK", str(i))], lines[:10]
    out = subprocess.run(["redis-benchmark", "--cluster", "-p", port, "-t", "set,get", "-n", "20000", "-P", "8", "-q"],
                         capture_output=True, text=True, check=True).stdout
    for job in ("check", "info"):
        told = subprocess.run(["redis-cli", "--cluster", job, f"127.0.0.1:{port}"], capture_output=True, text=True,
                              check=True)
        assert "keys in 3 masters" in told.stdout and told.stdout.count(" 1 slaves.") == 3, told.stdout
        assert job == "info" or "All 16384 slots covered" in told.stdout, told.stdout
    assert "3 master nodes" in out and out.count("requests per second") >= 2, out


def backed_up(cluster):
    """redis-cli --cluster backup: redis-server loads the files, which have all that the primaries have."""
    first = cluster.primaries[0]
    with tempfile.TemporaryDirectory(prefix="ringkv-test-") as folder:
        told = subprocess.run(["redis-cli", "--cluster", "backup", f"127.0.0.1:{first.port}", folder],
                              capture_output=True, text=True, check=True, timeout=60)
        assert "Backup created" in told.stdout, told
        with open(os.path.join(folder, "nodes.json"), encoding="utf-8") as file:
            nodes = {node["port"]: node for node in json.load(file)}
        for primary in cluster.primaries:
            name = f"redis-node-127.0.0.1-{primary.port}-{nodes[primary.port]['name']}.rdb"
            with start_redis("--dir", folder, "--dbfilename", name) as restored:
                ours, theirs = (redis.Redis(port=server.port) for server in (primary, restored))
                keys = ours.keys()
                assert sorted(keys) == sorted(theirs.keys()) and len(keys) > 100, (len(keys), theirs.dbsize())
                assert ours.get(keys[0]) == theirs.get(keys[0])


def handed_over(cluster):
    """A primary that keeps the stream for Redis replicas gives its place to its replica, and gets it back."""
    primary, replica = cluster.primaries[0], cluster.replicas[0]
    client = redis.Redis(port=primary.port)
    with subprocess.Popen(["redis-cli", "-p", str(primary.port), "--replica"], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as reader:
        eventually(lambda: client.info("replication")["connected_slaves"] == 2, "redis-cli to follow")
        reader.terminate()
    eventually(lambda: client.info("replication")["connected_slaves"] == 1, "redis-cli to be gone")
    client.append(client.randomkey(), "x" * 1000)
    eventually(lambda: client.info("replication")["master_repl_offset"] > client.info()["log_lsn_appended"] + 1000,
               "the offset to count bytes")
    for name, _, port, _ in (cluster.nodes[0], cluster.nodes[3]):
        cluster.hand_over(name)
        other = primary if port == replica.port else replica
        assert redis.Redis(port=other.port).info("replication")["role"] == "master", name


def with_node_clients(cluster):
    subprocess.run(["node", os.path.join(SOURCES, "cluster_clients.js"), str(cluster.primaries[2].port)],
                   env=node_environment(), check=True, timeout=60)


def shape(reply):
    """The shape of the reply: types, and the texts that are field names."""
    if isinstance(reply, list):
        return [shape(each) for each in reply]
    if isinstance(reply, dict):
        return {name: shape(value) for name, value in reply.items()}
    return type(reply).__name__


def beside_redis():
    """A cluster of one node, RingKV and Redis."""
    with start_cluster(1) as cluster, start_redis("--cluster-enabled", "yes") as other:
        ours, theirs = (redis.Redis(port=server.port) for server in (cluster.primaries[0], other))
        theirs.execute_command("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        eventually(lambda: b"cluster_state:ok" in raw(theirs, ["CLUSTER", "INFO"]), "redis-server's cluster")
        for words in (["CLUSTER", "SLOTS"], ["CLUSTER", "SHARDS"], ["CLUSTER", "LINKS"]):
            a, b = (raw(client, words) for client in (ours, theirs))
            assert shape(a) == shape(b), (words, a, b)
        for words in (["CLUSTER", "KEYSLOT", "{user}x"], ["CLUSTER", "KEYSLOT"],
                      ["CLUSTER", "COUNTKEYSINSLOT", "99999"], ["CLUSTER", "COUNTKEYSINSLOT", "x"],
                      ["CLUSTER", "COUNTKEYSINSLOT", "0"], ["CLUSTER", "GETKEYSINSLOT", "0", "-1"],
                      ["CLUSTER", "GETKEYSINSLOT", "0", "x"], ["CLUSTER", "GETKEYSINSLOT", "99999", "1"],
                      ["CLUSTER", "REPLICAS", "x"], ["CLUSTER", "COUNT-FAILURE-REPORTS", "x"], ["CLUSTER", "FOO"],
                      ["CLUSTER"], ["READONLY"], ["READWRITE"], ["SELECT", "1"], ["SELECT", "0"], ["SWAPDB", "0", "1"],
                      ["MOVE", "a", "1"], ["COPY", "a", "{a}b", "DB", "1"], ["MGET", "a", "b"],
                      ["MSET", "a", "1", "b", "2"], ["REPLICAOF", "NO", "ONE"], ["MULTI"], ["MGET", "a", "b"], ["EXEC"],
                      ["DEL", "a", "b"]):
            a, b = (raw(client, words) for client in (ours, theirs))
            assert a == b, (words, a, b)
    with start_ringkv() as single, start_redis() as other:
        for words in (["CLUSTER", "SLOTS"], ["CLUSTER", "HELP"], ["READONLY"], ["READWRITE"], ["CLUSTER", "FOO"]):
            a, b = (raw(redis.Redis(port=server.port), words) for server in (single, other))
            assert a == b, (words, a, b)


def raw(client, words):
    """The raw reply; errors as text."""
    connection = client.connection_pool.get_connection("raw")
    try:
        connection.send_command(*words)
        return connection.read_response()
    except redis.exceptions.RedisError as error:
        return str(error)
    finally:
        client.connection_pool.release(connection)


class DrippingNode:
    """Answers whatever it is asked byte by byte, without end."""

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.serve, daemon=True).start()
        return "127.0.0.1:%d" % self.listener.getsockname()[1]

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def serve(self):
        try:
            client, _ = self.listener.accept()
            client.sendall(b"$1000000\r\n")
            while True:
                client.sendall(b"x")
                time.sleep(0.1)
        except OSError:
            pass  # either side has ended


class OurTool:
    """ringkv-cluster, with a folder for the cluster that it makes."""

    def __init__(self, folder):
        self.program = os.path.join(os.path.dirname(server_binary()), "ringkv-cluster")
        self.folder = os.path.join(folder, "c")
        self.config = os.path.join(self.folder, "cluster.conf")

    def start(self, *words):
        return subprocess.run([self.program, *words], capture_output=True, text=True, timeout=60, check=False)

    def run(self, *words, fails=False):
        done = self.start(*words)
        assert (done.returncode != 0) == fails, (words, done)
        return done.stderr if fails else done.stdout

    def create(self, *words):
        """Returns the first port. Ports that follow each other can't be chosen by the system; a few are tried."""
        for first in range(17_400, 30_000, 700):
            created = self.start("create", *words, "--port", str(first), "--dir", self.folder)
            if created.returncode == 0:
                return first, created.stdout
            if os.path.exists(self.config):
                self.start("stop", self.config, *words[words.index("--pass"):] if "--pass" in words else ())
            shutil.rmtree(self.folder, ignore_errors=True)
        raise AssertionError(created)


def with_our_tool():
    with tempfile.TemporaryDirectory(prefix="ringkv-test-") as folder:
        tool = OurTool(folder)
        first, created = tool.create("2", "--replicas", "1")
        try:
            assert "2 shards on 4 nodes are ready" in created, created
            assert "there already is a cluster" in tool.run("create", "2", "--dir", tool.folder, fails=True)
            assert redis.Redis(port=first).cluster("info")["cluster_size"] == "2"
            assert tool.run("status", tool.config).count(" ok") == 4
            assert len(ElementTree.fromstring(tool.run("ring", tool.config, "--svg")).findall("{*}path")) == 2
            assert "s2" in tool.run("ring", tool.config)
            process = redis.Redis(port=first + 3).info("server")["process_id"]
            os.kill(process, signal.SIGSTOP)
            try:
                hangs = tool.run("apply", tool.config, fails=True)
            finally:
                os.kill(process, signal.SIGCONT)
            says = rf"127.0.0.1:{first + 3} has not answered [A-Z]+ within 5 s: the process hangs"
            assert re.search(says, hangs), hangs
            with DrippingNode() as drips:
                assert "has not answered PING within 5 s" in tool.run("ping", drips, fails=True)
            with_tls = ("--tls", "--insecure")
            assert "cannot reach" in tool.run("stop", tool.config, *with_tls, fails=True)
            assert "without TLS" in tool.run("create", "1", "--dir", tool.folder + "-tls", *with_tls, fails=True)
        finally:
            assert tool.run("stop", tool.config).count("has ended") == 4
        assert "4 nodes differ from the file" in tool.run("status", tool.config, fails=True)
        assert "cannot read" in tool.run("status", tool.config + "x", fails=True)


def with_our_tool_and_users():
    """New nodes learn passwords and users, and tell nobody."""
    password = 'a "secret" \\ with blanks, \xfc'
    login = ("--pass", password)
    with tempfile.TemporaryDirectory(prefix="ringkv-test-") as folder:
        tool = OurTool(folder)
        refused = tool.run("create", "1", "--dir", tool.folder, "--user", "admin", *login, fails=True)
        assert "a new cluster has no user 'admin'" in refused, refused
        first, _ = tool.create("2", "--replicas", "1", *login)
        try:
            for port in range(first, first + 4):
                assert raw(redis.Redis(port=port), ["DBSIZE"]) == "Authentication required.", port
                client = redis.Redis(port=port, password=password)
                assert client.acl_setuser("admin", enabled=True, passwords=["+other"], categories=["+@all"],
                                          keys=['a"\\*', "*"], channels=["*"])
                assert client.config_set("masteruser", "admin") and client.config_set("masterauth", "other")
                assert client.acl_setuser("default", enabled=False)
            login = ("--user", "admin", "--pass", "other")
            # What lies in the place of the file with the passwords neither learns them nor says who may read them.
            elsewhere = os.path.join(folder, "elsewhere")
            os.mkdir(os.path.join(tool.folder, "s3-1"))
            with open(elsewhere, "w", encoding="utf-8"):
                os.symlink(elsewhere, os.path.join(tool.folder, "s3-1", "users.conf"))
            assert "the cluster is as the file says" in tool.run("grow", tool.config, *login)
            assert tool.run("status", tool.config, *login).count(" ok") == 5
            old, new = (redis.Redis(port=port, username="admin", password="other") for port in (first, first + 4))
            lists = [[line.replace(" sanitize-payload", "") for line in client.acl_list()] for client in (old, new)]
            assert lists[0] == lists[1], lists  # but for that rule, which reading a line adds, as in redis-server
            assert new.config_get("master*") == old.config_get("master*")
            for name in ("s1-1", "s2-2", "s3-1"):
                mode = os.lstat(os.path.join(tool.folder, name, "users.conf")).st_mode
                assert stat.S_ISREG(mode) and mode & 0o777 == 0o600, (name, oct(mode))
            assert os.path.getsize(elsewhere) == 0
            # Any node tells the users. The slots wait until all nodes have the file.
            redis.Redis(port=first, username="admin", password="other").shutdown()
            assert "s1-1" in tool.run("grow", tool.config, *login, fails=True)
            newest = redis.Redis(port=first + 5, username="admin", password="other")
            assert newest.acl_list() == new.acl_list(), newest.acl_list()
        finally:
            ended = tool.run("stop", tool.config, *login).count("has ended")
        assert ended == 5


def growing_without_the_password():
    """Nodes that don't let each other in say so, instead of waiting without a word."""
    login = ("--pass", "p")
    with tempfile.TemporaryDirectory(prefix="ringkv-test-") as folder:
        tool = OurTool(folder)
        first, _ = tool.create("2", *login)
        try:
            redis.Redis(port=first, password="p").config_set("masterauth", "wrong")  # the new node gets it from there
            command = [tool.program, "grow", tool.config, *login]
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as growing:
                limit = threading.Timer(60, growing.kill)  # then there is nothing more to read
                limit.start()
                try:
                    said = next((line for line in growing.stdout if "can't be asked which slots it owns" in line), "")
                    assert "WRONGPASS" in said and said.startswith("? -> s3"), said
                    for port in (first, first + 2):
                        redis.Redis(port=port, password="p").config_set("masterauth", "p")
                    assert "the cluster is as the file says" in growing.stdout.read()
                finally:
                    limit.cancel()
        finally:
            ended = tool.run("stop", tool.config, *login).count("has ended")
        assert ended == 3


def main():
    beside_redis()
    with_our_tool()
    with_our_tool_and_users()
    growing_without_the_password()
    with start_cluster(3, 1) as cluster:
        with_redis_py(cluster)
        with_redis_tools(cluster)
        backed_up(cluster)
        handed_over(cluster)
        with_node_clients(cluster)
    print("cluster: all clients work")


if __name__ == "__main__":
    sys.exit(main())

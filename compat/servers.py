# SPDX-License-Identifier: MIT
"""Starts a RingKV or a redis-server for a test, and ends it with the test."""
import ctypes
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from resp import Client

DEADLINE_SECONDS = 20


def eventually(condition, what):
    end = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("waited in vain: " + what)
        time.sleep(0.01)


def end_with_the_test():
    """In the child process: kills it when the test ends, in any way."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class RunningServer:
    def __init__(self, command, environment=None, folder=None):
        """Works in the folder, which goes with the server."""
        self.dir = folder or tempfile.mkdtemp(prefix="ringkv-test-")
        self.log_path = os.path.join(self.dir, "log")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.dir,
                env={**os.environ, **(environment or {})}, start_new_session=True, preexec_fn=end_with_the_test)
        self.port = None
        self.password = None

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def connect(self):
        client = Client(self.port)
        if self.password:
            assert client.raw("AUTH", self.password) == b"+OK\r\n"
        return client

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(DEADLINE_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def server_binary():
    return os.path.abspath(os.environ.get("RINGKV_SERVER", "build/ringkv-server"))


def start_ringkv(*options, environment=None):
    server = RunningServer([server_binary(), "--port", "0", "--bind", "127.0.0.1", "--save", "",
                            *options], environment)
    if "--requirepass" in options:
        server.password = options[options.index("--requirepass") + 1]

    def ready():
        match = re.search(r"is ready: port (\d+)", server.log())
        if match:
            server.port = int(match.group(1))
        if server.process.poll() is not None:
            raise AssertionError("ringkv-server ended: " + server.log())
        return match is not None

    eventually(ready, "ringkv-server's ready line")
    return server


def start_redis(*options):
    """redis-server 7.0 cannot choose a port itself: tries a free one, and another if it is taken meanwhile."""
    for _ in range(20):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        server = RunningServer(["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "",
                                "--appendonly", "no", *options])
        server.port = port

        def ready():
            if server.process.poll() is not None:
                return True
            return "Ready to accept connections" in server.log()

        eventually(ready, "redis-server's ready line")
        if server.process.poll() is None:
            return server
        server.stop()
    raise AssertionError("redis-server does not start")


def is_loading(server):
    try:
        return b"\r\nloading:1\r\n" in server.connect().raw("INFO", "persistence")
    except OSError:
        assert server.process.poll() is None, "the server ended: " + server.log()
        return False


def start_loading_ringkv(*options):
    """A RingKV that loads its data until it is stopped: its load-file is a FIFO that nobody writes."""
    folder = tempfile.mkdtemp(prefix="ringkv-test-")
    os.mkfifo(os.path.join(folder, "lines"))
    port = free_ports(1)[0]
    server = RunningServer([server_binary(), "--port", str(port), "--bind", "127.0.0.1", "--save", "",
                            "--load-file", os.path.join(folder, "lines"), *options], folder=folder)
    server.port = port
    eventually(lambda: is_loading(server), "a RingKV that loads")
    return server


def start_loading_redis(*options):
    """A redis-server that loads its data for longer than any test takes: so long does it rest at each key."""
    with start_redis("--enable-debug-command", "yes") as source:
        client = source.connect()
        assert client.raw("DEBUG", "POPULATE", "200000") == client.raw("SAVE") == b"+OK\r\n"
        data = os.path.join(source.dir, "dump.rdb")
        folder = tempfile.mkdtemp(prefix="ringkv-test-")
        shutil.copy(data, folder)
    port = free_ports(1)[0]
    server = RunningServer(["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "",
                            "--key-load-delay", "100", "--loading-process-events-interval-bytes", "1024", *options],
                            folder=folder)
    server.port = port
    eventually(lambda: is_loading(server), "a redis-server that loads")
    return server


CLAIMS = []  # until this process ends


def claim_port(port):
    """Whether the port is free and not claimed by another test, as in tests/support/free_ports.h."""
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        claim.bind(f"\0ringkv-test-port-{port}")
        with socket.socket() as probe:
            probe.bind(("", port))
    except OSError:
        claim.close()
        return False
    CLAIMS.append(claim)
    return True


def free_ports(count):
    """Ports below the ephemeral range."""
    ports = []
    while len(ports) < count:
        port = random.randrange(10_000, 32_000)
        if claim_port(port):
            ports.append(port)
    return ports


class RunningCluster:
    """A cluster on this machine. `primaries` and `replicas` are servers."""

    def __init__(self, shards, replicas=0, *options, http_ports=None):
        self.dir = tempfile.mkdtemp(prefix="ringkv-test-")
        self.config = os.path.join(self.dir, "cluster.conf")
        ports = free_ports(shards * (1 + replicas))
        self.nodes = [(f"s{i % shards}-{i // shards}", f"s{i % shards}", ports[i],
                       "primary" if i < shards else "replica")
                      for i in range(len(ports))]
        self.options = options
        self.http_ports = {node[0]: port for node, port in zip(self.nodes, http_ports or [])}
        self.epoch = 0
        self.weights = {f"s{i}": 1 for i in range(shards)}
        self.write_config()
        self.servers = []
        try:
            for name, _, port, _ in self.nodes:
                self.start_node(name, port)
        except BaseException:
            self.stop()
            raise
        self.primaries, self.replicas = self.servers[:shards], self.servers[shards:]
        for replica in self.replicas:
            eventually(lambda: b"master_link_status:up" in replica.connect().raw("INFO", "replication"),
                       "a replica's link")

    def write_config(self):
        """Writes the topology with the next epoch."""
        self.epoch += 1
        with open(self.config, "w", encoding="ascii") as file:
            file.write(f"epoch {self.epoch}\n" + "".join(f"shard {s} weight {w}\n" for s, w in self.weights.items()))
            for name, shard, port, role in self.nodes:
                if shard in self.weights:
                    http = f" http {self.http_ports[name]}" if name in self.http_ports else ""
                    file.write(f"node {name} shard {shard} host 127.0.0.1 port {port} role {role}{http}\n")

    def start_node(self, name, port):
        http = ["--http-port", str(self.http_ports[name])] if name in self.http_ports else []
        self.servers.append(start_ringkv(*http, "--port", str(port), "--cluster-enabled", "yes", "--cluster-config",
                                         self.config, "--cluster-node-id", name, *self.options))
        return self.servers[-1]

    @staticmethod
    def admin():
        return os.path.join(os.path.dirname(server_binary()), "ringkv-cluster")

    def apply(self):
        subprocess.run([self.admin(), "apply", self.config], check=True, stdout=subprocess.DEVNULL, timeout=120)

    def hand_over(self, name):
        """The primary gives its place to its replica."""
        subprocess.run([self.admin(), "handover", self.config, name], check=True, stdout=subprocess.DEVNULL, timeout=60)

    def add_shard(self):
        """Starts the node of another shard, which owns no slots before `apply`."""
        shard = f"s{len(self.weights)}"
        self.weights[shard] = 1
        self.nodes.append((f"{shard}-0", shard, free_ports(1)[0], "primary"))
        self.write_config()
        self.primaries.append(self.start_node(f"{shard}-0", self.nodes[-1][2]))

    def stop(self):
        for server in self.servers:
            server.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def start_cluster(shards, replicas=0, *options, http_ports=None):
    return RunningCluster(shards, replicas, *options, http_ports=http_ports)

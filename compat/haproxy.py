#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The real HAProxy with deploy/haproxy/haproxy.cfg in front of a cluster on this machine, under load: nodes are
replaced one after the other as a rolling update does it, and one is killed."""
import http.client
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

import redis

from servers import eventually, free_ports, server_binary, start_cluster, RunningServer

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OPTIONS = ["--cluster-redirect", "proxy", "--shutdown-drain", "3", "--appendonly", "yes"]


def status_of(port, path):
    """0 without an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


class HaProxy:
    def __init__(self, nodes, http_ports, environment=None):
        with open(os.path.join(ROOT, "deploy/haproxy/haproxy.cfg"), encoding="utf-8") as file:
            config = file.read()
        self.redis_port, self.any_port, self.http_port = free_ports(3)
        for line in re.findall(r"( +server node1 ringkv-1:(\d+) (.*)\n +server node2 .*\n +server node3 .*\n)", config):
            ports = http_ports if line[1] == "8080" else nodes
            config = config.replace(line[0], "".join(f"  server node{i} 127.0.0.1:{port} {line[2]}\n"
                                                     for i, port in enumerate(ports)), 1)
        for before, after in (("6379", self.redis_port), ("6380", self.any_port), ("8080", self.http_port)):
            config = config.replace(f"bind :{before}\n", f"bind 127.0.0.1:{after}\n")
        assert "ringkv-" not in config
        self.dir = tempfile.TemporaryDirectory(prefix="ringkv-test-")
        path = os.path.join(self.dir.name, "haproxy.cfg")
        with open(path, "w", encoding="utf-8") as file:
            file.write(config + "\n  stats enable\n")
        self.log = open(os.path.join(self.dir.name, "log"), "wb")  # pylint: disable=consider-using-with
        self.process = subprocess.Popen(["haproxy", "-db", "-f", path], stdout=self.log, stderr=self.log,
                                        env={**os.environ, **(environment or {})})

    def checks(self):
        """The results of the health checks."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=5)
        try:
            connection.request("GET", "/haproxy?stats;csv")
            lines = [line.split(",") for line in connection.getresponse().read().decode().splitlines()]
        finally:
            connection.close()
        place = lines[0].index("check_status")
        return {line[0]: line[place] for line in lines if len(line) > 1 and line[1] == "node1"}

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        self.log.close()
        self.dir.cleanup()


class HttpLoad:
    """Writes numbers that only grow and reads them back. A failure is any status or any error that isn't a success."""

    def __init__(self, port, name):
        self.port, self.name = port, name
        self.acknowledged = {}
        self.requests = 0
        self.failures = []
        self.stopping = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        number = 0
        while not self.stopping:
            number += 1
            key = f"{self.name}-{number % 50}"
            try:
                connection.request("PUT", f"/keys/{key}", body=str(number))
                answer = connection.getresponse()
                answer.read()
                if answer.status != 204:
                    self.failures.append(f"PUT {answer.status}")
                    continue
                self.acknowledged[key] = number
                connection.request("GET", f"/keys/{key}")
                answer = connection.getresponse()
                body = answer.read()
                if answer.status != 200 or int(body) != number:
                    self.failures.append(f"GET {answer.status} {body[:20]} instead of {number}")
                self.requests += 2
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection.close()
            time.sleep(0.002)
        connection.close()

    def stop(self):
        self.stopping = True
        self.thread.join(60)


def restart(cluster, index, http_port):
    """A rolling update as in Kubernetes: preStop, SIGTERM, a new process, and the next node when it is ready."""
    name, _, port, _ = cluster.nodes[index]
    server = cluster.servers[index]
    cluster.hand_over(name)
    server.process.terminate()
    assert server.process.wait(30) == 0
    directory = server.dir
    cluster.servers[index] = RunningServer(
        [server_binary(), "--port", str(port), "--http-port", str(http_port), "--bind", "127.0.0.1",
         "--cluster-enabled", "yes", "--cluster-config", cluster.config, "--cluster-node-id", name, "--dir", directory,
         *OPTIONS])

    eventually(lambda: status_of(http_port, "/readyz") == 200, f"node {name} to be ready again")
    time.sleep(1)  # as long as HAProxy needs to see it: Kubernetes' minReadySeconds


def check_password():
    """Nodes with a password: HAProxy's checks and the handover hook use it."""
    password = "topsecret"
    http_ports = free_ports(2)
    with start_cluster(1, 1, *OPTIONS, "--requirepass", password, "--masterauth", password,
                       http_ports=http_ports) as cluster:
        nodes = [node[2] for node in cluster.nodes]
        proxy = HaProxy([nodes[0]] * 3, [http_ports[0]] * 3, {"RINGKV_PASSWORD": password})
        try:
            eventually(lambda: status_of(proxy.http_port, "/healthz") == 200, "HAProxy to have a node")
            eventually(lambda: proxy.checks() == {"redis_primary": "L7OK", "redis_any": "L7OK", "http": "L7OK"},
                       "good checks")
        finally:
            proxy.stop()
        folder = os.path.dirname(server_binary())
        hook = ["sh", os.path.join(ROOT, "deploy/docker/entrypoint.sh"), "sh", "-c",
                f'ringkv-cluster handover {cluster.config} "$RINGKV_CLUSTER_NODE_ID"']
        environment = {"PATH": f"{folder}:{os.environ['PATH']}", "RINGKV_CLUSTER_NODE_ID": cluster.nodes[0][0]}
        for secret, status in (("wrong", 1), (password, 0)):
            done = subprocess.run(hook, env={**environment, "RINGKV_REQUIREPASS": secret}, capture_output=True,
                                  check=False, timeout=60)
            assert done.returncode == status, done
        assert redis.Redis(port=nodes[1], password=password).info("replication")["role"] == "master"


def main():
    check_password()
    http_ports = free_ports(4)
    with start_cluster(2, 1, *OPTIONS, http_ports=http_ports) as cluster:
        proxy = HaProxy([node[2] for node in cluster.nodes], http_ports)
        try:
            eventually(lambda: status_of(proxy.http_port, "/healthz") == 200, "HAProxy to have a node")
            loads = [HttpLoad(proxy.http_port, f"load{i}") for i in range(4)]
            time.sleep(1)
            for index in range(4):
                restart(cluster, index, http_ports[index])
            for load in loads:
                load.stop()
            requests = sum(load.requests for load in loads)
            failures = [failure for load in loads for failure in load.failures]
            assert not failures, f"{len(failures)} of {requests} failed: {failures[:5]}"
            assert requests > 1000, requests
            through = redis.Redis(port=proxy.redis_port)
            for load in loads:
                for key, number in load.acknowledged.items():
                    assert through.get(key) == b"%d" % number, f"{key} was acknowledged as {number}"
            # A replica is killed: nobody notices.
            replicas = [i for i, node in enumerate(cluster.nodes)
                        if redis.Redis(port=node[2]).info("replication")["role"] == "slave"]
            load = HttpLoad(proxy.http_port, "late")
            reader = redis.Redis(port=proxy.any_port, retry_on_error=[redis.ConnectionError], retry=redis.retry.Retry(
                redis.backoff.ConstantBackoff(0.1), 20))
            assert reader.set("seen", 1)
            os.kill(cluster.servers[replicas[0]].process.pid, signal.SIGKILL)
            for _ in range(300):
                assert reader.get("seen") == b"1"
                time.sleep(0.005)
            load.stop()
            assert not load.failures, load.failures[:5]
            print(f"{requests} HTTP requests while all four nodes were replaced, and a killed replica: none failed")
        finally:
            proxy.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())

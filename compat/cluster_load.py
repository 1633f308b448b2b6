# SPDX-License-Identifier: MIT
"""Clients that write and read keys of a cluster until they are stopped, and report failures."""
import json
import logging
import os
import random
import subprocess
import threading

from redis.cluster import ClusterNode, RedisCluster

from npm import SOURCES, node_environment

# The library logs each redirection that it follows.
logging.getLogger("redis.cluster").setLevel(logging.CRITICAL)


class Load:
    """Base: `commands` that were answered, and `failures`."""

    def __init__(self, port):
        self.port = port
        self.commands = 0
        self.failures = []
        self.stopping = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def stop(self):
        self.stopping = True
        self.thread.join(60)
        return self


class RedisPy(Load):
    """Checks that every read returns the last write."""

    def run(self):
        try:
            client = RedisCluster(startup_nodes=[ClusterNode("127.0.0.1", self.port)])
            chance, written = random.Random(self.port), {}
            while not self.stopping:
                key = f"python:{self.port}:{chance.randrange(500)}"
                if chance.random() < 0.5:
                    client.set(key, self.commands)
                    written[key] = str(self.commands).encode()
                elif (got := client.get(key)) != written.get(key):
                    self.failures.append(f"{key} is {got}, not {written.get(key)}")
                self.commands += 1
        except Exception as error:  # whatever the library lets through is a failure
            self.failures.append(repr(error))


class RedisCli(Load):
    """redis-cli -c, one process per command."""

    def run(self):
        number = 0
        while not self.stopping:
            script = "".join(f"SET cli:{i} {number}\nGET cli:{i}\n" for i in range(50))
            out = subprocess.run(["redis-cli", "-c", "-p", str(self.port)], input=script, capture_output=True,
                                 text=True, check=False, timeout=60).stdout
            lines = [line for line in out.splitlines() if line and not line.startswith("->")]
            if lines != ["OK", str(number)] * 50:
                self.failures.append(str([line for line in lines if line not in ("OK", str(number))][:3]))
            self.commands += len(lines)
            number += 1


class Node:
    """cluster_load.js: ioredis or node-redis with concurrent commands; latencies are recorded per phase."""

    def __init__(self, library, port, concurrency=8, keys=500, size=8):
        self.process = subprocess.Popen(
            ["node", os.path.join(SOURCES, "cluster_load.js"), library, str(port), str(concurrency), str(keys),
             str(size)],
            env=node_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def phase(self, name):
        self.process.stdin.write(name + "\n")
        self.process.stdin.flush()

    def stop(self):
        out, _ = self.process.communicate(timeout=60)
        self.phases = json.loads(out)
        self.commands = sum(phase["commands"] for phase in self.phases.values())
        self.failures = [failure for phase in self.phases.values() for failure in phase["failures"]]
        return self

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Three real Sentinels over a primary and two replicas of RingKV, while redis-py and ioredis write through them.

  compat/sentinel.py               each fault once, without and with a password
  compat/sentinel.py --rounds N    N faults one after the other, in random order
"""
import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel

from npm import SOURCES, node_environment
from servers import RunningServer, end_with_the_test, eventually, free_ports, server_binary

NAME = "mymaster"
DOWN_AFTER_MS = 1000
# Sentinel's periods, shortened so that a fault takes a second or two instead of twenty.
PERIODS = {"info-period": 200, "publish-period": 200, "ping-period": 100, "ask-period": 100,
           "min-link-reconnect-period": 100, "election-timeout": 2000,
           "tilt-trigger": 20_000}  # a busy machine delays its timers
LONGEST_MS = 40_000  # for one write, failover included
PATIENCE_SECONDS = 60  # Sentinel tries a failover that has failed again after twice its failover-timeout


def patiently(condition, what):
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "waited in vain: " + what
        time.sleep(0.02)


class Node:
    """A server with a configuration file, in which Sentinel keeps its role."""

    def __init__(self, password=None, host="127.0.0.1", **options):
        self.dir = tempfile.mkdtemp(prefix="ringkv-test-")
        self.host, self.password, self.port = host, password, free_ports(1)[0]
        self.conf = os.path.join(self.dir, "ringkv.conf")
        settings = {"port": self.port, "bind": "127.0.0.1 127.0.0.2", "dir": self.dir, "save": '""',
                    "appendonly": "yes", "enable-debug-command": "yes", "repl-timeout": 5, **options}
        if password:
            settings.update({"requirepass": password, "masterauth": password})
        with open(self.conf, "w", encoding="ascii") as file:
            file.writelines(f"{name.replace('_', '-')} {value}\n" for name, value in settings.items())
        self.server = None
        self.start()

    def start(self):
        self.server = RunningServer([server_binary(), self.conf])
        eventually(lambda: "is ready: port" in self.server.log(), "the ready line")

    def signal(self, number):
        self.server.process.send_signal(number)
        if number == signal.SIGKILL:
            self.server.process.wait()

    def ask(self, *words):
        with self.connect() as client:
            return client.execute_command(*words)

    def connect(self):
        # Sentinel cuts clients when it changes a role.
        again = Retry(NoBackoff(), 3)
        return redis.Redis(host=self.host, port=self.port, password=self.password, decode_responses=True, retry=again,
                           retry_on_error=[redis.exceptions.ConnectionError])

    def info(self, field=None):
        about = self.ask("INFO", "replication")
        return about[field] if field else about

    def written_line(self, name):
        with open(self.conf, encoding="ascii") as file:
            return next((line.split(None, 1)[1].strip() for line in file if line.startswith(name + " ")), None)

    def stop(self):
        if self.server.process.poll() is None:
            self.signal(signal.SIGKILL)
        self.server.stop()
        shutil.rmtree(self.dir, ignore_errors=True)


class Watcher:
    """A redis-sentinel."""

    def __init__(self, primary):
        self.dir = tempfile.mkdtemp(prefix="ringkv-test-")
        self.port = free_ports(1)[0]
        conf = os.path.join(self.dir, "sentinel.conf")
        with open(conf, "w", encoding="ascii") as file:
            file.write(f"port {self.port}\ndir {self.dir}\nsentinel monitor {NAME} {primary.host} {primary.port} 2\n"
                       f"sentinel down-after-milliseconds {NAME} {DOWN_AFTER_MS}\n"
                       f"sentinel failover-timeout {NAME} 3000\n")
            if primary.password:
                file.write(f"sentinel auth-pass {NAME} {primary.password}\n")
        self.server = RunningServer(["redis-server", conf, "--sentinel"])
        self.client = redis.Redis(port=self.port, decode_responses=True)
        eventually(self.answers, "a Sentinel")
        for period, milliseconds in PERIODS.items():
            self.client.execute_command("SENTINEL", "DEBUG", period, milliseconds)

    def answers(self):
        try:
            return self.client.ping()
        except redis.exceptions.ConnectionError:
            return False

    def primary(self):
        return self.client.sentinel_get_master_addr_by_name(NAME)

    def stop(self):
        self.server.stop()
        shutil.rmtree(self.dir, ignore_errors=True)


class PythonWriter:
    """redis-py."""

    def __init__(self, watchers, password):
        self.set = "written:redis-py"
        self.acknowledged, self.slowest_ms, self.stopping = [], 0, False
        sentinel = Sentinel([("127.0.0.1", watcher.port) for watcher in watchers], socket_timeout=1)
        self.client = sentinel.master_for(NAME, socket_timeout=1, password=password)
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        number = 0
        while not self.stopping:
            start = time.monotonic()
            try:
                self.client.sadd(self.set, number)
                self.acknowledged.append(number)
            except redis.exceptions.RedisError:
                pass  # not acknowledged
            self.slowest_ms = max(self.slowest_ms, 1000 * (time.monotonic() - start))
            number += 1
            time.sleep(0.002)

    def count(self):
        return len(self.acknowledged)

    def stop(self):
        self.stopping = True
        self.thread.join()
        return self.acknowledged


class NodeWriter:
    """ioredis."""

    def __init__(self, watchers, password):
        self.set = "written:ioredis"
        self.slowest_ms = 0
        self.process = subprocess.Popen(
            ["node", os.path.join(SOURCES, "sentinel_load.js"), self.set, password or "",
             *[str(watcher.port) for watcher in watchers]],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=node_environment(),
            preexec_fn=end_with_the_test)

    def count(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def stop(self):
        self.process.stdin.close()
        result = json.loads(self.process.stdout.readline())
        self.process.wait()
        self.slowest_ms = result["slowest"]
        return result["acknowledged"]


class Deployment:
    def __init__(self, password=None, hosts=("127.0.0.1",) * 3, options=({}, {}, {})):
        self.nodes, self.watchers, self.writers = [], [], []
        self.settled, self.safe = {}, {}  # by set: how many writes at the last settling; ranges of writes
        try:
            for host, mine in zip(hosts, options):
                follow = {"replicaof": f"{self.nodes[0].host} {self.nodes[0].port}"} if self.nodes else {}
                self.nodes.append(Node(password, host, replica_announce_ip=host, **follow, **mine))
            self.watchers = [Watcher(self.nodes[0]) for _ in range(3)]
            self.writers = [PythonWriter(self.watchers, password), NodeWriter(self.watchers, password)]
            self.settle()
        except BaseException:
            self.stop()
            raise

    def at(self, address):
        return next((node for node in self.nodes if address and (node.host, node.port) == tuple(address)), None)

    def primary(self):
        return self.at(self.watchers[0].primary())

    def is_settled(self, without=()):
        """All Sentinels name one primary, and it knows that it is one; the others follow it."""
        primary = self.primary()
        if primary is None or primary in without:
            return False
        if any(self.at(watcher.primary()) is not primary for watcher in self.watchers):
            return False
        if primary.info("role") != "master":
            return False
        for node in self.nodes:
            if node is primary or node in without:
                continue
            about = node.info()
            if about["role"] != "slave" or (about["master_host"], about["master_port"]) != (primary.host, primary.port):
                return False
            if about["master_link_status"] != "up":
                return False
        return True

    def settle(self, without=()):
        patiently(lambda: self.is_settled(without), "one primary, followed by all others")
        self.settled = self.counts()
        patiently(lambda: all(count > self.settled[name] + 20 for name, count in self.counts().items()), "writes go on")

    def counts(self):
        return {writer.set: writer.count() for writer in self.writers}

    def mark_safe(self):
        """What was acknowledged since all was settled is on all nodes: it must never be lost."""
        counts = self.counts()
        primary = self.primary()
        with primary.connect() as client:
            client.set("mark", "all")
            assert client.wait(len(self.nodes) - 1, 10_000) == len(self.nodes) - 1, "all replicas acknowledge"
        for name, count in counts.items():
            self.safe.setdefault(name, []).append((self.settled[name], count))

    def check_sentinels_view(self):
        def sees_all(watcher):
            about = watcher.client.sentinel_master(NAME)
            return about["num-slaves"] == 2 and about["num-other-sentinels"] == 2 and about["flags"] == "master"

        for watcher in self.watchers:
            eventually(lambda: sees_all(watcher), "a Sentinel knows the others and the replicas")
        assert self.watchers[0].client.execute_command("SENTINEL", "CKQUORUM", NAME).startswith("OK 3 usable")
        eventually(self.lists_replicas, "Sentinel lists the replicas as they are")

    def lists_replicas(self):
        listed = {int(each["port"]): each for each in self.watchers[0].client.sentinel_slaves(NAME)}
        for node in self.nodes:
            about = node.info()
            if about["role"] == "master":
                continue
            if not about["replica_announced"]:
                if node.port in listed:
                    return False
                continue
            seen = listed.get(node.port)
            if seen is None or (seen["ip"], seen["master-link-status"]) != (node.host, "ok"):
                return False
            if int(seen["slave-priority"]) != about["slave_priority"] or int(seen["slave-repl-offset"]) == 0:
                return False
        return True

    def check_files(self):
        """Each node would come back in its role."""
        primary = self.primary()
        follow = f"{primary.host} {primary.port}"
        eventually(lambda: primary.written_line("replicaof") is None, "the primary's file names no primary")
        for node in self.nodes:
            if node is not primary:
                eventually(lambda: node.written_line("replicaof") == follow, "a replica's file names the primary")

    def finish(self):
        """Ends the writers; nothing that was safe is lost, nobody has hung, and all nodes are equal."""
        primary = self.primary()
        with primary.connect() as client:
            for writer in self.writers:
                acknowledged = writer.stop()
                there = {int(number) for number in client.smembers(writer.set)}
                lost = [number for number in acknowledged if number not in there]
                print(f"{type(writer).__doc__} {len(acknowledged)} writes acknowledged, {len(lost)} lost "
                      f"(asynchronous), "
                      f"the slowest took {writer.slowest_ms / 1000:.1f} s")
                for first, end in self.safe[writer.set]:
                    assert not set(acknowledged[first:end]) - there, "all replicas had acknowledged these"
                assert writer.slowest_ms < LONGEST_MS, "a write hung"
        self.writers = []
        digests = lambda: {node.ask("DEBUG", "DIGEST") for node in self.nodes}  # noqa: E731
        eventually(lambda: len(digests()) == 1, "all nodes hold the same")

    def stop(self):
        for writer in self.writers:
            writer.stop()
        for each in self.watchers + self.nodes:
            each.stop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


# --- faults ---------------------------------------------------------------------------------------------------------

def kill(deployment):
    """The primary is killed; the replicas resume at the new one; it comes back and becomes a replica."""
    old = deployment.primary()
    replicas = [node for node in deployment.nodes if node is not old]
    fulls = sum(node.ask("INFO", "stats")["sync_full"] for node in replicas)
    old.signal(signal.SIGKILL)
    deployment.settle(without=[old])
    assert sum(node.ask("INFO", "stats")["sync_full"] for node in replicas) == fulls, "a replica needed a full sync"
    old.start()


def stop(deployment):
    """The primary hangs; when it goes on, it becomes a replica."""
    old = deployment.primary()
    old.signal(signal.SIGSTOP)
    try:
        deployment.settle(without=[old])
    finally:
        old.signal(signal.SIGCONT)


def order(deployment):
    """SENTINEL FAILOVER."""
    old, watcher = deployment.primary(), deployment.watchers[0]

    def is_done():
        if deployment.primary() not in (old, None):
            return True
        try:
            watcher.client.execute_command("SENTINEL", "FAILOVER", NAME)
        except redis.exceptions.ResponseError as error:  # one is under way, or it has just begun to look
            assert "INPROG" in str(error) or "NOGOODSLAVE" in str(error), error
        return False

    patiently(is_done, "another primary")


def restart_replica(deployment):
    """A replica is killed and started again by its file: it is a replica from the first moment on."""
    node = next(node for node in deployment.nodes if node is not deployment.primary())
    node.signal(signal.SIGKILL)
    node.start()
    assert node.info("role") == "slave"


FAULTS = [kill, stop, order, restart_replica]


def run(deployment, faults):
    for fault in faults:
        start = time.monotonic()
        try:
            deployment.mark_safe()
            fault(deployment)
            deployment.settle()
            deployment.check_files()
        except AssertionError:
            for each in deployment.watchers + deployment.nodes:
                print(f"--- {each.port}\n{each.server.log()}")
            raise
        print(f"{fault.__name__}: {time.monotonic() - start:.1f} s", flush=True)


# --- deployments ----------------------------------------------------------------------------------------------------

def plain(faults):
    with Deployment() as deployment:
        deployment.check_sentinels_view()
        run(deployment, faults)
        deployment.finish()


def with_password(faults):
    """With a password and announced addresses. The first replica must not be promoted, the second is not listed."""
    options = ({}, {"replica_priority": 0}, {"replica_announced": "no", "replica_priority": 10})
    with Deployment("secret", ("127.0.0.2",) * 3, options) as deployment:
        deployment.check_sentinels_view()
        run(deployment, faults)
        never, preferred = deployment.nodes[1], deployment.nodes[2]
        assert never.info("role") == "slave" and never.ask("CONFIG GET", "replica-priority")["replica-priority"] == "0"
        if faults == [kill]:
            assert deployment.primary() is preferred
        deployment.finish()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    arguments = parser.parse_args()
    if arguments.rounds:
        print("seed", arguments.seed)
        plain(random.Random(arguments.seed).choices(FAULTS, k=arguments.rounds))
        with_password(random.Random(arguments.seed).choices(FAULTS, k=arguments.rounds))
        return
    plain(FAULTS)
    with_password([kill])
    print("Sentinel does with RingKV what it does with Redis")


if __name__ == "__main__":
    sys.exit(main())

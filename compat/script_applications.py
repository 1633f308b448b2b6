#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Applications whose work is done by scripts: locks, rate limits, job queues. As their users run them, from Debian's
and npm's packages.

  compat/script_applications.py [--redis | options of RingKV]
  compat/script_applications.py --replicas    a RingKV and a redis-server follow, and have the same after each
"""
import contextlib
import json
import os
import signal
import sys

import npm
from applications import APPS, equal, node, python, run, run_all
from dataset import everything
from servers import RunningServer, eventually, free_ports, start_cluster, start_redis, start_ringkv

HUNDRED = sum(range(100))


def locks(server):
    """redis-py: locks, and registered scripts."""
    equal(python(server, "locks.py"), {
        "acquired": [True, False], "extended": [True, True], "replaced": [True, True], "reacquired": [True, True],
        "lost": ["LockNotOwnedError", False], "again": [True, None, 0], "counted": True,
        "registered": [2, 5, 9, "9"]})


def distributed_locks(server):
    """redlock."""
    equal(node(server, "redlock.js"),
          {"refused": "ExecutionError", "kept": 0, "extended": True, "twice": "ExecutionError", "counted": "10"})


def rate_limits(server):
    """rate-limiter-flexible."""
    limits = {"used": [0, 1, 2, 3, 4, "refused", "refused"], "blocked": True, "after": [3, 4, 1],
              "burst": ["served", "served", "served", "refused"]}
    equal(node(server, "rate_limits.js"), {"ioredis": limits, "redis": limits})


def defined_commands(server):
    """ioredis' defineCommand, node-redis' defineScript and functions."""
    equal(node(server, "defined_commands.js"), {
        "ioredis": {"first": 2, "echoed": ["app:key", "value", [1, "two", None, 3]], "bytes": ["ff00"], "forgotten": 5,
                    "pipeline": [[None, 6], [None, "PONG"], [None, 7]], "multi": [[None, 8], [None, "8"]],
                    "automatic": 50, "error": "ERR Unknown Redis command called from script"},
        "nodeRedis": {"first": 20, "forgotten": 50, "multi": [60, "6"],
                      "evaluated": ["key", "value", [1, "two", None, 3]], "exists": [True, False]},
        "functions": {"loaded": "app", "called": [2, "2"], "multi": [5, "5"], "gone": "ERR Function not found",
                      "again": 6, "libraryName": "app", "listed": ["plus", "seen"]}})


def bullmq(server):
    """BullMQ, alone and in a cluster."""
    with start_cluster(3) as cluster:
        check_bullmq(server, "alone")
        check_bullmq(cluster.primaries[0], "cluster")


def check_bullmq(server, kind):
    equal(node(server, "bullmq.js", kind), {
        "many": {"done": 200, "sum": sum(range(200)), "kept": 50, "metrics": 200},
        "delayed": {"state": "delayed", "promoted": True, "waited": True},
        "repeated": {"ticks": 3, "nightly": "0 3 * * *", "removed": True},
        "rateLimited": True, "prioritized": [0, 1, 2, 3],
        "retried": {"result": "at last", "error": "on purpose", "failed": 1, "logs": 3},
        "stalled": ["left by a dead worker"], "flow": 10,
        "kept": {"same": 1, "waiting": [1, 1], "drained": 0, "left": 0}})


def interrupted_jobs(_):
    """BullMQ while its server is killed and started again: no job is lost."""
    port = free_ports(1)[0]
    options = ("--port", str(port), "--appendonly", "yes", "--appendfsync", "always", "--io-threads", "4")
    with start_ringkv(*options) as server:
        with RunningServer(["node", os.path.join(APPS, "interrupted_jobs.js"), str(port)],
                           npm.node_environment()) as application:
            eventually(lambda: "has begun" in application.log(), "the first jobs")
            for _ in range(3):
                before = completed(server)
                eventually(lambda: completed(server) > before + 10, "further jobs")
                server.process.kill()
                server.process.wait()
                server.process = start_ringkv(*options, "--dir", server.dir).process
            assert application.process.wait(60) == 0, application.log()
            equal(json.loads(application.log().splitlines()[-1]), {"done": 300, "active": 0, "waiting": 0, "failed": 0})


def completed(server):
    return int(server.connect().raw("ZCARD", "bull:interrupted:completed")[1:])


def bull(server):
    equal(node(server, "bull.js"), {
        "many": {"done": 100, "sum": HUNDRED, "kept": 10},
        "delayed": {"state": "delayed", "promoted": True, "waited": True},
        "repeated": 3, "rateLimited": True, "prioritized": [1, 2, 3],
        "retried": {"result": "at last", "error": "on purpose", "failed": 1}, "stalled": [{"left": "by a dead worker"}],
        "obliterated": {"left": 1, "keys": []}})


def bee_queue(server):
    equal(node(server, "bee_queue.js"), {
        "many": {"done": 100, "sum": HUNDRED}, "delayed": True, "retried": "at last",
        "stalled": [{"left": "by a dead worker"}]})


def beside(server, command, environment):
    """A process of an application that loads files of this folder."""
    return RunningServer(command, {"PYTHONPATH": APPS, "PYTHONDONTWRITEBYTECODE": "1", **environment})


def celery(server):
    """Celery: worker and beat; chains, groups, chords, retries, later and revoked tasks; a worker that is killed."""
    environment = {"REDIS_PORT": str(server.port)}

    def start(what, *options):
        return beside(server, [sys.executable, "-m", "celery", "-A", "celery_tasks", what, *options], environment)

    def client(*arguments):
        return json.loads(run(sys.executable, "celery_client.py", *arguments, env={**os.environ, **environment}))

    def worker():
        return start("worker", "-c", "2", "--without-gossip", "--without-mingle")

    with start("beat", "-s", "schedule", "--max-interval", "1"), worker() as killed:
        equal(client("send"), {"sum": 3, "chain": 13, "group": [0, 2, 4, 6, 8], "chord": 380, "tries": 3,
                               "failed": "ValueError('on purpose')", "late": 7, "revoked": "REVOKED", "workers": 1})
        equal(client("tick"), True)
        task = client("lose")
        os.killpg(killed.process.pid, signal.SIGKILL)
    with worker():
        equal(client("find", task), 2)


def rq(server):
    """rq: a worker with its scheduler; later jobs, jobs that are repeated after a failure, stopped, removed."""
    with beside(server, ["rq", "worker", "--with-scheduler", "--url", f"redis://127.0.0.1:{server.port}"], {}):
        equal(python(server, "scheduled_jobs.py"), {
            "scheduled": True, "many": 20, "late": ["finished", 3], "tries": ["finished", 2],
            "stopped": "stopped", "emptied": [10, 0, 0], "failed": 1})


def sidekiq(server):
    """Sidekiq: jobs at once, in bulk and later; retries and the dead."""
    environment = {"REDIS_URL": f"redis://127.0.0.1:{server.port}/3"}
    with beside(server, ["sidekiq", "-r", os.path.join(APPS, "sidekiq_workers.rb"), "-c", "4"], environment):
        equal(json.loads(run("ruby", "sidekiq_client.rb", env={**os.environ, **environment})), {
            "scheduled": True, "retried": 0, "dead": ["Fails"], "processed": 105, "failed": 2, "enqueued": 0, "left": 0,
            "processes": 1})


APPLICATIONS = [locks, distributed_locks, rate_limits, defined_commands, bullmq, interrupted_jobs, bull, bee_queue,
                celery, rq, sidekiq]

DATABASES = range(4)


@contextlib.contextmanager
def replicas(server):
    follow = ("--replicaof", f"127.0.0.1 {server.port}")
    with start_ringkv(*follow) as ringkv, start_redis(*follow) as redis_server:
        for replica in (ringkv, redis_server):
            eventually(lambda: b"master_link_status:up" in replica.connect().raw("INFO", "replication"), "the link")

        def compare():
            for name, replica in (("RingKV", ringkv), ("redis-server", redis_server)):
                eventually(lambda: everything(server, DATABASES) == everything(replica, DATABASES), f"{name} has it")

        yield compare


def main():
    options = sys.argv[1:]
    if options == ["--replicas"]:
        return run_all(APPLICATIONS, [], replicas)
    return run_all(APPLICATIONS, options)


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Applications that people run against Redis, as their users run them: a session store and an adapter for web sockets of Node, a
job queue of Python."""
import json
import os
import subprocess
import sys
import time

import npm
from servers import DEADLINE_SECONDS, start_ringkv

APPS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "apps")


def node(server, script):
    ran = subprocess.run(["node", os.path.join(APPS, script), str(server.port)], capture_output=True, text=True, check=False,
                         timeout=2 * DEADLINE_SECONDS, env=npm.node_environment(), stdin=subprocess.DEVNULL)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


def sessions(server):
    """connect-redis: sessions of express survive a restart of the application, and are touched, counted and destroyed."""
    assert node(server, "sessions.js") == {"first": 1, "second": 2, "other": 1, "stored": 2, "afterDestroy": 1, "ttl": True}


def rooms(server):
    """socket.io with its adapter: two servers whose clients exchange messages through pub/sub."""
    assert node(server, "rooms.js") == {"everybody": 3, "room": 2, "sockets": 3, "acknowledged": 3}


def jobs(server):
    """rq: a queue with a worker, a job that fails and one that waits for another; results are kept in streams."""
    ran = subprocess.run([sys.executable, os.path.join(APPS, "jobs.py"), str(server.port)], capture_output=True, text=True, check=False,
                         timeout=2 * DEADLINE_SECONDS, cwd=APPS, stdin=subprocess.DEVNULL)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert json.loads(ran.stdout.splitlines()[-1]) == {
        "sum": ["finished", 3], "failed": ["failed", None], "after": ["finished", 10], "kept": [3], "left in the queue": 0}, ran.stdout


def main():
    with start_ringkv("--io-threads", "2") as server:
        start = time.monotonic()
        sessions(server)
        rooms(server)
        jobs(server)
        errors = [line for line in server.connect().raw("INFO", "errorstats").decode().splitlines() if line.startswith("errorstat_")]
        print(f"connect-redis, socket.io's adapter and rq work ({time.monotonic() - start:.0f} s); errors seen: {errors}")


if __name__ == "__main__":
    sys.exit(main())

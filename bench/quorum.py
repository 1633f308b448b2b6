# SPDX-License-Identifier: MIT
"""What it costs that a write is on replicas before it is acknowledged: RingKV with a coordinator, and Redis with
WAIT 1. A part of bench/compare.py."""
import os
import statistics
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "compat"))
from etcd_members import EtcdMembers  # noqa: E402
from one_thread import start_ringkv  # noqa: E402
from replication import REDIS, field, follow  # noqa: E402
from servers import eventually, start_redis  # noqa: E402

ROUNDS = 3
SECONDS = 5
CLIENTS = 50
LOAD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "build", "bench", "acknowledged_load")


def measure(server, pipeline, waits):
    """Writes a second, and the median and the 99th percentile of a batch in milliseconds."""
    out = subprocess.run([LOAD, str(server.port), str(CLIENTS), str(pipeline), str(SECONDS), str(int(waits))],
                         capture_output=True, text=True, check=True).stdout
    return [float(word) for word in out.split()]


def of_redis(replicas, pipeline):
    with start_redis(*REDIS) as primary:
        others = [start_redis(*REDIS) for _ in range(replicas)]
        try:
            for each in others:
                follow(each, primary)
            return measure(primary, pipeline, True)
        finally:
            for each in others:
                each.stop()


def of_ringkv(etcd, name, replicas, pipeline):
    options = ["--coordinator", f"etcd://{etcd.addresses}/{name}", "--repl-ack", "quorum",
               "--replica-announce-ip", "127.0.0.1"]
    nodes = []
    try:
        nodes.append(start_ringkv(*options))
        primary = nodes[0]
        eventually(lambda: primary.connect().raw("SET", "a", "1") == b"+OK\r\n", "a primary")
        nodes += [start_ringkv(*options) for _ in range(replicas)]
        eventually(lambda: field(primary.connect(), "coordinator_in_sync") == str(replicas + 1), "the in-sync set")
        return measure(primary, pipeline, False)
    finally:
        for each in nodes:
            each.stop()


def quorum():
    print(f"\nWrites that are on a replica when they are acknowledged, {CLIENTS} clients: RingKV's in-sync set through "
          "etcd, Redis with WAIT 1 behind each batch, all on this machine.\n\n"
          "| replicas | load | RingKV | p99 ms | Redis | p99 ms | ratio | wanted |\n|---|---|---|---|---|---|---|---|")
    with EtcdMembers() as etcd:
        for replicas in (1, 2):
            for pipeline in (1, 16):
                seen = {"ringkv": [], "redis": []}
                for i in range(ROUNDS):
                    seen["redis"].append(of_redis(replicas, pipeline))
                    seen["ringkv"].append(of_ringkv(etcd, f"bench-{replicas}-{pipeline}-{i}", replicas, pipeline))
                a, b = ([statistics.median(column) for column in zip(*seen[who])] for who in ("ringkv", "redis"))
                print(f"| {replicas} | SET P={pipeline} | {a[0]:,.0f} | {a[2]:.2f} | {b[0]:,.0f} | {b[2]:.2f} | "
                      f"**{a[0] / b[0]:.2f}x** | 1.5x |", flush=True)

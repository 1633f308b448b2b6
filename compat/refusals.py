#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Refusals: every command that both servers have, in each state that may refuse it, against redis-server. The code
of an error is compared, or that there is no error."""
import contextlib
import sys

from resp import Client, flatten
from servers import eventually, free_ports, start_loading_redis, start_loading_ringkv, start_redis, start_ringkv

# They end the connection or the server, or make it something else.
LEFT_OUT = {"SHUTDOWN", "MONITOR", "QUIT", "RESET", "DEBUG", "REPLICAOF", "SLAVEOF", "FAILOVER", "PSYNC", "SYNC",
            "AUTH", "HELLO", "CLIENT", "EXEC", "SAVE", "BGSAVE", "BGREWRITEAOF", "CONFIG", "MIGRATE", "SUBSCRIBE",
            "PSUBSCRIBE", "SSUBSCRIBE", "WAIT", "PFSELFTEST"}  # the last takes redis-server seconds
# Where a number for each argument makes no sense, or would wait.
ARGUMENTS = {
    "BLPOP": ["l", "0.001"], "BRPOP": ["l", "0.001"], "BZPOPMIN": ["z", "0.001"], "BZPOPMAX": ["z", "0.001"],
    "BLMOVE": ["l", "m", "LEFT", "LEFT", "0.001"], "BRPOPLPUSH": ["l", "m", "0.001"],
    "BLMPOP": ["0.001", "1", "l", "LEFT"], "BZMPOP": ["0.001", "1", "z", "MIN"],
    "XREAD": ["BLOCK", "1", "STREAMS", "x", "$"], "XADD": ["x", "*", "f", "v"],
    "XREADGROUP": ["GROUP", "g", "c", "STREAMS", "x", ">"], "SORT_RO": ["l"], "SET": ["k", "v"], "MSET": ["k", "v"],
}


def commands(ours, theirs):
    """The commands that both have, with arguments."""
    def names(server):
        return {each.split(b"\r\n")[1].decode().upper() for each in flatten(server.connect().raw("COMMAND", "LIST"))}

    def least(name):
        # Where there are subcommands their number says nothing.
        return abs(int(flatten(flatten(theirs.connect().raw("COMMAND", "INFO", name))[0])[1][1:-2]))

    common = sorted(name for name in names(ours) & names(theirs) if name not in LEFT_OUT)
    return [[name, *ARGUMENTS.get(name, ["1"] * (least(name) - 1))] for name in common]


@contextlib.contextmanager
def plain(start):
    with start() as server:
        yield server, []


@contextlib.contextmanager
def transaction(start):
    with start() as server:
        yield server, [["MULTI"]]


@contextlib.contextmanager
def subscribed(start):
    with start() as server:
        yield server, [["SUBSCRIBE", "channel"]]


@contextlib.contextmanager
def without_password(start):
    with start("--requirepass", "secret") as server:
        yield server, []


@contextlib.contextmanager
def out_of_memory(start):
    with start() as server:
        server.connect().raw("CONFIG", "SET", "maxmemory", "1")
        yield server, []


@contextlib.contextmanager
def replica(start):
    with start() as primary, start("--replicaof", f"127.0.0.1 {primary.port}") as server:
        eventually(lambda: b"master_link_status:up" in server.connect().raw("INFO", "replication"), "the link is up")
        yield server, []


@contextlib.contextmanager
def lost_replica(start):
    with start("--replicaof", f"127.0.0.1 {free_ports(1)[0]}", "--replica-serve-stale-data", "no") as server:
        yield server, []


@contextlib.contextmanager
def too_few_replicas(start):
    with start("--min-replicas-to-write", "1") as server:
        yield server, []


@contextlib.contextmanager
def loading(start):
    with {start_ringkv: start_loading_ringkv, start_redis: start_loading_redis}[start]() as server:
        yield server, []


STATES = {"plain": plain, "in MULTI": transaction, "subscribed": subscribed, "without the password": without_password,
          "out of memory": out_of_memory, "replica": replica, "replica that may not serve stale data": lost_replica,
          "too few replicas": too_few_replicas, "loading": loading}
# What is left out otherwise, or has subcommands, in forms that change nothing.
WHILE_LOADING = [
    ["AUTH", "x"], ["HELLO"], ["HELLO", "3"], ["RESET"], ["QUIT"], ["MONITOR"], ["SUBSCRIBE", "c"], ["PSUBSCRIBE", "c"],
    ["SSUBSCRIBE", "c"], ["CLIENT", "ID"], ["CLIENT", "LIST"], ["CLIENT", "SETNAME", "n"], ["CLIENT", "NO-EVICT", "on"],
    ["CONFIG", "GET", "hz"], ["CONFIG", "SET", "hz", "10"], ["CONFIG", "RESETSTAT"], ["CONFIG", "REWRITE"],
    ["WAIT", "0", "1"], ["SAVE"], ["BGSAVE"], ["BGREWRITEAOF"], ["REPLICAOF", "NO", "ONE"], ["EXEC"], ["MULTI"],
    ["SHUTDOWN", "ABORT"], ["COMMAND", "COUNT"], ["COMMAND", "INFO", "get"], ["SLOWLOG", "GET"], ["LATENCY", "LATEST"],
    ["MEMORY", "DOCTOR"], ["MEMORY", "USAGE", "k"], ["OBJECT", "ENCODING", "k"], ["XINFO", "STREAM", "x"],
    ["XGROUP", "CREATE", "x", "g", "0"], ["PUBSUB", "CHANNELS"], ["DEBUG", "JMAP"], ["CLUSTER", "INFO"],
]


def kind(reply):
    return reply.split(b" ")[0].strip().decode() if reply[:1] == b"-" else "no error"


def answer(server, before, command):
    client = Client(server.port)
    for each in before:
        client.raw(*each)
    reply = client.raw(*command)
    client.close()
    return reply


def main():
    with start_ringkv() as ours, start_redis() as theirs:
        every = commands(ours, theirs)
    failures = 0
    for state, enter in STATES.items():
        with enter(start_ringkv) as (ours, before), enter(start_redis) as (theirs, _):
            for command in every + (WHILE_LOADING if state == "loading" else []):
                mine, redis = answer(ours, before, command), answer(theirs, before, command)
                if kind(mine) != kind(redis):
                    failures += 1
                    print(f"{state}: {command}\n  ringkv: {mine[:150]!r}\n  redis:  {redis[:150]!r}")
    print(f"{len(every)} commands in {len(STATES)} states, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

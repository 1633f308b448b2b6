#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the transcripts against RingKV and against redis-server.

A transcript is lines "> command" and, below each, the reply's bytes as "< ..." (one line for each CRLF, escapes as in
Python). "~ reason" instead of a reply: this one is wanted to differ, or holds what can't be foretold, and only has to
be no error from RingKV. "+ ..." instead of "< ...": what RingKV answers to a command that Redis doesn't have, or takes
many seconds for. "@ N" sends the following commands on connection N.

  compat/transcripts.py               compares
  compat/transcripts.py --mode NAME   compares RingKV in that mode alone; in a cluster with a redis-server in cluster
  mode compat/transcripts.py --record      writes what redis-server answers into the files
"""
import argparse
import os
import shlex
import sys

import modes
from servers import start_redis, start_ringkv

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "transcripts")
OPTIONS = ["--enable-debug-command", "yes"]
# Transcripts that a mode is not asked for, and why. Each node has users of its own.
LEFT_OUT = {
    **{mode: {"acl.txt", "cluster.txt"} for mode in modes.IN_CLUSTER},  # the cluster is put together in another way
    # There CLIENT KILL ends the links of the other nodes too.
    "cluster-of-three": {"acl.txt", "cluster.txt", "replication.txt", "scripting_one_node.txt", "newer_server.txt",
                         "newer_import.txt"},  # an option of one node
    "always": {"newer_server.txt"},  # it tells of a server without a log
    # These tell of replicas, and there are some.
    "replica": {"acl.txt", "replication.txt", "newer_import.txt"},  # a replica hides what its primary leaves
    "redis-replica": {"acl.txt", "hash_expiry.txt", "newer_import.txt", "replication.txt"},  # 7.0 knows no HTTL
    "quorum": {"replication.txt"},
    # Nobody waits at, watches keys of, or subscribes to shard channels of another node.
    # Each node has functions of its own.
    **{mode: {"acl.txt", "cluster.txt", "blocking.txt", "functions.txt", "transactions.txt", "pubsub.txt",
              "replication.txt", "scripting_one_node.txt", "newer_import.txt", "newer_server.txt"}
       for mode in modes.PASSED_ON},
}
BY_THE_CLOCK = {"persistence.txt"}  # whether a snapshot is still being made: asked for where nothing else is at work


def words(line):
    return [w.encode("latin-1", "backslashreplace").decode("unicode_escape").encode("latin-1")
            for w in shlex.split(line)]


def shown(reply):
    return ["< " + part.decode("latin-1").encode("unicode_escape").decode("ascii")
            for part in reply.removesuffix(b"\r\n").split(b"\r\n")]


class Runner:
    def __init__(self, server):
        self.server = server
        self.clients = {}
        self.use("1")

    def use(self, number):
        if number not in self.clients:
            self.clients[number] = self.server.connect()
        self.client = self.clients[number]

    def run(self, line):
        return shown(self.client.raw(*words(line)))


def read(path):
    """Steps of a transcript: [line, expected lines]."""
    steps = []
    with open(path, encoding="ascii") as file:
        for line in file.read().splitlines():
            if line.startswith(("< ", "~", "+ ")) or line == "<":
                steps[-1][1].append(line)
            else:
                steps.append([line, []])
    return steps


def check(name, server, is_ringkv, mode="alone"):
    runner = Runner(server)
    failures = 0
    for line, expected in read(os.path.join(FOLDER, name)):
        if line.startswith("@ "):
            runner.use(line[2:])
        if not line.startswith("> ") or not modes.is_asked(mode, words(line[2:])):
            continue
        if expected and expected[0].startswith("+"):
            if not is_ringkv:
                continue
            expected = ["<" + each[1:] for each in expected]
        got = runner.run(line[2:])
        if expected and expected[0].startswith("~"):
            ok = not is_ringkv or not got[0].startswith("< -")
        else:
            ok = got == expected
        if not ok:
            failures += 1
            print(f"{name}, {'ringkv' if is_ringkv else 'redis-server'}: {line}\n  expected {expected}\n  got      "
                  f"{got}")
    return failures


def record(name):
    with start_redis(*OPTIONS) as server:
        runner = Runner(server)
        lines = []
        for line, expected in read(os.path.join(FOLDER, name)):
            lines.append(line)
            if line.startswith("@ "):
                runner.use(line[2:])
            if line.startswith("> "):
                if expected and expected[0].startswith("+"):
                    lines += expected
                elif expected and expected[0].startswith("~"):
                    runner.run(line[2:])
                    lines.append(expected[0])
                else:
                    lines += runner.run(line[2:])
        with open(os.path.join(FOLDER, name), "w", encoding="ascii") as file:
            file.write("\n".join(lines) + "\n")


def compare(name, pair, mode):
    """Compares both servers, except for steps with an intended difference."""
    ours, theirs = Runner(pair.ours), Runner(pair.theirs)
    failures = 0
    for line, expected in read(os.path.join(FOLDER, name)):
        if line.startswith("@ "):
            ours.use(line[2:])
            theirs.use(line[2:])
        if not line.startswith("> ") or (expected and expected[0].startswith("+")) \
                or not modes.is_asked(mode, words(line[2:])):
            continue
        mine, redis = ours.run(line[2:]), theirs.run(line[2:])
        if mine != redis and not expected[0].startswith("~"):
            failures += 1
            print(f"{name}: {line}\n  ringkv {mine}\n  redis  {redis}")
    return failures


def run_mode(name, mode):
    with modes.open_mode(mode, OPTIONS, OPTIONS) as pair:
        failures = compare(name, pair, mode) if mode in modes.IN_CLUSTER else check(name, pair.ours, True, mode)
        pair.settle()
    return failures


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--record", action="store_true")
    modes.add_argument(parser)
    arguments = parser.parse_args()
    names = sorted(os.listdir(FOLDER))
    if arguments.record:
        for name in names:
            record(name)
        return 0
    failures = 0
    if arguments.mode != "alone":
        names = [name for name in names if name not in LEFT_OUT.get(arguments.mode, set()) | BY_THE_CLOCK]
        failures = sum(run_mode(name, arguments.mode) for name in names)
    else:
        for name in names:
            with start_ringkv(*OPTIONS) as ours, start_redis(*OPTIONS) as theirs:
                failures += check(name, ours, True) + check(name, theirs, False)
    print(f"{len(names)} transcripts, mode {arguments.mode}, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

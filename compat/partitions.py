#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A shard whose primary three real members of etcd elect, on six machines with a network of their own: links are cut in
one direction or both, processes are stopped and killed, clocks are set, while clients write and read. What they see
must be linearizable, and the shard must serve as far as docs/failover.md promises.

  compat/partitions.py [--seed 1] [--minutes 0]

Each fault once, in an order that the seed decides; again and again for that many minutes."""
import argparse
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

import machines
import servers
from machines import Machine, cut
from registers import Load, NodeClient, PORT
from servers import RunningServer, eventually, server_binary

NODES = ETCDS = 3
LEASE_SECONDS = 3
SET_CLOCK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/support/set_clock.cc")
CLIENT_PORT, PEER_PORT = 2379, 2380


class Shard:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="ringkv-test-")
        self.etcd_machines = [Machine(1 + i) for i in range(ETCDS)]
        self.machines = [Machine(11 + i) for i in range(NODES)]
        self.etcds = [self.start_etcd(i) for i in range(ETCDS)]
        self.nodes = [None] * NODES
        self.clock_library = os.path.join(self.dir, "set_clock.so")
        subprocess.run(["g++", "-std=c++20", "-shared", "-fPIC", "-o", self.clock_library, SET_CLOCK], check=True)
        for number in range(NODES):
            with open(self.clock_file(number), "xb") as file:
                file.write(bytes(8))
            self.start(number)
        self.load = None

    def folder(self, name):
        path = os.path.join(self.dir, name)
        os.makedirs(path, exist_ok=True)
        return path

    def start_etcd(self, number):
        machine = self.etcd_machines[number]
        client, peer = (f"http://{machine.address}:{port}" for port in (CLIENT_PORT, PEER_PORT))
        everybody = ",".join(f"m{i}=http://{each.address}:{PEER_PORT}" for i, each in enumerate(self.etcd_machines))
        return RunningServer(machine.command(
            "etcd", "--name", f"m{number}", "--data-dir", self.folder(f"etcd{number}"), "--listen-client-urls", client,
            "--advertise-client-urls", client, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
            "--initial-cluster", everybody))

    def start(self, number):
        machine = self.machines[number]
        etcd = ",".join(f"{each.address}:{CLIENT_PORT}" for each in self.etcd_machines)
        clock = {"LD_PRELOAD": self.clock_library, "CLOCK_OFFSET_FILE": self.clock_file(number)}
        self.nodes[number] = RunningServer(machine.command(
            server_binary(), "--port", str(PORT), "--bind", machine.address, "--protected-mode", "no", "--save", "",
            "--coordinator", f"etcd://{etcd}/shop", "--repl-ack", "quorum", "--appendonly", "yes", "--appendfsync",
            "always", "--replica-announce-ip", machine.address, "--dir", self.folder(f"node{number}")), clock)

    def clock_file(self, number):
        return os.path.join(self.folder("clocks"), str(number))

    def set_clock(self, number, seconds):
        with open(self.clock_file(number), "r+b") as file:
            file.write(struct.pack("=q", seconds))

    def kill(self, number):
        self.nodes[number].process.kill()
        self.nodes[number].stop()

    def info(self, number, field):
        try:
            client = NodeClient(self.machines[number].address)
            text = client.raw("INFO", "replication").decode()
            client.close()
        except OSError:
            return None
        return next((line.split(":", 1)[1] for line in text.split("\r\n") if line.startswith(field + ":")), None)

    def primary(self):
        """A node that leads and is not fenced; None if there is none."""
        return next((number for number in range(NODES) if self.info(number, "role") == "master"
                     and self.info(number, "coordinator_fenced") == "0"), None)

    def is_well(self):
        primary = self.primary()
        return primary is not None and self.info(primary, "coordinator_in_sync") == str(NODES)

    def heal(self):
        for machine in self.machines + self.etcd_machines:
            machine.heal()

    def await_that(self, condition, what):
        """What the nodes have said stands beside a failure."""
        try:
            eventually(condition, what)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.logs()}") from error

    def await_all(self):
        self.await_that(self.is_well, "all nodes to be in sync")

    def await_writes(self, what):
        wanted = self.load.acknowledged + 20
        self.await_that(lambda: self.load.acknowledged > wanted, "writes to be acknowledged " + what)

    def await_silence(self, what):
        def is_silent():
            before = self.load.acknowledged
            time.sleep(1)
            return self.load.acknowledged == before
        self.await_that(is_silent, "writes to be refused " + what)

    def logs(self):
        return "\n".join(f"--- {number}\n{node.log()[-3000:]}" for number, node in enumerate(self.nodes))

    def register_values(self, number):
        client = NodeClient(self.machines[number].address, 20)
        values = [client.raw("GET", f"register:{i}") for i in range(len(self.load.registers))]
        client.close()
        return values

    def stop(self):
        for each in [*self.nodes, *self.etcds, *self.machines, *self.etcd_machines]:
            if each is not None:
                each.stop()
        shutil.rmtree(self.dir, ignore_errors=True)


# Each takes the shard, its primary and a replica, and returns what ends the fault beside the links.
def from_replica(_, primary, replica):
    cut(primary, replica)


def primary_deaf_to_replica(_, primary, replica):
    primary.deafen(replica)


def replica_deaf_to_primary(_, primary, replica):
    replica.deafen(primary)


def from_etcd(shard, primary, _):
    for member in shard.etcd_machines:
        cut(primary, member)


def primary_deaf_to_etcd(shard, primary, _):
    for member in shard.etcd_machines:
        primary.deafen(member)


def etcd_deaf_to_primary(shard, primary, _):
    for member in shard.etcd_machines:
        member.deafen(primary)


def primary_alone(shard, primary, _):
    for other in shard.machines + shard.etcd_machines:
        if other is not primary:
            cut(primary, other)


def replica_alone(shard, _, replica):
    for other in shard.machines + shard.etcd_machines:
        if other is not replica:
            cut(replica, other)


def member_alone(shard, *_):
    first, *others = shard.etcd_machines
    for other in others:
        cut(first, other)


def members_apart(shard, *_):
    for i, member in enumerate(shard.etcd_machines):
        for other in shard.etcd_machines[:i]:
            cut(member, other)


def stopped(shard, machine):
    process = shard.nodes[shard.machines.index(machine)].process
    process.send_signal(signal.SIGSTOP)
    return lambda: process.send_signal(signal.SIGCONT)


def primary_stopped(shard, primary, _):
    return stopped(shard, primary)


def replica_stopped(shard, _, replica):
    return stopped(shard, replica)


def primary_killed(shard, primary, _):
    number = shard.machines.index(primary)
    shard.kill(number)
    return lambda: shard.start(number)


def clock_set(seconds):
    def set_it(shard, primary, _):
        number = shard.machines.index(primary)
        shard.set_clock(number, seconds)
        return lambda: shard.set_clock(number, 0)
    return set_it


# With whether the shard serves meanwhile.
FAULTS = {
    "the primary and a replica are cut off from each other": (from_replica, True),
    "the primary does not hear a replica": (primary_deaf_to_replica, True),
    "a replica does not hear the primary": (replica_deaf_to_primary, True),
    "the primary is cut off from etcd": (from_etcd, True),
    "the primary does not hear etcd": (primary_deaf_to_etcd, True),
    "etcd does not hear the primary": (etcd_deaf_to_primary, True),
    "the primary is cut off from all nodes and etcd": (primary_alone, True),
    "a replica is cut off from all nodes and etcd": (replica_alone, True),
    "a member of etcd is cut off from the others": (member_alone, True),
    "the members of etcd are cut off from each other": (members_apart, False),
    "the primary is stopped for longer than its lease": (primary_stopped, True),
    "a replica is stopped": (replica_stopped, True),
    "the primary is killed": (primary_killed, True),
    "the primary's clock is set an hour ahead": (clock_set(3600), True),
    "the primary's clock is set an hour back": (clock_set(-3600), True),
}


def run_fault(shard, name, chance):
    begin, serves = FAULTS[name]
    shard.await_all()
    primary = shard.primary()
    replica = chance.choice([number for number in range(NODES) if number != primary])
    began = time.monotonic()
    end = begin(shard, shard.machines[primary], shard.machines[replica])
    try:
        if serves:
            shard.await_writes("while " + name)
            time.sleep(max(0, began + 1.5 * LEASE_SECONDS - time.monotonic()))
            shard.await_writes("long after " + name)
        else:
            shard.await_silence("while " + name)
    finally:
        if end is not None:
            end()
    shard.heal()
    shard.await_writes("after " + name)
    assert not shard.load.violations, (name, shard.load.violations[:5])
    print(f"{time.monotonic() - began:5.1f} s: {name}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=0)
    arguments = parser.parse_args()
    machines.enter_network()
    servers.DEADLINE_SECONDS = 60
    chance = random.Random(arguments.seed)
    end = time.monotonic() + 60 * arguments.minutes
    shard = Shard()
    try:
        shard.await_all()
        shard.load = Load([machine.address for machine in shard.machines], arguments.seed)
        try:
            while True:
                for name in chance.sample(sorted(FAULTS), len(FAULTS)):
                    run_fault(shard, name, chance)
                if time.monotonic() >= end:
                    break
            shard.await_all()
        finally:
            shard.load.end()
        expected = shard.register_values(shard.primary())
        for number in range(NODES):
            eventually(lambda node=number: shard.register_values(node) == expected, f"node {number} to have the same")
        assert not shard.load.violations, shard.load.violations[:5]
        print(f"{shard.load.acknowledged:,} writes acknowledged, {shard.load.reads:,} reads, all linearizable")
    finally:
        shard.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())

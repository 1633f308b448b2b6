#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ringkv-cluster and a shard whose primary three real members of etcd elect: what it shows, who may be struck off,
who hands over to whom, and who may take over."""
import json
import os
import shutil
import subprocess
import sys
import tempfile

from etcd_members import EtcdMembers
from servers import eventually, server_binary, start_ringkv

NAME = "shop"


class Shard:
    """Nodes by number, each with a directory that it finds again."""

    def __init__(self, etcd, policy):
        self.etcd = etcd
        self.address = f"etcd://{etcd.addresses}/{NAME}"
        self.policy = policy
        self.dirs = {}
        self.nodes = {}

    def start(self, number):
        folder = self.dirs.setdefault(number, tempfile.mkdtemp(prefix="ringkv-test-"))
        self.nodes[number] = start_ringkv("--coordinator", self.address, "--repl-ack", "quorum", "--appendonly", "yes",
                                          "--appendfsync", self.policy, "--replica-announce-ip", "127.0.0.1", "--dir",
                                          folder)

    def kill(self, number):
        server = self.nodes.pop(number)
        server.process.kill()
        server.process.wait()
        server.stop()

    def stop(self):
        for server in self.nodes.values():
            server.stop()
        for folder in self.dirs.values():
            shutil.rmtree(folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def id_of(self, number):
        with open(os.path.join(self.dirs[number], "node.id"), encoding="ascii") as file:
            return file.read().strip()

    def name_of(self, number):
        return f"127.0.0.1:{self.nodes[number].port}"

    def takes_writes(self, number):
        return self.nodes[number].connect().raw("SET", "probe", "1") == b"+OK\r\n"

    def record(self):
        text = self.etcd.value(f"/ringkv/{NAME}/shards/0/record")
        return json.loads(text) if text else {"in-sync": []}

    def primary(self):
        """None if nobody leads, alive or not."""
        lead = self.etcd.value(f"/ringkv/{NAME}/shards/0/lead")
        return next(n for n in self.dirs if self.id_of(n) == json.loads(lead)["id"]) if lead else None

    def admin(self, *words, address=None):
        program = os.path.join(os.path.dirname(server_binary()), "ringkv-cluster")
        return subprocess.run([program, *words, "--coordinator", address or self.address], capture_output=True,
                              text=True, check=False, timeout=120)

    def is_well(self):
        return self.admin("status").returncode == 0


def refused(done, why):
    assert done.returncode == 1 and why in done.stderr, (done.stdout, done.stderr)


def check_status(shard):
    refused(shard.admin("status"), "etcd knows no shard of 'shop'")
    for number in range(3):
        shard.start(number)
    eventually(shard.is_well, "all nodes to be in sync")
    text = shard.admin("status").stdout
    primary = shard.primary()
    epoch = shard.record()["epoch"]
    assert f"shard 0: epoch {epoch}, primary {shard.name_of(primary)}, lease " in text, text
    assert "3 of 3 members in sync" in text, text
    for number in range(3):
        line = next(line for line in text.splitlines() if line.startswith(shard.id_of(number)[:12]))
        assert shard.name_of(number) in line and ("primary" in line) == (number == primary), text
    refused(shard.admin("status", address="etcd://127.0.0.1:1/shop"), "etcd does not answer")
    refused(shard.admin("status", address="static"), "has its topology in a file, the cluster-config")
    refused(shard.admin("status", address="etcd:127.0.0.1:1/shop"), "--coordinator must be")


def check_leave(shard):
    primary = shard.primary()
    gone = next(n for n in range(3) if n != primary)
    refused(shard.admin("leave", "fffff"), "there is no node 'fffff'")
    refused(shard.admin("leave", shard.name_of(gone)), "lives, and would join again")
    gone_id = shard.id_of(gone)
    shard.kill(gone)
    refused(shard.admin("leave", gone_id[:12]), "lives")  # etcd does not know yet
    eventually(lambda: "is not there; leave strikes it off" in shard.admin("status").stdout, "its key to go")
    done = shard.admin("leave", gone_id[:12])
    assert done.returncode == 0, done.stderr
    assert gone_id not in json.dumps(shard.record()), shard.record()
    eventually(shard.is_well, "two nodes to be well")
    assert shard.takes_writes(shard.primary())
    # It may come back.
    shard.start(gone)
    eventually(lambda: gone_id in shard.record()["in-sync"], "it to be in sync again")
    # A node that is ended by order is gone at once.
    shard.nodes.pop(gone).stop()
    done = shard.admin("leave", gone_id)
    assert done.returncode == 0, done.stderr
    shard.start(gone)
    eventually(lambda: gone_id in shard.record()["in-sync"], "it to be in sync again")


def check_failover(shard):
    eventually(shard.is_well, "all nodes to be in sync")
    primary = shard.primary()
    others = [number for number in range(3) if number != primary]
    refused(shard.admin("failover", "1"), "there is no shard '1': there are 0")
    refused(shard.admin("failover", "0", "--to", shard.name_of(primary)), "is the primary already")
    refused(shard.admin("failover", "0", "--to", "fffff"), "there is no node 'fffff'")
    # As before a node is stopped that may be the primary.
    done = shard.admin("failover", "0", "--from", shard.name_of(others[0]))
    assert done.returncode == 0 and "is not the primary of shard 0" in done.stdout, (done.stdout, done.stderr)
    assert shard.primary() == primary
    done = shard.admin("failover", "0", "--from", shard.name_of(primary), "--to", shard.id_of(others[1])[:12])
    assert done.returncode == 0, done.stderr
    assert f"node {shard.name_of(others[1])} is the primary of shard 0" in done.stdout, done.stdout
    assert shard.primary() == others[1] and shard.takes_writes(others[1])
    eventually(shard.is_well, "all nodes to be in sync")
    done = shard.admin("failover", "0")
    assert done.returncode == 0 and shard.primary() != others[1], (done.stdout, done.stderr)


def check_takeover(shard):
    """With appendfsync everysec, whoever was restarted does not count as one that has everything."""
    for number in range(2):
        shard.start(number)
    eventually(lambda: len(shard.record()["in-sync"]) == 2, "both to be in sync")
    primary = shard.primary()
    other = 1 - primary
    refused(shard.admin("takeover", shard.name_of(other)), f"the shard has a primary, {shard.name_of(primary)}")
    assert shard.nodes[primary].connect().raw("SET", "kept", "1") == b"+OK\r\n"
    shard.kill(other)
    shard.kill(primary)
    shard.start(other)
    eventually(lambda: shard.primary() is None, "the lease to end")
    refused(shard.admin("status"), "a shard has no primary")
    refused(shard.admin("leave", shard.id_of(other)), "lives")
    done = shard.admin("takeover", shard.name_of(other))
    refused(done, "nothing has been changed: --accept-loss")
    assert "has everything up to epoch 1, group " in done.stdout, done.stdout
    assert "nobody knows what it has" in done.stdout, done.stdout
    assert shard.primary() is None
    done = shard.admin("takeover", shard.name_of(other), "--accept-loss")
    assert done.returncode == 0 and "is the primary of shard 0, epoch 2" in done.stdout, (done.stdout, done.stderr)
    eventually(lambda: shard.takes_writes(other), "writes")
    assert shard.record()["in-sync"] == [shard.id_of(other)]
    shard.start(primary)
    eventually(shard.is_well, "the old primary to follow")
    assert shard.primary() == other


def main():
    with EtcdMembers() as etcd, Shard(etcd, "always") as shard:
        check_status(shard)
        check_leave(shard)
        check_failover(shard)
    with EtcdMembers() as etcd, Shard(etcd, "everysec") as shard:
        check_takeover(shard)
    print("status, leave, failover and takeover do what they say")
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Nodes that answer clients of Sentinel themselves (sentinel-master-name): their replies beside those of real Sentinels
that watch the same nodes, in RESP2 and RESP3, and clients that follow handovers and a promotion without a Sentinel."""
import os
import re
import signal
import subprocess
import sys
import threading
import time

import redis

from npm import SOURCES, node_environment
from resp import Client, flatten
from sentinel import NAME, Node, NodeWriter, PythonWriter, Watcher, patiently
from servers import end_with_the_test, eventually

OPTIONS = {"sentinel_master_name": NAME, "sentinel_down_after_milliseconds": 1000}
# Requests whose replies are the same, byte for byte.
SAME = [("GET-MASTER-ADDR-BY-NAME", NAME), ("GET-MASTER-ADDR-BY-NAME", "other"), ("MASTER", "other"),
        ("REPLICAS", "other"), ("SLAVES", "other"), ("SENTINELS", "other"), ("CKQUORUM", NAME), ("CKQUORUM", "other"),
        ("FAILOVER", "other"), ("RESET", "other"), ("INFO-CACHE", "other"), ("INFO-CACHE",), ("PENDING-SCRIPTS",),
        ("MASTER",), ("MASTERS", "more"), ("REPLICAS",), ("IS-MASTER-DOWN-BY-ADDR", "127.0.0.1", "x", "0", "*"),
        ("IS-MASTER-DOWN-BY-ADDR", "127.0.0.1", "1", "x", "*"), ("IS-MASTER-DOWN-BY-ADDR", "127.0.0.1", "1", "0", "*"),
        ("NONSENSE",), ()]
# Fields that tell times, or what Sentinels agree on and nodes don't.
VARYING = {"last-ok-ping-reply", "last-ping-reply", "last-ping-sent", "link-pending-commands", "info-refresh",
           "role-reported-time", "last-hello-message", "slave-repl-offset", "failover-timeout", "config-epoch"}


class AnnouncingNode(Node):
    def __init__(self, primary=None, **options):
        follow = {"replicaof": f"127.0.0.1 {primary.port}"} if primary else {}
        super().__init__(**OPTIONS, **follow, **options)

    def address(self):
        return [self.host, str(self.port)]

    def told(self):
        return self.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)


def start_nodes(count=3, **options):
    nodes = [AnnouncingNode(**options)]
    nodes += [AnnouncingNode(nodes[0], **options) for _ in range(count - 1)]
    return nodes


def stop(nodes):
    for node in nodes:
        node.stop()


def agree(nodes, primary, replicas):
    """Each node tells the same of the shard, and knows the others."""
    for node in nodes:
        view = node.connect()
        if node.told() != primary.address():
            return False
        listed = {int(each["port"]) for each in view.sentinel_slaves(NAME) if not each["is_sdown"]}
        if listed != {replica.port for replica in replicas}:
            return False
        if len(view.sentinel_sentinels(NAME)) != len(nodes) - 1:
            return False
    return True


# --- replies --------------------------------------------------------------------------------------------------------

def protocols(port):
    for protocol in "2", "3":
        client = Client(port)
        client.raw("HELLO", protocol)
        yield client
        client.close()


def pairs(raw):
    words = [each.split(b"\r\n", 1)[1][:-2].decode() for each in flatten(raw)]
    return list(zip(words[::2], words[1::2]))


def check_described(ours, theirs, what):
    """The kind of the reply, names and order of the fields; and their values."""
    assert ours[:1] == theirs[:1], (what, ours, theirs)
    own, expected = pairs(ours), pairs(theirs)
    assert [name for name, _ in own] == [name for name, _ in expected], (what, own, expected)
    for (name, value), (_, right) in zip(own, expected):
        assert name in VARYING or value == right, (what, name, value, right)
        assert name not in VARYING or re.fullmatch(r"-?\d+", value), (what, name, value)


def by_port(raw):
    return {dict(pairs(each))["port"]: each for each in flatten(raw)}


def check_replies(nodes, watchers):
    for node in nodes:
        for own, their in zip(protocols(node.port), protocols(watchers[0].port)):
            for request in SAME:
                ours, theirs = own.raw("SENTINEL", *request), their.raw("SENTINEL", *request)
                assert ours == theirs, (request, ours, theirs)
            ours, theirs = own.raw("SENTINEL", "MASTER", NAME), their.raw("SENTINEL", "MASTER", NAME)
            check_described(ours, theirs, "MASTER")
            ours, theirs = own.raw("SENTINEL", "MASTERS"), their.raw("SENTINEL", "MASTERS")
            assert ours[:4] == theirs[:4] == b"*1\r\n"
            check_described(flatten(ours)[0], flatten(theirs)[0], "MASTERS")
            for request in "REPLICAS", "SLAVES":
                ours, theirs = (by_port(each.raw("SENTINEL", request, NAME)) for each in (own, their))
                assert sorted(ours) == sorted(theirs), (ours, theirs)
                for port in ours:
                    check_described(ours[port], theirs[port], request)
            ours, theirs = (flatten(each.raw("SENTINEL", "SENTINELS", NAME)) for each in (own, their))
            assert len(ours) == len(theirs) == 2
            assert [name for name, _ in pairs(ours[0])] == [name for name, _ in pairs(theirs[0])]
            assert ours[0][:1] == theirs[0][:1]
            ours, theirs = own.raw("SENTINEL", "MYID"), their.raw("SENTINEL", "MYID")
            assert len(ours) == len(theirs)
            fields = [re.sub(r"=[^,]*", "=", each.raw("INFO", "sentinel").decode().split("# Sentinel\r\n")[1])
                      for each in (own, their)]
            assert fields[0] == fields[1], fields


def check_against_sentinels():
    nodes = start_nodes()
    watchers = []
    try:
        watchers = [Watcher(nodes[0]) for _ in range(3)]
        patiently(lambda: agree(nodes, nodes[0], nodes[1:]), "all nodes know one another")

        def know_all():
            return all(watcher.client.sentinel_master(NAME)["num-slaves"] == 2 and
                       watcher.client.sentinel_master(NAME)["num-other-sentinels"] == 2 and
                       all(each["master-link-status"] == "ok" for each in watcher.client.sentinel_slaves(NAME))
                       for watcher in watchers)

        patiently(know_all, "the Sentinels know all nodes")
        check_replies(nodes, watchers)

        # What real Sentinels do, the nodes tell.
        def has_switched():
            try:
                watchers[0].client.execute_command("SENTINEL", "FAILOVER", NAME)
            except redis.exceptions.ResponseError:
                pass  # it is under way, or can't begin yet
            return watchers[0].primary() != (nodes[0].host, nodes[0].port)

        patiently(has_switched, "a failover by Sentinel")
        # It may have been asked twice.
        patiently(lambda: {tuple(node.told()) for node in nodes} == {tuple(map(str, watchers[0].primary()))},
                  "all nodes tell what Sentinel has done")
    finally:
        for watcher in watchers:
            watcher.stop()
        stop(nodes)
    print("replies are Sentinel's, field by field, and nodes tell what Sentinels do")


def check_without_a_name():
    node = Node()
    try:
        client = Client(node.port)
        assert client.raw("SENTINEL", "MASTERS").startswith(b"-ERR unknown command 'SENTINEL'")
        assert b"Sentinel" not in client.raw("INFO", "everything")
        assert client.raw("COMMAND", "INFO", "sentinel") == b"*1\r\n$-1\r\n"
        client.close()
    finally:
        node.stop()


# --- clients --------------------------------------------------------------------------------------------------------

class RedisFiveWriter(NodeWriter):
    """node-redis."""

    def __init__(self, nodes):
        self.set = "written:node-redis"
        self.slowest_ms = 0
        self.process = subprocess.Popen(
            ["node", os.path.join(SOURCES, "sentinel_redis5.js"), self.set, *[str(node.port) for node in nodes]],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=node_environment(),
            preexec_fn=end_with_the_test)


class SubscribingWriter(PythonWriter):
    """As Jedis: asks one Sentinel once, then listens to +switch-master at all of them."""

    def __init__(self, nodes):
        self.set = "written:listener"
        self.acknowledged, self.slowest_ms, self.stopping = [], 0, False
        self.heard, self.ports = [], {node.port for node in nodes}
        self.move(nodes[0].told())
        self.listeners = [threading.Thread(target=self.listen, args=(node,)) for node in nodes]
        self.thread = threading.Thread(target=self.run)
        for thread in self.listeners + [self.thread]:
            thread.start()

    def move(self, address):
        self.client = redis.Redis(host=address[0], port=int(address[1]), socket_timeout=1)

    def listen(self, node):
        while not self.stopping:
            try:
                with node.connect() as client, client.pubsub() as listener:
                    listener.subscribe("+switch-master")
                    while not self.stopping:
                        message = listener.get_message(ignore_subscribe_messages=True, timeout=0.1)
                        if message:
                            self.hear(node, message["data"])
            except redis.exceptions.RedisError:
                time.sleep(0.05)  # it is down

    def hear(self, node, text):
        name, _, _, host, port = text.split()
        assert name == NAME and int(port) in self.ports, text
        self.heard.append((node.port, int(port)))
        self.move((host, port))

    def stop(self):
        super().stop()
        for thread in self.listeners:
            thread.join()
        return self.acknowledged


def counts(writers):
    return {writer.set: writer.count() for writer in writers}


def writes_go_on(writers):
    before = counts(writers)
    patiently(lambda: all(count > before[name] + 20 for name, count in counts(writers).items()), "writes go on")


def finish(nodes, primary, writers, may_lose=()):
    with primary.connect() as client:
        for writer in writers:
            acknowledged = writer.stop()
            there = {int(number) for number in client.smembers(writer.set)}
            lost = [number for number in acknowledged if number not in there]
            print(f"  {type(writer).__doc__} {len(acknowledged)} writes, the slowest took {writer.slowest_ms:.0f} ms")
            assert writer.set in may_lose or not lost, f"{writer.set}: {len(lost)} acknowledged writes are not there"
    eventually(lambda: len({node.ask("DEBUG", "DIGEST") for node in nodes}) == 1, "all nodes hold the same")


def hand_over(nodes, old, request):
    """Returns the new primary, when all nodes tell of it."""
    request()

    def new():
        return next((node for node in nodes if node is not old and node.info("role") == "master"), None)

    patiently(new, "another primary")
    promoted = new()
    others = [node for node in nodes if node is not promoted]
    patiently(lambda: agree(nodes, promoted, others), "all nodes tell of the new primary")
    return promoted


def fail_over_at(node):
    """A replica knows from the last INFO of the others who can be promoted, as Sentinel does."""
    def is_accepted():
        try:
            node.ask("SENTINEL", "FAILOVER", NAME)
            return True
        except redis.exceptions.ResponseError as error:
            assert str(error).startswith("NOGOODSLAVE No suitable"), error
            return False

    patiently(is_accepted, "SENTINEL FAILOVER")


def check_handovers():
    nodes = start_nodes()
    writers = []
    try:
        primary = nodes[0]
        patiently(lambda: agree(nodes, primary, nodes[1:]), "all nodes know one another")
        writers = [PythonWriter(nodes, None), NodeWriter(nodes, None), RedisFiveWriter(nodes), SubscribingWriter(nodes)]
        listener = writers[-1]
        writes_go_on(writers)

        primary = hand_over(nodes, primary, lambda: nodes[0].ask("FAILOVER"))
        writes_go_on(writers)
        print("  FAILOVER: all clients have followed")
        # At a replica, which passes it on.
        replica = next(node for node in nodes if node is not primary)
        primary = hand_over(nodes, primary, lambda: fail_over_at(replica))
        writes_go_on(writers)
        print("  SENTINEL FAILOVER at a replica: all clients have followed")
        before = primary
        primary = hand_over(nodes, primary, lambda: before.ask("SENTINEL", "FAILOVER", NAME))
        writes_go_on(writers)
        print("  SENTINEL FAILOVER at the primary: all clients have followed")
        patiently(lambda: {port for port, to in listener.heard if to == primary.port} == {node.port for node in nodes},
                  "each node has published +switch-master")
        finish(nodes, primary, writers)
        writers = []
    finally:
        for writer in writers:
            writer.stop()
        stop(nodes)
    print("clients follow handovers, and no acknowledged write is missing")


def check_promotion():
    """The primary dies; somebody promotes a replica; the old primary comes back and knows its successor."""
    nodes = start_nodes()
    try:
        old, new, other = nodes
        patiently(lambda: agree(nodes, old, [new, other]), "all nodes know one another")
        with new.connect() as client, client.pubsub() as listener:
            listener.psubscribe("*")
            old.signal(signal.SIGKILL)
            heard = []

            def has_heard(channel):
                message = listener.get_message(ignore_subscribe_messages=True, timeout=0.1)
                if message:
                    heard.append((message["channel"], message["data"]))
                return any(each[0] == channel for each in heard)

            patiently(lambda: has_heard("+sdown"), "+sdown")
            assert ("+sdown", f"master {NAME} {old.host} {old.port}") in heard, heard
            assert new.told() == old.address(), "nobody was promoted yet"
            assert new.connect().sentinel_master(NAME)["is_sdown"]
            failed = None
            try:
                new.ask("SENTINEL", "FAILOVER", NAME)
            except redis.exceptions.ResponseError as error:
                failed = str(error)
            assert failed and failed.startswith("NOGOODSLAVE"), failed
            new.ask("REPLICAOF", "NO", "ONE")
            patiently(lambda: has_heard("+switch-master"), "+switch-master")
            assert ("+switch-master", f"{NAME} {old.host} {old.port} {new.host} {new.port}") in heard, heard
        patiently(lambda: other.told() == new.address(), "the other replica tells of the new primary")
        other.ask("REPLICAOF", new.host, new.port)
        old.start()
        patiently(lambda: old.told() == new.address(), "the old primary tells of the new one")
        assert old.info("role") == "master", "nobody has told it otherwise"
        assert {int(each["port"]) for each in new.connect().sentinel_slaves(NAME)} == {other.port}
        old.ask("REPLICAOF", new.host, new.port)
        patiently(lambda: agree(nodes, new, [old, other]), "all is well again")

        other.signal(signal.SIGKILL)
        patiently(lambda: [other.port] == [each["port"] for each in new.connect().sentinel_slaves(NAME)
                                           if each["is_sdown"]], "a replica is down")
        assert new.ask("SENTINEL", "CKQUORUM", NAME).startswith("OK 2 usable")
        assert new.ask("SENTINEL", "RESET", "my*") == 1
        assert {int(each["port"]) for each in new.connect().sentinel_slaves(NAME)} == {old.port}
        new.ask("CONFIG", "SET", "replica-priority", "0")  # of a primary, it means nothing
        old.ask("CONFIG", "SET", "replica-priority", "0")

        def is_refused():
            try:
                new.ask("SENTINEL", "FAILOVER", NAME)
            except redis.exceptions.ResponseError as error:
                return str(error) == "NOGOODSLAVE No suitable replica to promote"
            return False

        eventually(lambda: {each["slave-priority"] for each in new.connect().sentinel_slaves(NAME)} == {0},
                   "the priority is known")
        assert is_refused(), "nobody may be promoted"
    finally:
        stop(nodes)
    print("a promotion by hand is followed, and the old primary knows its successor when it is back")


def check_introductions():
    """Only the user of nodes may introduce a node: it is sent a password."""
    node = AnnouncingNode()
    try:
        node.ask("ACL", "SETUSER", "watcher", "on", ">secret", "+@all")
        client = Client(node.port)
        for host in "", "127.0.0.1", "10.0.0.9":
            client.raw("AUTH", "watcher", "secret")
            assert client.raw("SENTINEL", "MEET", NAME, host, "1").startswith(b"-NOPERM")
        client.close()
        for host in "a b", "a,b", "a\r\nb":
            try:
                node.ask("SENTINEL", "MEET", NAME, host, "1")
                raise AssertionError(host)
            except redis.exceptions.ResponseError as error:
                assert str(error) == "Invalid host", error
        # Reached at two addresses, it is one node.
        with node.connect() as client, client.pubsub() as listener:
            listener.subscribe("+switch-master")
            listener.get_message(timeout=1)
            for host in "127.0.0.2", "127.0.0.1", "127.0.0.2":
                other = redis.Redis(host=host, port=node.port, decode_responses=True)
                told = other.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)
                assert list(told) in ([host, str(node.port)], [host.encode(), str(node.port).encode()],
                                      [host, node.port]), told
                other.close()
                assert listener.get_message(timeout=0.3) is None
    finally:
        node.stop()
    print("only nodes introduce nodes, and a lone primary is one at all of its addresses")


def check_passwords_and_addresses():
    nodes = []
    try:
        for host in "127.0.0.1", "127.0.0.2":
            follow = {"replicaof": f"127.0.0.1 {nodes[0].port}"} if nodes else {}
            nodes.append(Node("secret", host, replica_announce_ip=host, **OPTIONS, **follow))
        nodes[1].address = lambda: ["127.0.0.2", str(nodes[1].port)]
        patiently(lambda: [(each["ip"], each["master-link-status"]) for each in
                           nodes[0].connect().sentinel_slaves(NAME)] == [("127.0.0.2", "ok")], "the announced address")
        patiently(lambda: nodes[1].connect().sentinel_sentinels(NAME) != [], "the replica knows the primary")
        fail_over_at(nodes[1])
        for node in nodes:
            patiently(lambda node=node: node.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME) ==
                      ["127.0.0.2", str(nodes[1].port)], "the announced address of the new primary")
    finally:
        stop(nodes)
    print("passwords and announced addresses")


def check_ignorance():
    """A node that has not heard yet who the primary is answers as a Sentinel that does not know it: clients go on."""
    nodes = start_nodes(2)
    ignorant = Node(**OPTIONS, coordinator="etcd://127.0.0.1:1/shop", repl_ack="quorum")
    try:
        patiently(lambda: agree(nodes, nodes[0], nodes[1:]), "the others know one another")
        asked = [ignorant, *nodes]
        writers = [PythonWriter(asked, None), NodeWriter(asked, None), RedisFiveWriter(asked)]
        writes_go_on(writers)
        finish(nodes, nodes[0], writers)
    finally:
        ignorant.stop()
        stop(nodes)
    print("clients ask the next node when one knows no primary")


def main():
    check_without_a_name()
    check_against_sentinels()
    check_handovers()
    check_promotion()
    check_introductions()
    check_passwords_and_addresses()
    check_ignorance()
    print("nodes answer clients of Sentinel")


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Published messages, their order and format: the same scripts against RingKV and redis-server, byte for byte.
Also cases that need several threads and nodes."""
import sys

from servers import eventually, start_cluster, start_redis, start_ringkv

# "client: command"; a client called r3... speaks RESP3.
SCRIPTS = {
    "channels": """
        a: SUBSCRIBE x y
        b: SUBSCRIBE x
        r3: SUBSCRIBE x
        p: PUBLISH x one
        p: PUBLISH y two
        p: PUBLISH z three
        a: UNSUBSCRIBE x
        p: PUBLISH x four
        a: UNSUBSCRIBE
        p: PUBLISH x five
        p: PUBLISH y six""",
    "patterns": """
        a: PSUBSCRIBE news.* h[ae]llo
        a: SUBSCRIBE news.art
        r3: PSUBSCRIBE *
        p: PUBLISH news.art x
        p: PUBLISH hallo x
        p: PUBLISH hullo x
        a: PUNSUBSCRIBE news.*
        p: PUBLISH news.art y
        a: PUNSUBSCRIBE
        p: PUBLISH hello z""",
    "to oneself": """
        r3: SUBSCRIBE own
        r3: PUBLISH own message
        r3: PSUBSCRIBE o*
        r3: PUBLISH own again
        r3: GET key
        r3: UNSUBSCRIBE
        r3: PUBLISH own last""",
    "transactions": """
        a: MULTI
        a: SUBSCRIBE t
        a: PUBLISH t inside
        a: EXEC
        p: MULTI
        p: PUBLISH t one
        p: PUBLISH t two
        p: EXEC
        r3: MULTI
        r3: SUBSCRIBE t
        r3: PUBLISH t inside
        r3: UNSUBSCRIBE
        r3: EXEC""",
    "shard channels": """
        a: SSUBSCRIBE s
        r3: SSUBSCRIBE s t
        a: SUBSCRIBE s
        p: SPUBLISH s sharded
        p: PUBLISH s plain
        p: SPUBLISH t other
        a: SUNSUBSCRIBE
        p: SPUBLISH s gone
        a: GET key
        a: UNSUBSCRIBE
        a: GET key""",
    "the end": """
        a: SUBSCRIBE e
        a: PSUBSCRIBE e*
        a: SSUBSCRIBE e
        p: PUBSUB NUMSUB e
        p: PUBSUB NUMPAT
        p: PUBSUB SHARDNUMSUB e
        a: RESET
        p: PUBSUB NUMSUB e
        p: PUBSUB NUMPAT
        p: PUBSUB SHARDNUMSUB e
        p: PUBLISH e nobody""",
    "protocols": """
        a: HELLO 3
        a: SUBSCRIBE h
        a: SET key value
        p: PUBLISH h pushed
        a: HELLO 2
        p: PUBLISH h array
        a: GET key
        a: PING
        a: PING text""",
}


class Reader:
    """Everything that a client receives, up to a marker reply."""

    def __init__(self, server, protocol):
        self.client = server.connect()
        if protocol == 3:
            self.client.raw("HELLO", "3")
        self.marks = 0
        self.in_multi = False

    def send(self, words):
        self.client.send(*words)
        self.in_multi = words[0] == "MULTI" or (self.in_multi and words[0] != "EXEC")

    def take(self):
        if self.in_multi:  # the mark would wait, too
            return self.client.read_raw()
        self.marks += 1
        mark = b"mark-%d\r\n" % self.marks
        self.client.send("PING", mark[:-2])
        received = b""
        while mark not in received:
            received += self.client.input.read1(65536)
        return received


def play(script, server):
    readers = {}
    lines = []
    steps = [line.strip().partition(": ") for line in script.strip().splitlines()]
    for name in sorted({step[0] for step in steps}):
        readers[name] = Reader(server, 3 if name.startswith("r3") else 2)
    for name, _, command in steps:
        readers[name].send(command.split())
        others = [other for other in readers if other != name and not readers[other].in_multi]
        lines.append([(reader, readers[reader].take()) for reader in [name, *others]])
    return [(command, got) for (_, _, command), got in zip(steps, lines)]


def without_hello(text):
    return b"" if b"redis" in text and b"version" in text else text


def compare_scripts():
    failures = 0
    for title, script in SCRIPTS.items():
        with start_ringkv() as ours, start_redis() as theirs:
            for (command, got), (_, wanted) in zip(play(script, ours), play(script, theirs)):
                for (who, mine), (_, their) in zip(got, wanted):
                    if without_hello(mine) != without_hello(their):
                        failures += 1
                        print(f"{title}: after {command!r} {who} received\n  {mine}\n  redis-server: {their}")
    return failures


def read_messages(client, count):
    """The payloads of `count` messages."""
    payloads = []
    while len(payloads) < count:
        payloads.append(client.read_raw().split(b"\r\n")[-2])
    return payloads


def check_threads():
    with start_ringkv("--io-threads", "2") as server:
        subscribers = [server.connect() for _ in range(50)]
        for subscriber in subscribers:
            subscriber.raw("SUBSCRIBE", "all")
        publishers = [server.connect() for _ in range(2)]
        for i in range(500):
            for number, publisher in enumerate(publishers):
                assert publisher.raw("PUBLISH", "all", f"{number}-{i}") == b":50\r\n"
        for subscriber in subscribers:
            payloads = read_messages(subscriber, 1000)
            for number in range(2):
                own = [payload for payload in payloads if payload.startswith(b"%d-" % number)]
                assert own == [b"%d-%d" % (number, i) for i in range(500)], "messages of one publisher keep their order"
        for subscriber in subscribers:
            subscriber.close()
        eventually(lambda: publishers[0].raw("PUBSUB", "NUMSUB", "all").endswith(b":0\r\n"),
                   "who goes leaves nothing behind")


def check_limits():
    with start_ringkv("--client-output-buffer-limit", "pubsub 1mb 0 0", "--pubsub-max-subscriptions", "3") as server:
        lazy, publisher = server.connect(), server.connect()
        lazy.raw("SUBSCRIBE", "much")
        message = "x" * 100_000
        eventually(lambda: publisher.raw("PUBLISH", "much", message) == b":0\r\n",
                   "a subscriber that doesn't read to be cut")
        greedy = server.connect()
        for i in range(3):
            greedy.raw("SUBSCRIBE", f"c{i}")
        assert greedy.raw("SUBSCRIBE", "c3").startswith(b"-ERR this client has as many"), "the number is bounded"


def heard_by_replicas(start):
    """Messages of subscribers on a primary, its replica and a replica of that, and replies of PUBLISH."""
    with start() as primary, start("--replicaof", f"127.0.0.1 {primary.port}") as replica, \
            start("--replicaof", f"127.0.0.1 {replica.port}") as second:
        servers = (primary, replica, second)
        for each in servers[1:]:
            eventually(lambda: b"master_link_status:up" in each.connect().raw("INFO", "replication"),
                       "the link to be up")
        subscribers = []
        for each in servers:
            subscriber = each.connect()
            for words in (("SUBSCRIBE", "c"), ("PSUBSCRIBE", "c*"), ("SSUBSCRIBE", "s")):
                subscriber.raw(*words)
            subscribers.append(subscriber)
        publisher, answers = primary.connect(), []
        for words in (("PUBLISH", "c", "one"), ("SPUBLISH", "s", "two"), ("MULTI",), ("PUBLISH", "c", "three"),
                      ("SET", "k", "v"), ("SPUBLISH", "s", "four"), ("EXEC",), ("PUBLISH", "other", "five"),
                      ("PUBLISH", "c", b"\x00\r\n")):
            answers.append(publisher.raw(*words))
        heard = [[subscriber.read_raw() for _ in range(8)] for subscriber in subscribers]
        answers.append(replica.connect().raw("PUBLISH", "c", "of the replica"))
        heard.append([subscribers[1].read_raw() for _ in range(2)])
        answers.append(publisher.raw("PUBLISH", "c", "last"))
        return answers, heard, [[subscriber.read_raw() for _ in range(2)] for subscriber in subscribers]


def check_replicas():
    ours, theirs = heard_by_replicas(start_ringkv), heard_by_replicas(start_redis)
    assert ours == theirs, (ours, theirs)


def check_cluster():
    with start_cluster(2, 1) as cluster:
        subscribers = [node.connect() for node in cluster.servers]
        for subscriber in subscribers:
            subscriber.raw("SUBSCRIBE", "wide")
        publisher = cluster.primaries[1].connect()
        for i in range(100):
            assert publisher.raw("PUBLISH", "wide",
                                 str(i)) == b":1\r\n", "clients of other nodes aren't counted, as in Redis"
        for subscriber in subscribers:
            assert read_messages(subscriber, 100) == [b"%d" % i for i in range(100)], "all nodes, in order"
        # A shard channel belongs to its slot's shard.
        owner = next(i for i in (0, 1) if not cluster.primaries[i].connect().raw("SSUBSCRIBE", "s").startswith(b"-"))
        assert cluster.primaries[1 - owner].connect().raw("SPUBLISH", "s", "m").startswith(b"-MOVED ")
        assert cluster.primaries[owner].connect().raw("SSUBSCRIBE", "s", "t").startswith(b"-CROSSSLOT ")
        sharded, replica = cluster.primaries[owner].connect(), cluster.replicas[owner].connect()
        sharded.raw("SSUBSCRIBE", "s")
        assert replica.raw("SSUBSCRIBE", "s") == b"*3\r\n$10\r\nssubscribe\r\n$1\r\ns\r\n:1\r\n", "without READONLY"
        for node in (cluster.primaries[owner], cluster.replicas[owner]):
            assert node.connect().raw("SPUBLISH", "s", "m") == b":1\r\n"
            assert read_messages(sharded, 1) == read_messages(replica, 1) == [b"m"]
        assert cluster.replicas[1 - owner].connect().raw("SSUBSCRIBE", "s").startswith(b"-MOVED ")
        # With its slot it goes to others.
        cluster.weights[f"s{owner}"] = 0
        cluster.write_config()
        cluster.apply()
        assert sharded.read_raw() == b"*3\r\n$12\r\nsunsubscribe\r\n$1\r\ns\r\n:0\r\n"


def main():
    failures = compare_scripts()
    check_threads()
    check_limits()
    check_replicas()
    check_cluster()
    print(f"{len(SCRIPTS)} scripts, {failures} failures; threads, limits, replicas and a cluster")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

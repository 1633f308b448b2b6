# SPDX-License-Identifier: MIT
"""The modes in which RingKV is tested, each with a redis-server as reference (docs/testing.md has the matrix).

`open_mode(name, ...)` gives a pair: `ours` and `theirs`, each with `connect()`. In a cluster keys get a hash tag as
their end, in what is sent to both, so that commands with several keys are possible.
"""
import contextlib
import re
import signal
import threading

from resp import flatten
from servers import eventually, start_cluster, start_redis, start_ringkv

TAG = b"{t}"
# Reads that a Redis replica answers in another way, of Redis too: when a consumer was seen isn't replicated.
SEEN_DIFFERENTLY = {"XINFO"}
# Of these a redis-server tells no keys, or not always.
ALL_ARE_KEYS = {b"SSUBSCRIBE", b"SUNSUBSCRIBE", b"PFMERGE"}


def as_bytes(arguments):
    return [argument if isinstance(argument, bytes) else str(argument).encode() for argument in arguments]


class Tagger:
    """Appends the tag to the keys of a command, which a redis-server finds: one that nobody else uses."""

    def __init__(self, server):
        self.client = server.connect()
        self.lock = threading.Lock()
        self.known = {}

    def keys(self, words):
        if words[0].upper() == b"SPUBLISH":
            return words[1:2]
        if words[0].upper() in ALL_ARE_KEYS:
            return words[1:]
        with self.lock:
            if tuple(words) not in self.known:
                reply = self.client.raw("COMMAND", "GETKEYS", *words)
                found = flatten(reply) if reply[:1] == b"*" else []
                self.known[tuple(words)] = [each.split(b"\r\n", 1)[1][:-2] for each in found]
            return self.known[tuple(words)]

    def knows(self, arguments):
        """False for an invalid number of keys: RingKV finds the other keys of such a request, redis-server none."""
        return not self.client.raw("COMMAND", "GETKEYS", *as_bytes(arguments)).startswith(b"-ERR Invalid arguments")

    def tagged(self, arguments):
        words = as_bytes(arguments)
        at = 0
        if words[0].upper() in (b"MSET", b"MSETNX"):  # a value may look like the next key
            return [word + TAG if i % 2 else word for i, word in enumerate(words)]
        for key in self.keys(words):
            # A number of keys, or of seconds, may look like a key.
            candidates = [i for i in range(at + 1, len(words)) if words[i] == key]
            if not candidates:
                candidates = [i for i in range(1, len(words)) if words[i] == key]
            if candidates:
                at = candidates[0]
                words[at] += TAG
        return words


class WrappedClient:
    """Passes on to a client; a subclass says how requests are sent."""

    def __init__(self, client):
        self.client = client

    def raw(self, *arguments):
        self.send(*arguments)
        return self.read_raw()

    def read_raw(self):
        return self.client.read_raw()

    def close(self):
        self.client.close()


class TaggedClient(WrappedClient):
    def __init__(self, client, tagger):
        super().__init__(client)
        self.tagger = tagger

    def send(self, *arguments):
        self.client.send(*(self.tagger.tagged(arguments) if arguments else arguments))


class ConfiguresAll(WrappedClient):
    """A client of one node; CONFIG SET goes to all."""

    def __init__(self, node, nodes):
        super().__init__(node.connect())
        self.nodes = nodes

    def send(self, *arguments):
        if [each.upper() for each in as_bytes(arguments[:2])] == [b"CONFIG", b"SET"]:
            for node in self.nodes:
                node.connect().raw(*arguments)
        self.client.send(*arguments)


class ReadsFromReplica:
    """Sends reads to a replica that has all earlier writes, other commands to its primary."""

    CHANGE_THE_CONNECTION = {"HELLO", "SELECT", "RESET", "EXEC"}

    def __init__(self, primary, replica, reads):
        self.primary, self.replica, self.control = primary.connect(), replica.connect(), primary.connect()
        self.reads = reads
        self.in_multi = self.has_changed = False
        self.last = self.primary

    def follow_connection(self):
        """The replica's connection has the database and the protocol of the primary's."""
        about = self.primary.raw("CLIENT", "INFO")
        self.replica.raw("HELLO", re.search(rb" resp=(\d)", about).group(1))
        for client in (self.replica, self.control):
            client.raw("SELECT", re.search(rb" db=(\d+)", about).group(1))
        self.has_changed = False

    def catch_up(self):
        # Its own writes, then those of others: DBSIZE sees the changes of the database's keys, and WAIT waits for them.
        assert self.primary.raw("WAIT", "1", "20000") == b":1\r\n", "the replica acknowledges"
        self.control.raw("DBSIZE")
        assert self.control.raw("WAIT", "1", "20000") == b":1\r\n", "the replica acknowledges"

    def send(self, *arguments):
        name = str(arguments[0]).upper()
        if name == "MULTI":
            self.in_multi = True
        if name in ("EXEC", "DISCARD", "RESET"):
            self.in_multi = False
        self.has_changed = self.has_changed or name in self.CHANGE_THE_CONNECTION
        if name in self.reads and not self.in_multi:
            if self.has_changed:
                self.follow_connection()
            self.catch_up()
            self.last = self.replica
        else:
            self.last = self.primary
        self.last.send(*arguments)

    def raw(self, *arguments):
        self.send(*arguments)
        return self.read_raw()

    def read_raw(self):
        return self.last.read_raw()

    def close(self):
        for client in (self.primary, self.replica, self.control):
            client.close()


class Pair:
    def __init__(self, ours, theirs, tagger=None, connect=None, settle=None, others=()):
        self.ours = Side([ours, *others], tagger, connect)
        self.theirs = Side([theirs], tagger)
        self.settle = settle or (lambda: None)  # in the end


class Side:
    """A server as clients see it in the mode."""

    def __init__(self, servers, tagger, connect=None):
        self.servers, self.tagger = servers, tagger
        self.make = connect or servers[0].connect

    def connect(self):
        return TaggedClient(self.make(), self.tagger) if self.tagger else self.make()

    def blocked_clients(self):
        fields = [server.connect().raw("INFO", "clients") for server in self.servers]
        return sum(int(re.search(rb"blocked_clients:(\d+)", each).group(1)) for each in fields)


# --- single servers -------------------------------------------------------------------------------------------------

def single(mode_options, redis_mode_options=()):
    @contextlib.contextmanager
    def start(options, redis_options):
        with start_ringkv(*mode_options, *options) as ours, start_redis(*redis_mode_options, *redis_options) as theirs:
            yield Pair(ours, theirs)
    return start


@contextlib.contextmanager
def draining(options, redis_options):
    """A draining server that still serves requests."""
    with start_ringkv("--shutdown-drain", "3600", *options) as ours, start_redis(*redis_options) as theirs:
        ours.process.send_signal(signal.SIGTERM)
        eventually(lambda: "draining for" in ours.log(), "the server to drain")
        yield Pair(ours, theirs)


# --- with replicas --------------------------------------------------------------------------------------------------

def is_up(server):
    return b"master_link_status:up" in server.connect().raw("INFO", "replication")


def same_data(*servers):
    return len({server.connect().raw("DEBUG", "DIGEST") for server in servers}) == 1


@contextlib.contextmanager
def following(count, primary_options, options):
    with contextlib.ExitStack() as stack:
        debug = ["--enable-debug-command", "yes"]
        primary = stack.enter_context(start_ringkv(*primary_options, *options, *debug))
        replicas = [stack.enter_context(start_ringkv("--replicaof", f"127.0.0.1 {primary.port}", *options, *debug))
                    for _ in range(count)]
        for replica in replicas:
            eventually(lambda: is_up(replica), "a replica's link")
        yield primary, replicas


@contextlib.contextmanager
def quorum(options, redis_options):
    with following(2, ["--repl-ack", "quorum", "--repl-shard-nodes", "3", "--repl-ack-timeout", "20000"],
                   options) as (primary, replicas), \
            start_redis(*redis_options, "--enable-debug-command", "yes") as theirs:
        yield Pair(primary, theirs, settle=lambda: eventually(lambda: same_data(primary, *replicas), "equal replicas"))


def reads_of(redis_server):
    listed = flatten(redis_server.connect().raw("COMMAND", "LIST", "FILTERBY", "ACLCAT", "read"))
    reads = {each.split(b"\r\n")[1].decode().upper() for each in listed if b"|" not in each}
    # What these tell depends on who was asked, and PFCOUNT leaves what it has counted in the value.
    return reads - {"TOUCH", "OBJECT", "MEMORY", "RANDOMKEY", "PFCOUNT"}


@contextlib.contextmanager
def replica(options, redis_options):
    with following(1, [], options) as (primary, replicas), \
            start_redis(*redis_options, "--enable-debug-command", "yes") as theirs:
        reads = reads_of(theirs)
        yield Pair(primary, theirs, connect=lambda: ReadsFromReplica(primary, replicas[0], reads), others=replicas,
                   settle=lambda: eventually(lambda: same_data(primary, replicas[0]), "an equal replica"))


@contextlib.contextmanager
def redis_replica(options, redis_options):
    """Reads go to a redis-server that follows RingKV, once it has all writes."""
    debug = ["--enable-debug-command", "yes"]
    with start_ringkv(*options, *debug) as primary, start_redis(*redis_options, *debug) as theirs, \
            start_redis(*redis_options, *debug, "--replicaof", "127.0.0.1", str(primary.port)) as follower:
        eventually(lambda: is_up(follower), "the link of the redis-server")
        reads = reads_of(theirs) - SEEN_DIFFERENTLY
        yield Pair(primary, theirs, connect=lambda: ReadsFromReplica(primary, follower, reads), others=[follower])
        assert "CRITICAL" not in follower.log(), follower.log()


# --- clusters -------------------------------------------------------------------------------------------------------

@contextlib.contextmanager
def redis_cluster_of_one(options):
    with start_redis("--cluster-enabled", "yes", *options) as theirs:
        theirs.connect().raw("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        eventually(lambda: b"cluster_state:ok" in theirs.connect().raw("CLUSTER", "INFO"), "redis-server's cluster")
        yield theirs


def owner(cluster):
    return next(node for node in cluster.primaries if not node.connect().raw("EXISTS", TAG).startswith(b"-"))


def others(cluster):
    return [node for node in cluster.primaries if node.connect().raw("EXISTS", TAG).startswith(b"-")]


def cluster_of(shards):
    """Clients connect to the owner of their keys."""
    @contextlib.contextmanager
    def start(options, redis_options):
        with start_cluster(shards, 0, *options) as cluster, redis_cluster_of_one(redis_options) as theirs, \
                start_redis() as finder:
            yield Pair(owner(cluster), theirs, Tagger(finder))
    return start


@contextlib.contextmanager
def proxy(options, redis_options):
    """Clients connect to a node that forwards their requests to the owner of the keys."""
    with start_cluster(3, 0, *options) as cluster, redis_cluster_of_one(redis_options) as theirs, \
            start_redis() as finder:
        far = others(cluster)[0]
        for node in cluster.primaries:
            node.connect().raw("CONFIG", "SET", "cluster-redirect", "proxy")
        yield Pair(far, theirs, Tagger(finder), connect=lambda: ConfiguresAll(far, cluster.primaries))


@contextlib.contextmanager
def moving(options, redis_options):
    """All slots migrate to another shard and back all the time; clients use a third node, which forwards."""
    with start_cluster(2, 0, *options) as cluster, redis_cluster_of_one(redis_options) as theirs, \
            start_redis() as finder:
        for node in cluster.primaries:
            node.connect().raw("CONFIG", "SET", "cluster-redirect", "proxy")
        cluster.add_shard()
        far = cluster.primaries[2]
        far.connect().raw("CONFIG", "SET", "cluster-redirect", "proxy")
        cluster.weights["s2"] = 0
        cluster.write_config()
        cluster.apply()
        eventually(lambda: not far.connect().raw("EXISTS", TAG).startswith(b"-"), "the new node to know who owns what")
        stop = threading.Event()
        failures = []

        def move():
            try:
                turn = 0
                while not stop.is_set():
                    turn += 1
                    cluster.weights = {"s0": turn % 2, "s1": (turn + 1) % 2, "s2": 0}
                    cluster.write_config()
                    cluster.apply()
            except Exception as error:  # is told below
                failures.append(error)

        mover = threading.Thread(target=move)
        mover.start()
        try:
            yield Pair(far, theirs, Tagger(finder), connect=lambda: ConfiguresAll(far, cluster.primaries))
        finally:
            stop.set()
            mover.join()
        assert not failures, failures


STARTS = {
    "alone": single(["--io-threads", "1"]),
    "threads": single(["--io-threads", "4"]),
    "always": single(["--appendonly", "yes", "--appendfsync", "always"], ["--appendonly", "yes"]),
    "draining": draining,
    "quorum": quorum,
    "replica": replica,
    "redis-replica": redis_replica,
    "cluster-of-one": cluster_of(1),
    "cluster-of-three": cluster_of(3),
    "proxy": proxy,
    "moving": moving,
}
IN_CLUSTER = {"cluster-of-one", "cluster-of-three", "proxy", "moving"}
PASSED_ON = {"proxy", "moving"}  # by a node that doesn't own the keys


def is_asked(mode, command):
    """Whether the mode answers such a command as redis-server does (docs/differences.md)."""
    words = [word.upper() for word in as_bytes(command)]
    if mode == "draining" and words[:2] == [b"SHUTDOWN", b"ABORT"]:
        return False  # it would end the draining
    if mode in IN_CLUSTER and words[:2] == [b"DEBUG", b"POPULATE"]:
        return False
    if mode not in PASSED_ON or not words:
        return True
    # Of these a node answers for itself, or for its own clients, or in its own way.
    of_node = words[0] in {b"SCAN", b"RANDOMKEY", b"WATCH", b"MIGRATE"} or words[:2] == [b"INFO", b"ERRORSTATS"]
    return not of_node and b"BLOCK" not in words


def open_mode(name, options=(), redis_options=()):
    return STARTS[name](list(options), list(redis_options))


def add_argument(parser):
    parser.add_argument("--mode", choices=list(STARTS), default="alone", help="how RingKV runs")

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""TLS with real clients, and beside redis-server: who is let in, what the log says, what CONFIG SET answers; links of
every kind; clients that are slow, that stop amid a handshake, or that are many."""
import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time

import redis

from resp import Client
from servers import RunningServer, eventually, free_ports, server_binary, start_ringkv
from tls_files import Certificates
from tls_servers import HOST, TlsClient, context_of, start_redis_with_tls, start_with_tls


def python_client(certificates, port, **more):
    return redis.Redis(host=HOST, port=port, ssl=True, ssl_ca_certs=certificates.path("ca.crt"),
                       ssl_certfile=certificates.path("client.crt"), ssl_keyfile=certificates.path("client.key"),
                       ssl_check_hostname=False, **more)


def cli(certificates, port, *words, name="client"):
    return subprocess.run(["redis-cli", "-h", HOST, "-p", str(port), *certificates.tool_options(name), *words],
                          capture_output=True, text=True, timeout=60, check=False).stdout.strip()


# --- clients ---------------------------------------------------------------------------------------------------------

def check_clients(certificates):
    with start_with_tls(certificates) as server:
        assert cli(certificates, server.port, "SET", "key", "value") == "OK"
        client = python_client(certificates, server.port)
        assert client.get("key") == b"value"
        value = os.urandom(3_000_000)
        with client.pipeline(transaction=False) as pipe:
            for i in range(10):
                pipe.set(f"large{i}", value)
            for i in range(10):
                pipe.get(f"large{i}")
            assert pipe.execute() == [True] * 10 + [value] * 10
        subscriber = client.pubsub()
        subscriber.subscribe("channel")
        assert subscriber.get_message(timeout=10)["type"] == "subscribe"
        client.publish("channel", "message")
        assert subscriber.get_message(timeout=10)["data"] == b"message"
        for version in ("-tls1_2", "-tls1_3"):
            asked = subprocess.run(
                ["openssl", "s_client", "-connect", f"{HOST}:{server.port}", "-CAfile", certificates.path("ca.crt"),
                 "-cert", certificates.path("client.crt"), "-key", certificates.path("client.key"), version],
                input="PING\r\nQUIT\r\n", capture_output=True, text=True, timeout=60, check=False).stdout
            assert "Verification: OK" in asked, asked
        plain = Client(server.port)
        plain.socket.sendall(b"PING\r\n")
        assert b"PONG" not in plain.input.read()


CLIENTS = ("client", None, "foreign", "expired", "self-signed")


def outcome(certificates, server, name):
    """Whether the client is served."""
    try:
        return TlsClient(server.port, context_of(certificates, name)).raw("PING")
    except OSError:
        return b"refused"


def reasons(server):
    """Of refused clients, without what differs between two runs."""
    return [re.sub(r" \(addr.*| \(conn: .*", "", line) for line in
            re.findall(r"Error accepting a client connection: (.*)", server.log())]


def check_who_is_let_in(certificates):
    """As redis-server does, and in its words."""
    for auth in ("no", "optional", "yes"):
        with start_with_tls(certificates, "--tls-auth-clients", auth) as ours, \
                start_redis_with_tls(certificates, "--tls-auth-clients", auth) as theirs:
            for name in CLIENTS:
                answers = [outcome(certificates, server, name) for server in (ours, theirs)]
                answers = [answer if answer == b"+PONG\r\n" else b"refused" for answer in answers]
                assert answers[0] == answers[1], (auth, name, answers)
                if answers[0] == b"refused":
                    eventually(lambda: len(reasons(ours)) == len(reasons(theirs)) > 0, "a line for each")
                    time.sleep(1.1)  # one line a second is written at most
            assert reasons(ours) == reasons(theirs), (auth, reasons(ours), reasons(theirs))


CHANGES = (
    ("tls-cert-file", "/nope"), ("tls-key-file", "/nope"), ("tls-key-file", "client.key"), ("tls-cert-file", "ca.key"),
    ("tls-key-file", "client.csr"), ("tls-ca-cert-file", ""), ("tls-ca-cert-file", "/nope"),
    ("tls-dh-params-file", "/nope"), ("tls-protocols", "SSLv3"), ("tls-ciphers", "foo"), ("tls-ciphersuites", "foo"),
    ("tls-auth-clients", "maybe"), ("tls-session-cache-size", "-1"), ("tls-port", "70000"),
    ("tls-protocols", "TLSv1.3"), ("tls-prefer-server-ciphers", "yes"), ("tls-session-caching", "no"),
    ("tls-auth-clients", "optional"), ("tls-client-cert-file", "client.crt"))


def check_changes(certificates):
    """What redis-server takes is taken; what it refuses is refused, with the reason that it logs."""
    with start_with_tls(certificates) as ours, start_redis_with_tls(certificates) as theirs:
        clients = [TlsClient(server.port, context_of(certificates)) for server in (ours, theirs)]
        for name, value in CHANGES:
            path = certificates.path(value) if value.endswith((".key", ".csr", ".crt")) else value
            before = len(theirs.log())
            replies = [client.raw("CONFIG", "SET", name, path).decode() for client in clients]
            reason = re.search(r"# (?!Failed applying)(.*)", theirs.log()[before:])
            expected = replies[1].replace("Check server logs.\r\n", (reason.group(1) if reason else "") + "\r\n")
            if name == "tls-ca-cert-file" and path == "/nope":
                assert "/nope" in replies[0], replies[0]  # which redis-server doesn't name
            else:
                assert replies[0] == expected, (name, path, replies[0], expected)
            assert outcome(certificates, ours, "client") == b"+PONG\r\n", (name, path)


def check_new_certificate(certificates):
    """Old connections go on, new ones see it; a bad pair changes nothing."""
    with start_with_tls(certificates) as server:
        context = context_of(certificates)
        old = TlsClient(server.port, context)

        def subject():
            fresh = TlsClient(server.port, context)
            return dict(pair[0] for pair in fresh.socket.getpeercert()["subject"])["commonName"]

        assert subject() == "server"
        assert old.raw("CONFIG", "SET", "tls-cert-file", certificates.path("second.crt")).startswith(b"-ERR")
        assert old.raw("CONFIG", "GET", "tls-cert-file").endswith(b"server.crt\r\n")
        assert subject() == "server"
        assert old.raw("CONFIG", "SET", "tls-cert-file", certificates.path("second.crt"), "tls-key-file",
                       certificates.path("second.key")) == b"+OK\r\n"
        assert subject() == "second"
        assert old.raw("PING") == b"+PONG\r\n"
        port = free_ports(1)[0]
        assert old.raw("CONFIG", "SET", "tls-port", str(port)) == b"+OK\r\n"
        eventually(lambda: not can_connect(server.port), "the old port to close")
        assert TlsClient(port, context).raw("PING") == old.raw("PING") == b"+PONG\r\n"


def check_chain(certificates):
    """Clients are shown the certificates that redis-server shows them: with the authority, if it is known."""
    def shown(server):
        asked = subprocess.run(["openssl", "s_client", "-connect", f"{HOST}:{server.port}", "-showcerts"], input="",
                               capture_output=True, text=True, timeout=60, check=False).stdout
        return re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", asked, re.DOTALL)

    with open(certificates.path("whole.crt"), "w", encoding="ascii") as whole:
        for name in ("foreign.crt", "other-ca.crt"):
            with open(certificates.path(name), encoding="ascii") as part:
                whole.write(part.read())
    for name, count in (("server.crt", 2), ("foreign.crt", 1), ("whole.crt", 2), ("self-signed.crt", 1)):
        pair = ("--tls-cert-file", certificates.path(name), "--tls-key-file",
                certificates.path(name.replace("whole", "foreign").replace(".crt", ".key")))
        with start_with_tls(certificates, *pair) as ours, start_redis_with_tls(certificates, *pair) as theirs:
            assert shown(ours) == shown(theirs) and len(shown(ours)) == count, name


def check_renewal_in_place(certificates):
    """Files that are renewed under their names are read again by CONFIG SET of these names, and not before."""
    def renew(name):
        for kind in (".crt", ".key"):
            shutil.copyfile(certificates.path(name + kind), certificates.path("renewed" + kind))

    pair = ("tls-cert-file", certificates.path("renewed.crt"), "tls-key-file", certificates.path("renewed.key"))
    for start in (start_with_tls, start_redis_with_tls):
        renew("server")
        with start(certificates, *(f"--{word}" if word.startswith("tls-") else word for word in pair)) as server:
            client = TlsClient(server.port, context_of(certificates))

            def subject():
                fresh = TlsClient(server.port, context_of(certificates))
                return dict(part[0] for part in fresh.socket.getpeercert()["subject"])["commonName"]

            renew("second")
            assert subject() == "server", start
            assert client.raw("CONFIG", "SET", *pair) == b"+OK\r\n", start
            assert subject() == "second", start
            renew("server")
            assert client.raw("CONFIG", "SET", *pair[:2]) == b"+OK\r\n", start
            assert subject() == "server", start


def check_resumption(certificates):
    """A session that began without a certificate is worth nothing once certificates are required; and after a change of
    the authorities none is."""
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        with start_with_tls(certificates, "--tls-auth-clients", "no") as server:
            context = context_of(certificates, None)
            context.minimum_version = context.maximum_version = version

            def ask(session):
                link = context.wrap_socket(socket.create_connection((HOST, server.port)), session=session)
                try:
                    link.sendall(b"PING\r\n")
                    return link.recv(100), link
                except OSError:
                    return b"", link

            def resumed():
                first = ask(None)[1]
                answer, link = ask(first.session)
                assert answer == b"+PONG\r\n"
                return link.session_reused, first.session

            admin = TlsClient(server.port, context_of(certificates))
            is_resumed, session = resumed()
            assert is_resumed, version
            assert admin.raw("CONFIG", "SET", "tls-auth-clients", "yes") == b"+OK\r\n"
            try:
                assert ask(session)[0] == b"", version
            except ssl.SSLError:
                pass
            assert admin.raw("CONFIG", "SET", "tls-auth-clients", "no") == b"+OK\r\n"
            assert ask(session)[0] == b"+PONG\r\n"
            assert admin.raw("CONFIG", "SET", "tls-ca-cert-file", certificates.path("other-ca.crt")) == b"+OK\r\n"
            answer, link = ask(session)
            assert answer == b"+PONG\r\n" and not link.session_reused, version


def can_connect(port):
    try:
        socket.create_connection((HOST, port)).close()
        return True
    except OSError:
        return False


def check_start_refused(certificates):
    """With the reason, as redis-server does."""
    good = certificates.server_options(free_ports(1)[0])
    for index, value in ((5, "/nope"), (7, certificates.path("client.key")), (9, "")):
        options = good[:index] + [value] + good[index + 1:]
        said = []
        for program in (server_binary(), "redis-server"):
            server = RunningServer([program, *options])
            assert server.process.wait(20) != 0
            said.append(server.log())
            server.stop()
        reason = re.search(r"# (.*)\n.*Failed to configure TLS", said[1]).group(1)
        assert reason in said[0], said


# --- slow and hostile clients ----------------------------------------------------------------------------------------

def check_pieces(certificates):
    """A client whose bytes come one by one, and one that reads late."""
    with start_with_tls(certificates) as server:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = context_of(certificates).wrap_bio(incoming, outgoing)
        with socket.create_connection((HOST, server.port)) as link:
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

            def exchange(step):
                while True:
                    try:
                        return step()
                    except ssl.SSLWantReadError:
                        for byte in outgoing.read():
                            link.sendall(bytes([byte]))
                        incoming.write(link.recv(1))

            exchange(session.do_handshake)
            session.write(Client.encode(("SET", "key", "v" * 1000)) + Client.encode(("GET", "key")))
            reply = b""
            while len(reply) < 5 + 7 + 1002:
                reply += exchange(lambda: session.read(100))
            assert reply == b"+OK\r\n$1000\r\n" + b"v" * 1000 + b"\r\n", reply
        late = TlsClient(server.port, context_of(certificates))
        value = os.urandom(100_000)
        assert late.raw("SET", "key", value) == b"+OK\r\n"
        late.socket.sendall(Client.encode(("GET", "key")) * 200)
        time.sleep(0.3)
        for _ in range(200):
            assert late.read_raw() == b"$100000\r\n" + value + b"\r\n"


def first_words():
    """What a client begins a handshake with."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    try:
        context.wrap_bio(incoming, outgoing).do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def check_unfinished_handshakes(certificates):
    """A thousand at once: others are served meanwhile, memory stays within bounds, and they are closed in time."""
    with start_with_tls(certificates, "--tls-handshake-timeout", "3") as server:
        client = TlsClient(server.port, context_of(certificates))
        resident = resident_bytes(server)

        def field(name):
            return int(re.search(name + r":(\d+)", client.raw("INFO", "memory").decode()).group(1))

        replication = field("mem_total_replication_buffers")
        begun = first_words()
        held, waits = [], []
        for i in range(1000):
            link = socket.create_connection((HOST, server.port))
            link.sendall(begun if i % 2 else begun[:100])
            held.append(link)
            if i % 10 == 0:
                start = thread_seconds(server)
                assert client.raw("PING") == b"+PONG\r\n"
                waits.append(thread_seconds(server) - start)
        waits.sort()
        print(f"work of the thread before a PING's reply during 1000 handshakes: median {waits[50] * 1000:.1f} ms, "
              f"longest {waits[-1] * 1000:.1f} ms, memory {(resident_bytes(server) - resident) / 1000:.0f} kB")
        assert waits[90] < 0.010, waits
        assert field("mem_clients_normal") > 10_000_000, "half of them have begun a session"
        assert field("mem_total_replication_buffers") == replication
        assert resident_bytes(server) - resident < 100_000_000
        eventually(lambda: client.raw("INFO", "clients").count(b"connected_clients:1\r\n") == 1, "them to be closed")
        for link in held:
            link.close()


def thread_seconds(server):
    """CPU time of the I/O thread: what clients wait for, however busy the machine is."""
    tasks = f"/proc/{server.process.pid}/task"
    for task in os.listdir(tasks):
        with open(f"{tasks}/{task}/comm", encoding="ascii") as name:
            if name.read() == "io-0\n":
                with open(f"{tasks}/{task}/schedstat", encoding="ascii") as times:
                    return int(times.read().split()[0]) / 1e9
    raise AssertionError("no I/O thread")


def resident_bytes(server):
    with open(f"/proc/{server.process.pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


# --- links -----------------------------------------------------------------------------------------------------------

def wait_for_link(replica, field="master_link_status"):
    eventually(lambda: replica.info("replication").get(field) == "up", "the link")


def has_value(client, key, value):
    """Whether it is there. False while the server loads."""
    try:
        return client.get(key) == value
    except redis.exceptions.BusyLoadingError:
        return False


def check_replication(certificates):
    """Between two RingKV, to a redis-server that follows, and from a redis-server that is left."""
    following = ("--tls-replication", "yes")
    with start_with_tls(certificates) as primary, \
            start_with_tls(certificates, *following, "--replicaof", f"{HOST} {primary.port}") as replica, \
            start_redis_with_tls(certificates, *following, "--replicaof", f"{HOST} {primary.port}") as other:
        writer = python_client(certificates, primary.port)
        value = os.urandom(1_000_000)
        for i in range(20):
            writer.set(f"key{i}", value)
        for follower in (replica, other):
            client = python_client(certificates, follower.port)
            wait_for_link(client)
            eventually(lambda: has_value(client, "key19", value), "the last value")
        assert writer.wait(2, 10_000) == 2
        assert str(replica.port) in str(writer.info("replication"))
    with start_redis_with_tls(certificates) as source:
        writer = python_client(certificates, source.port)
        writer.set("key", value)
        with start_with_tls(certificates, *following, "--migrate-from", f"{HOST} {source.port}") as target:
            client = python_client(certificates, target.port)
            eventually(lambda: has_value(client, "key", value), "the value")
            writer.set("key", "later")
            eventually(lambda: client.get("key") == b"later", "what was written later")


def check_migrate(certificates):
    with start_with_tls(certificates, "--tls-cluster", "yes") as source:
        for target in (start_with_tls(certificates), start_redis_with_tls(certificates)):
            with target:
                client = python_client(certificates, source.port)
                client.set("key", "value")
                assert client.migrate(HOST, target.port, "key", 0, 10_000) == b"OK"
                assert python_client(certificates, target.port).get("key") == b"value"


def admin(certificates, *words):
    program = os.path.join(os.path.dirname(server_binary()), "ringkv-cluster")
    return subprocess.run([program, *certificates.tool_options(), *words], capture_output=True, text=True, timeout=120,
                          check=False)


def check_cluster(certificates):
    """Slots move, requests are forwarded, nodes watch each other, and the tool sees them."""
    ports = free_ports(3)
    config = certificates.path("cluster.conf")
    with open(config, "w", encoding="ascii") as file:
        file.write("epoch 1\nshard a weight 1\nshard b weight 1\n")
        for name, shard, port, role in zip(("a0", "b0", "a1"), "aba", ports, ("primary", "primary", "replica")):
            file.write(f"node {name} shard {shard} host {HOST} port {port} role {role}\n")
    nodes = []
    try:
        for name, port in zip(("a0", "b0", "a1"), ports):
            nodes.append(start_ringkv(*certificates.server_options(port), "--tls-cluster", "yes", "--tls-replication",
                                      "yes", "--cluster-enabled", "yes", "--cluster-config", config,
                                      "--cluster-redirect", "proxy"))
        client = python_client(certificates, ports[0])
        raw = TlsClient(ports[0], context_of(certificates))
        eventually(lambda: b"cluster_state:ok" in raw.raw("CLUSTER", "INFO"), "a cluster that serves")
        for i in range(200):
            client.set(f"key{i}", i)
        assert [int(client.get(f"key{i}")) for i in range(200)] == list(range(200))
        with open(config, encoding="ascii") as file:
            changed = file.read().replace("epoch 1", "epoch 2").replace("shard a weight 1", "shard a weight 3")
        with open(config, "w", encoding="ascii") as file:
            file.write(changed)
        applied = admin(certificates, "apply", config)
        assert applied.returncode == 0, applied.stderr
        status = admin(certificates, "status", config)
        assert status.returncode == 0 and status.stdout.count("127.0.0.1") >= 3, status.stdout + status.stderr
        assert [int(client.get(f"key{i}")) for i in range(200)] == list(range(200))
        ping = admin(certificates, "ping", f"{HOST}:{ports[1]}")
        assert ping.stdout == "PONG\n", ping.stderr
        wrong = subprocess.run([os.path.join(os.path.dirname(server_binary()), "ringkv-cluster"), "ping",
                                f"{HOST}:{ports[1]}", "--tls", "--cacert", certificates.path("other-ca.crt")],
                               capture_output=True, text=True, timeout=60, check=False)
        assert wrong.returncode == 1 and "certificate verify failed" in wrong.stderr, wrong.stderr
    finally:
        for node in nodes:
            node.stop()


def check_http(certificates):
    port = free_ports(1)[0]
    with start_with_tls(certificates, "--http-port", str(port), "--http-tls", "yes") as server:
        python_client(certificates, server.port).set("key", os.urandom(400_000).hex())
        connection = http.client.HTTPSConnection(HOST, port, timeout=20, context=context_of(certificates))
        for path, status, part in (("/keys/key", 200, b""), ("/readyz", 200, b""),
                                   ("/metrics", 200, b'expiry_timestamp_seconds{use="server"')):
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read()
            assert response.status == status and part in body, (path, response.status)
            assert path != "/keys/key" or len(body) == 800_000
        plain = http.client.HTTPConnection(HOST, port, timeout=20)
        try:
            plain.request("GET", "/readyz")
            assert False, plain.getresponse().read()
        except (OSError, http.client.HTTPException):
            pass


CHECKS = (check_clients, check_who_is_let_in, check_chain, check_changes, check_new_certificate,
          check_renewal_in_place, check_resumption, check_start_refused, check_pieces, check_unfinished_handshakes,
          check_replication, check_migrate, check_cluster, check_http)


def main():
    wanted = sys.argv[1:]
    with Certificates() as certificates:
        for check in CHECKS:
            if wanted and check.__name__[6:] not in wanted:
                continue
            check(certificates)
            print(f"{check.__name__[6:]}: ok", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

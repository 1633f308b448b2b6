#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""TLS with the clients that people have: redis-cli, redis-py, ioredis, node-redis, curl. Each verifies the server, and
the server each; and clients that hang up amid a handshake, or write a byte at a time."""
import json
import os
import socket
import ssl
import struct
import subprocess
import sys

import redis

from npm import node_environment
from resp import Client
from servers import eventually, free_ports
from tls_files import Certificates
from tls_servers import HOST, TlsClient, context_of, start_with_tls

NODE_LIBRARIES = ("ioredis", "node-redis")


def start(certificates, *options, name="server"):
    """On a port for the Redis protocol and one for HTTPS, both with TLS only."""
    http_port = free_ports(1)[0]
    server = start_with_tls(certificates, "--http-port", str(http_port), "--http-tls", "yes", "--tls-cert-file",
                            certificates.path(f"{name}.crt"), "--tls-key-file", certificates.path(f"{name}.key"),
                            *options)
    server.http_port = http_port
    return server


# --- clients: each returns "ok", or why not --------------------------------------------------------------------------

def by_redis_cli(certificates, server, name):
    own = ["--cert", certificates.path(f"{name}.crt"), "--key", certificates.path(f"{name}.key")] if name else []
    done = subprocess.run(["redis-cli", "-h", HOST, "-p", str(server.port), "--tls", "--cacert",
                           certificates.path("ca.crt"), *own, "ECHO", "hello"], capture_output=True, text=True,
                          timeout=60, check=False)
    return "ok" if done.stdout == "hello\n" else done.stdout + done.stderr


def by_redis_py(certificates, server, name):
    own = {"ssl_certfile": certificates.path(f"{name}.crt"), "ssl_keyfile": certificates.path(f"{name}.key")} if name \
        else {}
    client = redis.Redis(host=HOST, port=server.port, ssl=True, ssl_ca_certs=certificates.path("ca.crt"),
                         ssl_check_hostname=True, **own)
    value = os.urandom(300_000)
    try:
        assert client.set("large", value) and client.get("large") == value
        with client.pipeline(transaction=False) as pipe:
            pipe.set("counter", 0)
            for _ in range(500):
                pipe.incr("counter")
            assert pipe.execute()[1:] == list(range(1, 501))
        return "ok"
    except redis.exceptions.ConnectionError as error:
        return str(error)
    finally:
        client.close()


def by_curl(certificates, server, name):
    own = ["--cert", certificates.path(f"{name}.crt"), "--key", certificates.path(f"{name}.key")] if name else []
    done = subprocess.run(["curl", "-sS", "--max-time", "20", "--cacert", certificates.path("ca.crt"), *own,
                           f"https://{HOST}:{server.http_port}/readyz"], capture_output=True, text=True, timeout=60,
                          check=False)
    return "ok" if "true" in done.stdout else done.stderr


def by_node(certificates, server, name):
    """The outcomes of both libraries."""
    own = {"cert": certificates.path(f"{name}.crt"), "key": certificates.path(f"{name}.key")} if name else {}
    attempts = [{"library": library, "port": server.port, "ca": certificates.path("ca.crt"), **own}
                for library in NODE_LIBRARIES]
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "clients", "node", "tls.js")
    done = subprocess.run(["node", script, json.dumps(attempts)], capture_output=True, text=True, timeout=120,
                          check=False, env=node_environment())
    assert done.returncode == 0, done.stderr
    return dict(zip(NODE_LIBRARIES, json.loads(done.stdout)))


def outcomes(certificates, server, name):
    return {"redis-cli": by_redis_cli(certificates, server, name), "redis-py": by_redis_py(certificates, server, name),
            "curl": by_curl(certificates, server, name), **by_node(certificates, server, name)}


# --- who trusts whom -------------------------------------------------------------------------------------------------

# What the client says of the server's certificate; redis-cli looks at no names, and says no more than that it failed.
SERVERS = {"server": None, "nameless": ("mismatch", "does not match", "ALTNAME", "no alternative"),
           "expired": ("expired", "EXPIRED"), "foreign": ("unable to get", "UNABLE_TO"),
           "self-signed": ("self-signed", "self signed", "SELF_SIGNED", "unable to")}


def check_servers(certificates):
    for name, words in SERVERS.items():
        with start(certificates, "--tls-auth-clients", "no", name=name) as server:
            for client, outcome in outcomes(certificates, server, None).items():
                if words is None or (name == "nameless" and client == "redis-cli"):
                    assert outcome == "ok", (name, client, outcome)
                else:
                    said = ("certificate verify failed",) if client == "redis-cli" else words
                    assert any(word in outcome for word in said), (name, client, outcome)


def check_clients(certificates):
    refused = {"foreign": False, "expired": False, "self-signed": False}
    for auth, names in (("yes", {"client": True, None: False, **refused}),
                        ("optional", {"client": True, None: True, **refused}), ("no", {"expired": True})):
        with start(certificates, "--tls-auth-clients", auth) as server:
            for name, is_let_in in names.items():
                for client, outcome in outcomes(certificates, server, name).items():
                    assert (outcome == "ok") == is_let_in, (auth, name, client, outcome)


# --- clients that hang up, or write slowly ---------------------------------------------------------------------------

class Pieces:
    """A client whose bytes are sent when the test says so."""

    def __init__(self, certificates, port):
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.session = context_of(certificates).wrap_bio(self.incoming, self.outgoing)
        self.link = socket.create_connection((HOST, port), timeout=60)
        self.link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.left = b""

    def try_step(self, step):
        """What it gives, or None if it needs bytes of the server."""
        try:
            result = step()
        except ssl.SSLWantReadError:
            result = None
        self.left += self.outgoing.read()
        return result

    def send_some(self, size):
        self.link.sendall(self.left[:size])
        self.left = self.left[size:]

    def receive(self):
        got = self.link.recv(65536)
        self.incoming.write(got)
        return got

    def reset(self):
        self.link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.link.close()

    def shake(self, most):
        """At most so many bytes; how many of those are left."""
        while self.try_step(self.session.do_handshake) is None and not self.is_done():
            part = min(most, len(self.left))
            self.send_some(part)
            most -= part
            if most == 0:
                return 0
            if not self.left and not self.is_done() and not self.receive():
                raise OSError("the server has closed it")
        part = min(most, len(self.left))
        self.send_some(part)
        return most - part

    def is_done(self):
        return self.session.version() is not None and self.session.cipher() is not None and \
            self.session.getpeercert() is not None


def check_hanging_up(certificates):
    """After any number of bytes of the handshake, by an end and by a reset: nothing stays behind."""
    with start_with_tls(certificates) as server:
        whole = 1 << 20
        probe = Pieces(certificates, server.port)
        length = whole - probe.shake(whole)
        probe.link.close()
        cuts = sorted({*range(0, 12), *range(0, length, 37), *range(length - 8, length)})
        for cut in cuts:
            client = Pieces(certificates, server.port)
            if cut > 0:
                client.shake(cut)
            client.reset() if cut % 2 else client.link.close()
        admin = TlsClient(server.port, context_of(certificates))
        eventually(lambda: b"\r\nconnected_clients:1\r\n" in admin.raw("INFO", "clients"), "them to be gone")
        print(f"hung up at {len(cuts)} places of a handshake of {length} bytes")


def check_slow_writers(certificates):
    """Twenty write a byte in turn, handshake and request; others are served meanwhile."""
    with start_with_tls(certificates) as server:
        fast = TlsClient(server.port, context_of(certificates))
        slow = [Pieces(certificates, server.port) for _ in range(20)]
        waiting = set(range(len(slow)))
        requests = Client.encode(("SET", "key", "v" * 200)) + Client.encode(("GET", "key"))
        reply = b"+OK\r\n$200\r\n" + b"v" * 200 + b"\r\n"
        answers = {i: b"" for i in waiting}
        shaken, asked = set(), set()
        rounds = 0
        for each in slow:
            each.link.setblocking(False)
        while waiting:
            rounds += 1
            for i in list(waiting):
                each = slow[i]
                try:
                    assert each.receive(), "the server has closed it"
                except BlockingIOError:
                    pass
                if i not in shaken:
                    each.try_step(each.session.do_handshake)
                    if each.is_done():
                        shaken.add(i)
                elif i not in asked:
                    each.session.write(requests)
                    asked.add(i)
                    each.left += each.outgoing.read()
                else:
                    answers[i] += each.try_step(lambda s=each.session: s.read(65536)) or b""
                    if len(answers[i]) == len(reply):
                        assert answers[i] == reply, answers[i]
                        waiting.discard(i)
                if each.left:
                    each.send_some(1)
            if rounds % 50 == 0:
                assert fast.raw("PING") == b"+PONG\r\n"
        for each in slow:
            each.link.close()


def main():
    with Certificates() as certificates:
        for check in (check_servers, check_clients, check_hanging_up, check_slow_writers):
            check(certificates)
            print(f"{check.__name__[6:]}: ok", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Closed by default: who comes from another address than this machine's loopback is let in by no port while `default`
needs no password. Beside redis-server, where that has the port; connections really come from another address."""
import http.client
import os
import socket
import ssl
import sys
import tempfile

from resp import Client
from servers import eventually, free_ports, start_redis, start_ringkv
from tls_files import Certificates
from tls_servers import context_of

LOOPBACK = "127.0.0.1"


def own_address():
    """Of this machine, but not its loopback: a connection to it comes from it. Nothing is sent to find it out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.200", 9))
        except OSError as error:
            raise SystemExit(f"this test needs a network interface beside the loopback: {error}") from error
        return probe.getsockname()[0]


OTHER = own_address()


class From(Client):
    """A client that reaches the server by this address, and so comes from it."""

    def __init__(self, address, port, context=None):
        family = socket.AF_UNIX if address.startswith("/") else socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = socket.socket(family)
        self.socket.settimeout(60)
        self.socket.connect(address if family == socket.AF_UNIX else (address, port))
        if context:
            self.socket = context.wrap_socket(self.socket)
        self.input = self.socket.makefile("rb")


def answer(address, port, *words, context=None):
    """The first word of the reply; `closed` without one."""
    try:
        client = From(address, port, context)
        reply = client.raw(*(words or ["PING"]))
        client.close()
    except (OSError, ssl.SSLError):
        return "closed"
    return reply.split()[0].decode() if reply.strip() and not reply.startswith(b"<closed>") else "closed"


def everywhere(start, *options):
    """A server on all addresses, on a port of the plain protocol unless the options say otherwise."""
    port = [] if start is start_redis or "--port" in options else ["--port", str(free_ports(1)[0])]
    return start(*port, *options, "--bind", "* -::*")


def check_port():
    """Of the Redis protocol, and the Unix socket."""
    for start in (start_ringkv, start_redis):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "socket")
            with everywhere(start, "--unixsocket", path) as server:
                for address in (LOOPBACK, "::1", path):
                    assert answer(address, server.port) == "+PONG", (start, address)
                for words in (["PING"], ["GET", "key"], ["AUTH", "x"], ["HELLO", "3"], ["PSYNC", "?", "-1"],
                              ["CLUSTER", "INFO"], ["INFO"], ["SHUTDOWN", "NOSAVE"]):
                    assert answer(OTHER, server.port, *words) == "-DENIED", (start, words)
                assert b"rejected_connections:8\r\n" in server.connect().raw("INFO", "stats"), start


# Each opens or closes the port to others, in both servers.
CHANGES = (
    (("CONFIG", "SET", "requirepass", "secret"), "-NOAUTH"),
    (("CONFIG", "SET", "requirepass", ""), "-DENIED"),
    (("ACL", "SETUSER", "default", ">secret"), "-NOAUTH"),
    (("ACL", "SETUSER", "default", "nopass"), "-DENIED"),
    (("ACL", "SETUSER", "default", "off"), "-DENIED"),
    (("ACL", "SETUSER", "default", "resetpass"), "-NOAUTH"),
    (("ACL", "SETUSER", "default", "on", "nopass"), "-DENIED"),
    (("ACL", "SETUSER", "someone", "on", ">secret", "+@all", "~*"), "-DENIED"),
    (("CONFIG", "SET", "protected-mode", "no"), "+PONG"),
    (("CONFIG", "SET", "protected-mode", "yes"), "-DENIED"),
)


def check_changes():
    """While it runs. Who is in stays in."""
    for start in (start_ringkv, start_redis):
        with everywhere(start) as server:
            admin = server.connect()
            for words, expected in CHANGES:
                assert admin.raw(*words) == b"+OK\r\n", (start, words)
                assert answer(OTHER, server.port) == expected, (start, words)
                assert answer(LOOPBACK, server.port) == expected.replace("-DENIED", "-NOAUTH" if "off" in words
                                                                         else "+PONG"), (start, words)
            admin.raw("CONFIG", "SET", "requirepass", "secret")
            known = From(OTHER, server.port)
            assert known.raw("AUTH", "secret") == b"+OK\r\n"
            admin.raw("CONFIG", "SET", "requirepass", "")
            assert answer(OTHER, server.port) == "-DENIED" and known.raw("PING") == b"+PONG\r\n", start


def check_start():
    """As the configuration has it."""
    for options, expected in (((), "-DENIED"), (("--requirepass", "secret"), "-NOAUTH"),
                              (("--protected-mode", "no"), "+PONG"),
                              (("--user", "default", "on", "nopass", "+@all", "~*"), "-DENIED"),
                              (("--user", "default", "on", ">secret", "+@all", "~*"), "-NOAUTH")):
        for start in (start_ringkv, start_redis):
            with everywhere(start, *options) as server:
                assert answer(OTHER, server.port) == expected, (start, options)


def check_tls(certificates):
    """A certificate is no password, in either server; without the one that is asked for the refusal stays unread."""
    for start in (start_ringkv, start_redis):
        for auth, name in (("no", None), ("no", "client"), ("optional", "client"), ("yes", "client"), ("yes", None)):
            port = free_ports(1)[0]
            options = certificates.server_options(port)
            if start is start_redis:
                options = options[2:]
            with everywhere(start, *options, "--tls-auth-clients", auth) as server:
                context = context_of(certificates, name)
                is_shown = auth != "yes" or name is not None

                def check(address, expected):
                    found = answer(address, port, context=context)
                    assert found == (expected if is_shown else "closed"), (start, auth, name, found)

                check(OTHER, "-DENIED")
                check(LOOPBACK, "+PONG")
                admin = From(LOOPBACK, port, context_of(certificates))
                assert admin.raw("CONFIG", "SET", "requirepass", "secret") == b"+OK\r\n"
                check(OTHER, "-NOAUTH")


PATHS = ("/", "/metrics", "/healthz", "/readyz", "/keys/key", "/search?prefix=")


def statuses(address, port, context=None):
    found = []
    for path in PATHS:
        connection = (http.client.HTTPSConnection(address, port, timeout=60, context=context) if context else
                      http.client.HTTPConnection(address, port, timeout=60))
        connection.request("GET", path)
        found.append(connection.getresponse().status)
        connection.close()
    return found


def check_http(certificates):
    """Every path: a page, figures and health too. With a password, what http-open-paths says is open, and the files of
    the page, on which one logs in."""
    redis_port, http_port = free_ports(2)
    tls = [*certificates.server_options(redis_port), "--tls-auth-clients", "no", "--http-tls", "yes"]
    for options, context in (([], None), (tls, context_of(certificates))):
        with everywhere(start_ringkv, *options, "--http-port", str(http_port)) as server:
            admin = From(LOOPBACK, redis_port, context) if context else server.connect()
            assert statuses(OTHER, http_port, context) == [403] * len(PATHS)
            assert statuses(LOOPBACK, http_port, context) == [200, 200, 200, 200, 404, 200]
            admin.raw("CONFIG", "SET", "requirepass", "secret")
            for paths, expected in (("/healthz /readyz", [200, 401, 200, 200, 401, 401]),
                                    ("/metrics", [200, 200, 401, 401, 401, 401]), ("", [200] + [401] * 5)):
                assert admin.raw("CONFIG", "SET", "http-open-paths", paths) == b"+OK\r\n"
                assert statuses(OTHER, http_port, context) == statuses(LOOPBACK, http_port, context) == expected, paths
            admin.raw("CONFIG", "SET", "requirepass", "", "protected-mode", "no")
            assert statuses(OTHER, http_port, context) == [200, 200, 200, 200, 404, 200]


def check_links():
    """A replica and the nodes of a cluster come by the port of clients: they are let in with a password only."""
    with everywhere(start_ringkv) as primary:
        admin = primary.connect()
        admin.raw("SET", "key", "value")
        with everywhere(start_ringkv, "--replicaof", f"{OTHER} {primary.port}") as replica:
            reader = replica.connect()
            eventually(lambda: "DENIED" in replica.log(), "a refusal of the primary")
            assert b"master_link_status:down" in reader.raw("INFO", "replication")
            assert admin.raw("CONFIG", "SET", "requirepass", "secret") == b"+OK\r\n"
            assert reader.raw("CONFIG", "SET", "masterauth", "secret") == b"+OK\r\n"
            eventually(lambda: b"master_link_status:up" in reader.raw("INFO", "replication"), "the link")
            assert reader.raw("GET", "key") == b"$5\r\nvalue\r\n"


def main():
    check_port()
    check_changes()
    check_start()
    check_links()
    with Certificates() as certificates:
        check_tls(certificates)
        check_http(certificates)
    print(f"every port is closed to {OTHER} until there is a password")
    return 0


if __name__ == "__main__":
    sys.exit(main())

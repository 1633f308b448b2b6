# SPDX-License-Identifier: MIT
"""Servers and clients with TLS, for tests."""
import ssl

from resp import Client
from servers import free_ports, start_redis, start_ringkv

HOST = "127.0.0.1"


def start_with_tls(certificates, *options):
    """A RingKV with a port for TLS only."""
    port = free_ports(1)[0]
    server = start_ringkv(*certificates.server_options(port), *options)
    server.port = port
    return server


def start_redis_with_tls(certificates, *options):
    """Its plain port, which nobody asked for, helps to find out that it is there."""
    port = free_ports(1)[0]
    server = start_redis(*certificates.server_options(port)[2:], *options)
    server.port = port
    return server


def context_of(certificates, name="client"):
    context = ssl.create_default_context(cafile=certificates.path("ca.crt"))
    context.check_hostname = False
    if name:
        context.load_cert_chain(certificates.path(f"{name}.crt"), certificates.path(f"{name}.key"))
    return context


class TlsClient(Client):
    def __init__(self, port, context):
        super().__init__(port)
        self.input.close()
        self.socket = context.wrap_socket(self.socket)
        self.input = self.socket.makefile("rb")

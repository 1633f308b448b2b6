# SPDX-License-Identifier: MIT
"""Any server of the Redis protocol, in place of redis-server or beside it."""
import shlex
import socket

import servers


class Peer:
    """NAME=PORT=COMMAND: what is started and listens on the port. Options of a benchmark are put behind the command as
    redis-server takes them."""

    def __init__(self, text):
        self.name, port, self.command = text.split("=", 2)
        self.port = int(port)

    def start(self, *options):
        server = servers.RunningServer([*shlex.split(self.command), *options])
        server.port = self.port

        def listens():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.port)) == 0

        servers.eventually(listens, f"{self.name} on port {self.port}")
        return server

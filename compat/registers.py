# SPDX-License-Identifier: MIT
"""Clients of a shard whose primary changes, and whether what they see is linearizable.

Each register has one writer, which writes ascending numbers. Then the history of a register is linearizable if and only
if each read gives a number that is no lower than whatever was acknowledged or read before it began, and no higher than
what has been sent when it ends. The outcome of a write without a reply is open: it may be read, or not."""
import random
import socket
import struct
import threading
import time

from resp import Client

PORT = 6379
CLIENTS = 6
REGISTERS = 24
PATIENCE_SECONDS = 1.0
PAUSE_SECONDS = 0.002


class Register:
    def __init__(self):
        self.sent = 0
        self.acknowledged = 0
        self.read = 0

    def floor(self):
        return max(self.acknowledged, self.read)


class NodeClient(Client):
    """What it has sent and no node has got is dropped when it is closed."""

    def __init__(self, address, patience=PATIENCE_SECONDS):  # pylint: disable=super-init-not-called
        self.socket = socket.create_connection((address, PORT), timeout=patience)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.input = self.socket.makefile("rb")


class Load:
    def __init__(self, addresses, seed):
        self.addresses = addresses
        self.registers = [Register() for _ in range(REGISTERS)]
        self.violations = []
        self.acknowledged = 0
        self.reads = 0
        self.is_over = False
        self.threads = [threading.Thread(target=self.run, args=(number, random.Random(seed * CLIENTS + number)))
                        for number in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def end(self):
        self.is_over = True
        for thread in self.threads:
            thread.join()

    def run(self, number, chance):
        client, node = None, number
        while not self.is_over:
            try:
                if client is None:
                    client = NodeClient(self.addresses[node % len(self.addresses)])
                if chance.random() < 0.5:
                    served = self.write(client, number + CLIENTS * chance.randrange(REGISTERS // CLIENTS))
                else:
                    served = self.read(client, chance.randrange(REGISTERS))
            except OSError:
                served = False
            if not served:
                if client is not None:
                    client.close()
                client, node = None, node + 1
            time.sleep(PAUSE_SECONDS if served else 10 * PAUSE_SECONDS)

    def write(self, client, number):
        register = self.registers[number]
        register.sent += 1
        value = register.sent
        if client.raw("SET", f"register:{number}", value) != b"+OK\r\n":
            return False
        register.acknowledged = value
        self.acknowledged += 1
        return True

    def read(self, client, number):
        """At whoever says in the same transaction that it is the primary."""
        register = self.registers[number]
        floor = register.floor()
        for words in (("MULTI",), ("ROLE",), ("GET", f"register:{number}")):
            if client.raw(*words)[:1] == b"-":
                return False
        reply = client.raw("EXEC")
        if not reply.startswith(b"*2\r\n*3\r\n$6\r\nmaster\r\n") or reply.rsplit(b"\r\n", 2)[-2].startswith(b"-"):
            return False
        text = reply.rsplit(b"\r\n", 2)[-2]
        value = int(text) if text.isdigit() else 0
        if not floor <= value <= register.sent:
            self.violations.append(f"register {number} was read as {value}: {floor} had been acknowledged or read "
                                   f"before, {register.sent} was sent")
        register.read = max(register.read, value)
        self.reads += 1
        return True

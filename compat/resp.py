# SPDX-License-Identifier: MIT
"""A client that returns raw replies, for byte-for-byte comparisons."""
import socket


class Client:
    def __init__(self, port, timeout=60):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.input = self.socket.makefile("rb")

    def close(self):
        self.input.close()
        self.socket.close()

    @staticmethod
    def encode(arguments):
        parts = [b"*%d\r\n" % len(arguments)]
        for argument in arguments:
            data = argument if isinstance(argument, bytes) else str(argument).encode()
            parts.append(b"$%d\r\n%s\r\n" % (len(data), data))
        return b"".join(parts)

    def send(self, *arguments):
        self.socket.sendall(self.encode(arguments))

    def raw(self, *arguments):
        """Executes a command and returns its reply, byte for byte."""
        self.send(*arguments)
        return self.read_raw()

    def read_raw(self):
        line = self.input.readline()
        if not line.endswith(b"\r\n"):
            return line + b"<closed>"
        kind, rest = line[:1], line[1:-2]
        if kind in b"$=" and rest not in (b"-1", b"?"):
            return line + self.input.read(int(rest) + 2)
        if kind in b"*~>" and rest != b"-1":
            return line + b"".join(self.read_raw() for _ in range(int(rest)))
        if kind == b"%":
            return line + b"".join(self.read_raw() for _ in range(2 * int(rest)))
        return line

    def read_to_end(self):
        """All bytes until the server closes the connection."""
        return self.input.read()


def flatten(reply):
    """The members of an array, set or map reply, each as raw bytes (one level deep)."""
    import io

    reader = Client.__new__(Client)
    reader.input = io.BytesIO(reply)
    head = reader.input.readline()
    count = int(head[1:-2]) * (2 if head[:1] == b"%" else 1)
    return [reader.read_raw() for _ in range(count)]

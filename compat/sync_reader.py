#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A reader of the replication stream, as tools have it that copy a Redis elsewhere (RedisShake's sync reader, change
capture): REPLCONF, PSYNC ? -1, the RDB file key by key, then commands, with an acknowledgement every second, and the
partial sync after a cut. It fills a redis-server by RESTORE and these commands, which then has the same data."""
import random
import socket
import struct
import threading
import time

from dataset import everything
from rdb import crc64
from servers import eventually, start_redis, start_ringkv
from way_out import DATABASES, Writer, connect, expect_same

RDB_VERSION = 10


def encode(*words):
    words = [word if isinstance(word, bytes) else word.encode() for word in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


class RdbParser:
    """Yields (database, key, expiry, payload for RESTORE, the bytes of a plain string), and checks the checksum."""

    def __init__(self, data):
        self.data, self.at = data, 9
        assert data.startswith(b"REDIS0010"), data[:9]
        assert struct.unpack("<Q", data[-8:])[0] == crc64(data[:-8]), "the checksum"

    def take(self, count):
        self.at += count
        return self.data[self.at - count:self.at]

    def length(self):
        """A number, or the negative number of a special encoding."""
        first = self.take(1)[0]
        if first >> 6 == 0:
            return first & 63
        if first >> 6 == 1:
            return (first & 63) << 8 | self.take(1)[0]
        if first == 0x80:
            return struct.unpack(">I", self.take(4))[0]
        if first == 0x81:
            return struct.unpack(">Q", self.take(8))[0]
        return -1 - (first & 63)

    def string(self):
        """Skips one, and returns it where that is simple."""
        length = self.length()
        if length >= 0:
            return self.take(length)
        if length >= -3:
            size = 1 << (-1 - length)
            return str(int.from_bytes(self.take(size), "little", signed=True)).encode()
        packed = self.length()
        self.length()
        self.take(packed)  # LZF
        return None

    def strings(self, count):
        for _ in range(count):
            self.string()

    def value(self, kind):
        if kind == 0:
            return self.string()
        if kind in (1, 2):
            self.strings(self.length())
        elif kind == 4:
            self.strings(2 * self.length())
        elif kind == 5:
            for _ in range(self.length()):
                self.string()
                self.take(8)
        elif kind in (11, 16, 17, 20):
            self.string()
        elif kind == 18:
            for _ in range(self.length()):
                self.length()
                self.string()
        elif kind == 19:
            self.stream()
        else:
            raise AssertionError(f"type {kind}")
        return None

    def stream(self):
        self.strings(2 * self.length())
        for _ in range(8):  # length, last id, first id, deleted id, added
            self.length()
        for _ in range(self.length()):  # groups
            self.string()
            for _ in range(3):  # last id, entries read
                self.length()
            for _ in range(self.length()):  # pending
                self.take(16 + 8)
                self.length()
            for _ in range(self.length()):  # consumers
                self.string()
                self.take(8)
                self.take(16 * self.length())

    def keys(self):
        db, expiry = 0, 0
        while (opcode := self.take(1)[0]) != 0xff:
            if opcode == 0xfa:
                self.strings(2)
            elif opcode == 0xfe:
                db = self.length()
            elif opcode == 0xfb:
                self.length(), self.length()
            elif opcode == 0xfc:
                expiry = struct.unpack("<Q", self.take(8))[0]
            elif opcode in (0xf5, 0xf8):
                self.string() if opcode == 0xf5 else self.length()
            elif opcode == 0xf9:
                self.take(1)
            else:
                key = self.string()
                assert key is not None, "a key that is compressed"
                begin = self.at
                plain = self.value(opcode)
                body = bytes([opcode]) + self.data[begin:self.at] + struct.pack("<H", RDB_VERSION)
                yield db, key, expiry, body + struct.pack("<Q", crc64(body)), plain
                expiry = 0


class Target:
    """Sends commands to a server without waiting for the replies, which must not be errors."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.errors = []
        self.db = 0
        self.sent = self.answered = 0
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        replies = self.socket.makefile("rb")

        def skip():
            line = replies.readline()
            if line[:1] == b"-":
                self.errors.append(line)
            elif line[:1] == b"$" and line != b"$-1\r\n":
                replies.read(int(line[1:]) + 2)
            elif line[:1] == b"*":
                for _ in range(int(line[1:])):
                    skip()
            return line

        while skip():
            self.answered += 1

    def send(self, db, *words):
        commands = [words] if db == self.db else [(b"SELECT", b"%d" % db), words]
        self.db = db
        self.sent += len(commands)
        self.socket.sendall(b"".join(encode(*command) for command in commands))

    def finish(self):
        eventually(lambda: self.sent == self.answered, "the target has answered")
        assert not self.errors, self.errors[:3]


class SyncReader(threading.Thread):
    """Fills the target from the source until it is closed; after `cut` it continues where it was."""

    def __init__(self, source, target):
        super().__init__(daemon=True)
        self.source, self.target = source, Target(target.port)
        self.counter = 0  # the value of the key of this name, as far as it is known
        self.history, self.offset, self.db, self.queued = "?", -1, 0, None
        self.full_syncs = self.partial_syncs = self.commands = 0
        self.messages = []
        self.closed = False
        self.error = None

    def run(self):
        while not self.closed and self.error is None:
            try:
                self.follow()
            except (OSError, ValueError, EOFError) as lost:
                if not self.closed:
                    time.sleep(0.01)
                self.lost = lost
            except Exception as error:  # pylint: disable=broad-exception-caught
                self.error = error

    def follow(self):
        self.socket = socket.create_connection(("127.0.0.1", self.source.port))
        self.input = self.socket.makefile("rb")
        self.say("REPLCONF", "listening-port", "10007")
        assert self.line() == b"+OK"
        self.say("REPLCONF", "capa", "eof", "capa", "psync2")
        assert self.line() == b"+OK"
        self.say("PSYNC", self.history, str(self.offset + 1 if self.history != "?" else -1))
        verdict = self.line().split()
        if verdict[0] == b"+CONTINUE":
            self.partial_syncs += 1
            if len(verdict) > 1:
                self.history = verdict[1].decode()
        else:
            assert verdict[0] == b"+FULLRESYNC", verdict
            self.full_syncs += 1
            self.take_file()
            self.history, self.offset, self.db, self.queued = verdict[1].decode(), int(verdict[2]), 0, None
        self.take_commands()

    def say(self, *words):
        self.socket.sendall(encode(*words))

    def line(self):
        line = self.input.readline()
        while line == b"\n":  # it prepares the file
            line = self.input.readline()
        if not line.endswith(b"\r\n"):
            raise EOFError
        return line[:-2]

    def exactly(self, count):
        data = self.input.read(count)
        if len(data) != count:
            raise EOFError
        return data

    def take_file(self):
        header = self.line()
        if header.startswith(b"$EOF:"):
            mark, data = header[5:], self.exactly(40)
            while not data.endswith(mark):  # nothing follows before the first acknowledgement
                data += self.input.read1(1 << 16)
            data = data[:-40]
        else:
            data = self.exactly(int(header[1:]))
        self.target.send(0, "FLUSHALL")
        for db, key, expiry, payload, plain in RdbParser(data).keys():
            self.target.send(db, "RESTORE", key, str(expiry), payload, "REPLACE", "ABSTTL")
            if key == b"counter":
                self.counter = int(plain)

    def take_commands(self):
        self.say("REPLCONF", "ACK", str(self.offset))  # before it no commands follow a file without a length
        acknowledged = time.monotonic()
        while True:
            size = 0
            line = self.line()
            size += len(line) + 2
            words = []
            for _ in range(int(line[1:])):
                header = self.line()
                words.append(self.exactly(int(header[1:])))
                self.exactly(2)
                size += len(header) + 2 + len(words[-1]) + 2
            self.apply(words)
            self.offset += size
            if time.monotonic() - acknowledged > 1 or words[0].upper() == b"REPLCONF":
                self.say("REPLCONF", "ACK", str(self.offset))
                acknowledged = time.monotonic()

    def apply(self, words):
        name = words[0].upper()
        self.commands += 1
        if name == b"SELECT":
            self.db = int(words[1])
        elif name == b"PUBLISH":
            self.messages.append((int(words[2]), self.counter))
        elif name == b"MULTI":
            self.queued = []
        elif name == b"EXEC":
            for db, queued in self.queued:
                self.execute(db, queued)
            self.queued = None
        elif name not in (b"PING", b"REPLCONF"):
            self.queued.append((self.db, words)) if self.queued is not None else self.execute(self.db, words)

    def execute(self, db, words):
        self.target.send(db, *words)
        if words[1] == b"counter":
            assert words[0] == b"SET", words
            self.counter = int(words[2])

    def cut(self):
        self.socket.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.closed = True
        self.cut()
        self.join()


def copies_everything(seed):
    with start_ringkv() as source, start_redis() as target:
        writer = Writer(source, seed)
        writer.start()
        eventually(lambda: writer.rounds > 5, "writes")
        client = connect(source)
        reader = SyncReader(source, target)
        reader.start()
        counts = 0
        while reader.full_syncs == 0 or reader.commands < 300 or counts < 50:  # messages during the sync, and behind it
            counts += 1
            client.incr("counter")
            client.publish("count", counts)
            assert reader.error is None, reader.error
        writer.stop()
        reader.cut()
        client.set("during", "the cut")
        eventually(lambda: reader.partial_syncs > 0, "it continues")
        client.set("last", "write")
        assert client.wait(1, 10_000) == 1, "it acknowledges"
        eventually(lambda: reader.offset == client.info("replication")["master_repl_offset"], "it has all")
        reader.close()
        assert reader.error is None, reader.error
        reader.target.finish()
        assert reader.full_syncs == 1, reader.full_syncs
        expect_same(everything(source, DATABASES), everything(target, DATABASES))
        seen = [message for message, _ in reader.messages]
        assert seen == list(range(seen[0], counts + 1)), "messages come in their order, none is missing"
        assert all(counter >= message for message, counter in reader.messages), "a message is behind what it tells of"
        return reader.commands


def main():
    seed = random.randrange(10**9)
    print(f"sync reader: seed {seed}", flush=True)
    print(f"sync reader: equal after {copies_everything(seed)} commands")


if __name__ == "__main__":
    main()

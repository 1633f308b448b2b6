#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Options by their effects, as seen from outside the process: the service manager, signals, sockets, pings to replicas,
the backlog, failed snapshots. With --redis against redis-server."""
import ctypes
import os
import signal
import socket
import sys
import tempfile
import time

from servers import eventually, start_redis, start_ringkv
from way_out import StreamReader

SYS_PIDFD_GETFD = 438
SO_MARK = 36


def notices(sent, *options, start):
    """What the service manager is told until the server has ended."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        address = os.path.join(folder, "notify")
        manager.bind(address)
        os.environ["NOTIFY_SOCKET"] = address
        try:
            start(*options).stop()
        finally:
            del os.environ["NOTIFY_SOCKET"]
        manager.setblocking(False)
        told = b""
        try:
            while True:
                told += manager.recv(4096) + b"\n"
        except BlockingIOError:
            return [notice for notice in sent if notice in told]


def supervised(start):
    wanted = [b"READY=1", b"STOPPING=1"]
    for value, expected in (("systemd", wanted), ("auto", wanted), ("no", [])):
        assert notices(wanted, "--supervised", value, start=start) == expected, value


def shutdown_on_sigint(start):
    for value, saves in (("save", True), ("nosave", False), ("default", True)):
        with start("--save", "3600 1000", "--shutdown-on-sigint", value) as server:
            assert server.connect().raw("SET", "k", "v") == b"+OK\r\n"
            server.process.send_signal(signal.SIGINT)
            assert server.process.wait(20) == 0, value
            assert any(name.startswith("dump.") for name in os.listdir(server.dir)) == saves, value


def socket_of(server, port):
    """The server's end of a connection from the port, duplicated into this process; None without the right to."""
    libc = ctypes.CDLL(None, use_errno=True)
    pidfd = os.pidfd_open(server.process.pid)
    try:
        for descriptor in os.listdir(f"/proc/{server.process.pid}/fd"):
            copy = libc.syscall(SYS_PIDFD_GETFD, pidfd, int(descriptor), 0)
            if copy < 0:
                return None
            try:
                found = socket.socket(fileno=copy)
            except OSError:
                os.close(copy)
                continue
            try:
                if found.getpeername()[1] == port:
                    return found
            except (OSError, IndexError):
                pass  # it listens, or is a Unix socket
            found.close()
    finally:
        os.close(pidfd)
    raise AssertionError("the server has no such connection")


def sockets(start):
    for options in (["--tcp-keepalive", "37"], ["--tcp-keepalive", "0"], ["--socket-mark-id", "7"]):
        if options[0] == "--socket-mark-id" and os.geteuid() != 0:
            continue
        with start(*options) as server, socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(b"PING\r\n")
            assert client.recv(7) == b"+PONG\r\n"
            theirs = socket_of(server, client.getsockname()[1])
            if theirs is None:
                print("sockets of another process can't be looked at here")
                return
            with theirs:
                if options[0] == "--socket-mark-id":
                    assert theirs.getsockopt(socket.SOL_SOCKET, SO_MARK) == 7
                else:
                    is_on = theirs.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
                    assert is_on == (options[1] != "0")
                    assert not is_on or theirs.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 37


def pings_to_replicas(start):
    with start("--repl-ping-replica-period", "1", "--repl-diskless-sync-delay", "0") as server:
        reader = StreamReader(server.port)
        reader.sync()
        times = []
        while len(times) < 3:
            if [word.upper() for word in reader.command()] == [b"PING"]:
                times.append(time.monotonic())
        assert times[2] - times[1] < 5, times  # the default is 10


def backlog(start):
    with start("--repl-backlog-ttl", "1", "--repl-diskless-sync-delay", "0") as server:
        is_active = lambda: b"repl_backlog_active:1" in server.connect().raw("INFO", "replication")  # noqa: E731
        reader = StreamReader(server.port)
        reader.sync()
        assert is_active()
        reader.file.close()
        reader.socket.close()
        eventually(lambda: not is_active(), "the backlog to be freed")


def failed_snapshots(start):
    for value, error in (("yes", b"-MISCONF "), ("no", b"+OK")):
        with start("--save", "3600 1000", "--stop-writes-on-bgsave-error", value) as server:
            client = server.connect()
            writes_answer = lambda reply: client.raw("SET", "k", "v").startswith(reply)  # noqa: E731
            assert writes_answer(b"+OK")
            in_the_way = os.path.join(server.dir, client.raw("CONFIG", "GET", "dbfilename").split(b"\r\n")[-2].decode())
            os.mkdir(in_the_way)
            assert client.raw("BGSAVE") == b"+Background saving started\r\n"
            eventually(lambda: b"rdb_last_bgsave_status:err" in client.raw("INFO", "persistence"), "the failure")
            eventually(lambda: writes_answer(error), "the consequence")
            os.rmdir(in_the_way)
            assert client.raw("SAVE") == b"+OK\r\n"
            eventually(lambda: writes_answer(b"+OK"), "writes to go on")


EFFECTS = [supervised, shutdown_on_sigint, sockets, pings_to_replicas, backlog, failed_snapshots]


def main():
    start = start_redis if sys.argv[1:] == ["--redis"] else start_ringkv
    for effect in EFFECTS:
        effect(start)
        print(f"{effect.__name__}: as the options say", flush=True)


if __name__ == "__main__":
    sys.exit(main())

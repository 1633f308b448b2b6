#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Malformed requests: RingKV must reply like redis-server, and close the connection when it does.

One wanted difference: redis-server takes no inline line that holds a NUL byte for complete and waits for ever; RingKV
lets the NUL end the words of the line.
"""
import sys

from resp import Client
from servers import start_redis, start_ringkv

CASES = [
    b"PING\r\n", b"\r\n\r\nPING\r\n", b"PING\n", b"  PING  \r\n", b"SET a \"b c\"\r\nGET a\r\n",
    b"SET a 'b\\'c'\r\nGET a\r\n", b"SET a \"\\x41\\n\\t\"\r\nGET a\r\n", b"GET \"a\r\n", b"GET \"a\"b\r\n",
    b"GET 'a\r\n", b"*0\r\nPING\r\n", b"*-1\r\nPING\r\n", b"*x\r\n", b"*1\r\n$x\r\n", b"*1\r\n$-1\r\n",
    b"*1\r\n$-0\r\n", b"*1\r\n:4\r\nPING\r\n", b"*1\r\nPING\r\n", b"*1\r\n$ 4\r\nPING\r\n", b"*01\r\n$4\r\nPING\r\n",
    b"*1\r\n$04\r\nPING\r\n", b"*1\r\n$536870913\r\n", b"*2147483648\r\n", b"*1\r\n$99999999999999999999\r\n",
    b"x" * 70000, b"*" + b"1" * 70000, b"*1\r\n$" + b"1" * 70000, b"*1\r\n$4\r\nPINGxxPING\r\n",
    b"*1\r\n$0\r\n\r\nPING\r\n", b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\na\r\n\r\nPING\r\n",
    b"*2\r\n$4\r\nECHO\r\n$0\r\n\r\n", b"POST / HTTP/1.1\r\nHost: x\r\n\r\n", b"Host: x\r\n", b"QUIT\r\nPING\r\n",
    b"*1\r\n$4\r\nquit\r\n", b"QUIT\r\n*x\r\n", b"*1\r\n$4\r\nQUIT\r\n*x\r\n",
    b"*3\r\n$5\r\nBLPOP\r\n$1\r\nk\r\n$4\r\n0.01\r\n*x\r\n", b"HELLO 3\r\nGET missing\r\nQUIT\r\n"[9:],
    b"SELECT 1\r\nSET a 1\r\nSELECT 0\r\nGET a\r\n", b"MULTI\r\nPING\r\nQUIT\r\nEXEC\r\n",
]
# What CLIENT REPLY and the end of the connection hold back, also from within a transaction.
SILENCED = [
    ["MULTI", "PING", "CLIENT REPLY OFF", "ECHO a", "EXEC", "PING", "CLIENT REPLY ON", "PING"],
    ["MULTI", "PING", "CLIENT REPLY SKIP", "ECHO a", "EXEC", "PING", "ECHO b"],
    ["MULTI", "PING", "CLIENT REPLY ON", "ECHO a", "EXEC", "PING"],
    ["MULTI", "CLIENT REPLY OFF", "ECHO a", "CLIENT REPLY ON", "ECHO b", "EXEC", "PING"],
    ["MULTI", "CLIENT REPLY OFF", "CLIENT REPLY SKIP", "CLIENT REPLY ON", "EXEC", "PING"],
    ["MULTI", "CLIENT REPLY x", "CLIENT REPLY OFF", "CLIENT REPLY x", "EXEC", "PING", "CLIENT REPLY ON"],
    ["CLIENT REPLY OFF", "MULTI", "PING", "CLIENT REPLY ON", "ECHO a", "EXEC", "PING"],
    ["CLIENT REPLY OFF", "MULTI", "PING", "CLIENT REPLY SKIP", "ECHO a", "EXEC", "PING", "CLIENT REPLY ON", "PING"],
    ["CLIENT REPLY OFF", "MULTI", "CLIENT REPLY ON", "SUBSCRIBE c", "EXEC", "PING"],
    ["CLIENT REPLY SKIP", "MULTI", "PING", "EXEC", "PING"],
    ["MULTI", "PING", "CLIENT REPLY ON", "ECHO a", "CLIENT REPLY SKIP", "EXEC", "CLIENT REPLY ON", "PING"],
    ["MULTI", "PING", "CLIENT REPLY SKIP", "EXEC", "CLIENT REPLY SKIP", "PING", "PING"],
    ["CLIENT REPLY SKIP", "CLIENT REPLY ON", "PING"],
    ["CLIENT REPLY SKIP", "CLIENT REPLY OFF", "PING", "CLIENT REPLY ON"],
    ["CLIENT REPLY SKIP", "CLIENT REPLY SKIP", "PING", "PING"],
    ["CLIENT REPLY OFF", "CLIENT REPLY SKIP", "CLIENT REPLY ON", "PING"],
    ["CLIENT REPLY SKIP", "RESET", "PING"],
    ["CLIENT REPLY OFF", "RESET", "PING"],
    ["CLIENT REPLY OFF", "MULTI", "RESET", "PING"],
    ["MULTI", "CLIENT REPLY SKIP", "RESET", "PING", "PING"],
    ["CLIENT REPLY SKIP", "NOSUCH", "PING"],
    ["CLIENT REPLY OFF", "NOSUCH", "GET", "CLIENT REPLY ON"],
    ["MULTI", "SET a 1", "CLIENT KILL TYPE normal SKIPME no", "SET a 2", "SUBSCRIBE c", "PING", "EXEC", "PING"],
    ["GET a"],
    ["MULTI", "CLIENT REPLY OFF", "CLIENT KILL TYPE normal SKIPME no", "SET a 3", "EXEC", "PING"],
    ["GET a"],
    ["PING", "CLIENT KILL TYPE normal SKIPME no", "PING"],
    ["CLIENT KILL TYPE normal", "CLIENT KILL TYPE pubsub SKIPME no", "CLIENT KILL ADDR 127.0.0.1:1 SKIPME no",
     "CLIENT KILL x:1", "PING"],
]
CASES += ["".join(line + "\r\n" for line in lines + ["QUIT"]).encode() for lines in SILENCED]
UNAUTHENTICATED = [b"PING\r\n", b"*11\r\n", b"*10\r\n", b"*2\r\n$4\r\nAUTH\r\n$16385\r\n", b"AUTH secret\r\nPING\r\n",
                   b"HELLO 3\r\n", b"NOSUCH\r\n", b"GET\r\n", b"MULTI\r\n", b"RESET\r\n", b"QUIT\r\n",
                   b"AUTH x\r\nAUTH default x\r\n", b"*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n*11\r\n$4\r\nMGET\r\n"
                   + b"$1\r\na\r\n" * 10]


def answer(server, request):
    """All replies until the server closes the connection, or answers a final ECHO because it kept the connection."""
    client = Client(server.port)  # connect() would give the password
    marker = b"<alive>"
    try:
        client.socket.sendall(request)
        # A request that was left open swallows this; then nothing comes, and that is the answer.
        client.socket.settimeout(0.3)
        got = b""
        while True:
            data = client.socket.recv(65536)
            if not data:
                return got + b"<closed>"
            got += data
    except TimeoutError:
        return got + marker
    except ConnectionError:
        return got + b"<closed>"
    finally:
        client.close()


def compare(cases, options):
    failures = 0
    with start_ringkv(*options) as ours, start_redis(*options) as theirs:
        for request in cases:
            mine, redis = answer(ours, request), answer(theirs, request)
            if mine != redis:
                failures += 1
                print(f"{request[:100]!r}\n  ringkv: {mine[:200]!r}\n  redis:  {redis[:200]!r}")
    return failures


def main():
    failures = compare(CASES, []) + compare(UNAUTHENTICATED, ["--requirepass", "secret"])
    print(f"{len(CASES) + len(UNAUTHENTICATED)} cases, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

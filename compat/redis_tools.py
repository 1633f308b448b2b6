#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Common uses of redis-cli and redis-benchmark."""
import subprocess
import sys

from servers import start_ringkv


def run(*command, text=None):
    done = subprocess.run([str(c) for c in command], input=text, capture_output=True, text=True, timeout=120,
                          check=False)
    return done.returncode, done.stdout, done.stderr


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def main():
    with start_ringkv() as server:
        cli = ["redis-cli", "-p", server.port]
        expect(run(*cli, "set", "k", "v")[1] == "OK\n", "set")
        expect(run(*cli, "get", "k")[1] == "v\n", "get")
        expect(run(*cli, "-3", "--no-raw", "config", "get", "maxmemory")[1] == '1# "maxmemory" => "0"\n', "RESP3 map")
        expect(run(*cli, text="multi\nincr n\nincr n\nexec\n")[1] == "OK\nQUEUED\nQUEUED\n1\n2\n", "transaction")
        pipe = "".join(f"*3\r\n$3\r\nSET\r\n$4\r\np{i:03d}\r\n$1\r\nx\r\n" for i in range(1000))
        status, out, _ = run(*cli, "--pipe", text=pipe)
        expect(status == 0 and "errors: 0, replies: 1000" in out, out)
        expect(len(run(*cli, "--scan", "--pattern", "p*")[1].split()) == 1000, "--scan")
        status, out, error = run(*cli, "--bigkeys")
        expect("Sampled 1002 keys" in out, out + error)
        status, out, error = run(*cli, "--memkeys")
        expect("Sampled 1002 keys" in out, out + error)
        expect("# Server" in run(*cli, "info")[1], "info")
        expect("PONG" in run(*cli, "-u", f"redis://127.0.0.1:{server.port}/1", "ping")[1], "URI")
        for pipeline in (1, 16):
            status, out, error = run("redis-benchmark", "-p", server.port, "-q", "-n", "20000", "-P", pipeline, "-r",
                                     "1000", "-t", "ping,set,get,incr,mset")
            expect(status == 0 and "Error" not in out + error and "WARNING" not in out + error, out + error)
            for row in ("PING_INLINE", "PING_MBULK", "SET:", "GET:", "INCR:", "MSET"):
                expect(row in out, row)
        status, out, error = run("redis-benchmark", "-p", server.port, "-q", "-n", "1000", "setrange", "k", "5", "x")
        expect(status == 0 and "requests per second" in out, out + error)
        status, out, error = run("redis-benchmark", "-p", server.port, "-3", "-q", "-n", "1000", "-t", "get")
        expect(status == 0 and "Error" not in out + error, out + error)
    with start_ringkv("--requirepass", "secret") as server:
        cli = ["redis-cli", "-p", server.port]
        expect("NOAUTH" in run(*cli, "ping")[1], "NOAUTH")
        expect(run(*cli, "-a", "secret", "--no-auth-warning", "ping")[1] == "PONG\n", "password")
    print("redis-cli and redis-benchmark work")
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the commands of the sessions in README and docs/, compares what they print, and tries the configurations."""
import contextlib
import glob
import os
import re
import shlex
import subprocess
import sys
import tempfile
import textwrap

from servers import RunningServer, eventually, free_ports, server_binary, start_ringkv

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
REDIS_PORT = "6380"  # of a redis-server beside RingKV, in the documents


def sessions(text):
    """Each ```console block as [command, expected output]."""
    for block in re.findall(r"^( *```console\n.*?)```", text, re.M | re.S):
        for part in re.split(r"^\$ ", textwrap.dedent(block), flags=re.M)[1:]:
            command, _, output = part.partition("\n")
            yield command, output


def start_peer(command, server, port):
    """A redis-server, which runs until the document ends."""
    words = command.replace("6379", str(server.port)).replace(REDIS_PORT, str(port)).split()
    # In a directory of its own, so that its log is not that of the server.
    folder = os.path.join(server.dir, "peer")
    os.makedirs(folder, exist_ok=True)
    words = [os.path.join("..", word) if os.path.isdir(os.path.join(server.dir, word)) else word for word in words]
    peer = RunningServer(words + ["--save", ""], folder=folder)
    ping = ["redis-cli", "-p", str(port), "PING"]
    eventually(lambda: subprocess.run(ping, capture_output=True, check=False).stdout == b"PONG\n", command)
    return peer


def run_command(command, expected, server, http_port, redis_port):
    """The output of the command; `expected` if the output does not matter."""
    if command.startswith("build/ringkv-server"):
        # A server of its own: it only has to start with these options.
        options = [word.replace("6379", str(server.port)) for word in shlex.split(command)[1:]]
        at = options.index("--port")
        options[at + 1] = "0"
        in_folder = [os.path.join(server.dir, word) for word in options]
        options = [path if os.path.exists(path) else word for path, word in zip(in_folder, options)]
        with start_ringkv(*options) as other:
            eventually(lambda: other.connect().raw("DBSIZE") > b":0\r\n", f"data after {command}")
            return expected
    command = command.replace(REDIS_PORT, str(redis_port))
    shell = command if "redis-cli -c" in command else command.replace("redis-cli", f"redis-cli -p {server.port}")
    shell = shell.replace("redis-benchmark", f"redis-benchmark -p {server.port}").replace(":8080/", f":{http_port}/")
    shell = shell.replace("build/ringkv-c", os.path.join(os.path.dirname(server_binary()), "ringkv-c"))
    shell = shell.replace("bench/", os.path.abspath(ROOT) + "/bench/")
    done = subprocess.run(shell, shell=True, capture_output=True, text=True, timeout=60, cwd=server.dir, check=False)
    return done.stdout if expected or done.returncode else expected


def configurations(text):
    """Each ```conf block."""
    return re.findall(r"^```conf\n(.*?)```", text, re.M | re.S)


def start_with(configuration):
    """Whether a server starts with it."""
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        file.write(configuration)
        file.flush()
        try:
            # Its ready line is waited for on standard output.
            with start_ringkv("--include", file.name, "--logfile", "") as server:
                return server.connect().raw("PING") == b"+PONG\r\n"
        except AssertionError as failure:
            print(failure)
            return False


def check_document(path):
    """Runs the commands of one document against a new server with one key, and starts a server with each of its
    configurations. Returns the number of both, and of failures."""
    with open(os.path.join(ROOT, path), encoding="utf-8") as document:
        text = document.read()
    commands = list(sessions(text))
    files = configurations(text)
    failures = 0
    for configuration in files:
        if not start_with(configuration):
            failures += 1
            print(f"{path}: no server starts with\n{configuration}")
    http_port, redis_port = free_ports(2)
    with contextlib.ExitStack() as running:
        server = running.enter_context(start_ringkv("--http-port", str(http_port)))
        server.connect().raw("SET", "first", "key")
        for command, expected in commands:
            if command.startswith("redis-server"):
                running.enter_context(start_peer(command, server, redis_port))
                continue
            got = run_command(command, expected, server, http_port, redis_port)
            if got.rstrip("\n") != expected.rstrip("\n"):  # a value has no line break of its own
                failures += 1
                print(f"{path}: $ {command}\n  expected {expected!r}\n  got      {got!r}")
    return len(commands) + len(files), failures


def main():
    count, failures = check_document("README.md")
    for path in sorted(glob.glob(os.path.join(ROOT, "docs/*.md"))):
        more, failed = check_document(os.path.relpath(path, ROOT))
        count += more
        failures += failed
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as readme, open(
            os.path.join(ROOT, "Makefile"), encoding="utf-8") as makefile:
        goals = re.findall(r"(?:^|`)make ([a-z-]+)", readme.read(), re.M)
        rules = makefile.read()
        for goal in goals:
            if not re.search(rf"^{goal}:", rules, re.M):
                failures += 1
                print(f"the README names `make {goal}`, the Makefile doesn't")
    print(f"{count} commands and configurations of the documents, {failures} failures")
    return 1 if failures or count == 0 or not goals else 0


if __name__ == "__main__":
    sys.exit(main())

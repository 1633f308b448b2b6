#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the commands of the sessions in README and docs/, compares what they print, and tries the configurations."""
import glob
import os
import re
import shlex
import subprocess
import sys
import tempfile
import textwrap

from servers import eventually, free_ports, server_binary, start_ringkv

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")


def sessions(text):
    """Each ```console block as [command, expected output]."""
    for block in re.findall(r"^( *```console\n.*?)```", text, re.M | re.S):
        for part in re.split(r"^\$ ", textwrap.dedent(block), flags=re.M)[1:]:
            command, _, output = part.partition("\n")
            yield command, output


def run_command(command, expected, server, http_port):
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
    http_port = free_ports(1)[0]
    with start_ringkv("--http-port", str(http_port)) as server:
        server.connect().raw("SET", "first", "key")
        for command, expected in commands:
            got = run_command(command, expected, server, http_port)
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

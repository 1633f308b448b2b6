#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the commands of the README's sessions and compares what they print."""
import os
import re
import shlex
import subprocess
import sys

from servers import eventually, server_binary, start_ringkv

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")


def sessions(text):
    """Each ```console block as [command, expected output]."""
    for block in re.findall(r"```console\n(.*?)```", text, re.S):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, _, output = part.partition("\n")
            yield command, output


def main():
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as readme:
        text = readme.read()
    failures = 0
    count = 0
    with start_ringkv() as server:
        for command, expected in sessions(text):
            count += 1
            if command.startswith("build/ringkv-server"):
                # A server of its own: it only has to start with these options.
                options = [word.replace("6379", str(server.port)) for word in shlex.split(command)[1:]]
                at = options.index("--port")
                options[at + 1] = "0"
                in_folder = [os.path.join(server.dir, word) for word in options]
                options = [path if os.path.isfile(path) else word for path, word in zip(in_folder, options)]
                with start_ringkv(*options) as other:
                    eventually(lambda: other.connect().raw("DBSIZE") > b":0\r\n", f"data after {command}")
                    expected = got = True
            else:
                shell = command if "redis-cli -c" in command else command.replace("redis-cli", f"redis-cli -p {server.port}")
                shell = shell.replace("redis-benchmark", f"redis-benchmark -p {server.port}")
                shell = shell.replace("build/ringkv-c", os.path.join(os.path.dirname(server_binary()), "ringkv-c"))
                shell = shell.replace("bench/", os.path.abspath(ROOT) + "/bench/")
                done = subprocess.run(shell, shell=True, capture_output=True, text=True, timeout=60, cwd=server.dir, check=False)
                got = done.stdout if expected or done.returncode else expected
            if got != expected:
                failures += 1
                print(f"$ {command}\n  expected {expected!r}\n  got      {got!r}")
    for goal in re.findall(r"^make (\w+)", text, re.M):
        with open(os.path.join(ROOT, "Makefile"), encoding="utf-8") as makefile:
            if not re.search(rf"^{goal}:", makefile.read(), re.M):
                failures += 1
                print(f"the README names `make {goal}`, the Makefile doesn't")
    print(f"{count} commands of the README, {failures} failures")
    return 1 if failures or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())

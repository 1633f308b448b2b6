#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs cells of the matrix in docs/testing.md: one comparison in one mode.

  compat/rotation.py               a few of them; which ones, the day decides
  compat/rotation.py --turn N      those of another day
  compat/rotation.py --all         all of them
"""
import argparse
import os
import subprocess
import sys
import time

import modes

FOLDER = os.path.dirname(os.path.abspath(__file__))
AT_ONCE = 3
SECONDS_A_DAY = 86_400


def cells(turn):
    """All cells in order of their turns: adjacent ones differ in program and mode."""
    programs = [["transcripts.py"], ["blocking.py"], ["differential.py", "--seed", str(turn), "--commands", "3000"]]
    names = [name for name in modes.STARTS if name != "alone"]  # which has tests of its own
    return [(programs[(i + number) % len(programs)], name) for i in range(len(programs)) for number,
            name in enumerate(names)
            if not (programs[(i + number) % len(programs)] == ["blocking.py"] and name in modes.PASSED_ON)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--turn", type=int, default=int(time.time()) // SECONDS_A_DAY)
    parser.add_argument("--all", action="store_true")
    arguments = parser.parse_args()
    chosen = cells(arguments.turn)
    if not arguments.all:
        first = arguments.turn * AT_ONCE
        chosen = [chosen[(first + i) % len(chosen)] for i in range(AT_ONCE)]
    failed = []
    for program, mode in chosen:
        command = [sys.executable, os.path.join("compat", program[0]), *program[1:], "--mode", mode]
        print(" ".join(["RINGKV_SERVER=" + os.environ.get("RINGKV_SERVER", "build/ringkv-server"), *command[1:]]),
              flush=True)
        if subprocess.run(command, cwd=os.path.dirname(FOLDER), check=False).returncode != 0:
            failed.append(" ".join(command))
    print(f"turn {arguments.turn}: {len(chosen)} cells, {len(failed)} failed", *failed, sep="\n  ")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The programs are hardened as Debian's redis-server is: position independent, relocations read-only from the start, no
executable stack, guarded stack frames, and checked calls of the C library."""
import os
import re
import shutil
import subprocess
import sys

from servers import server_binary


def read(binary, *what):
    return subprocess.run(["readelf", "-W", *what, binary], capture_output=True, text=True, check=True,
                          timeout=60).stdout


def protections(binary):
    head, segments, dynamic, symbols = (read(binary, what) for what in ("-h", "-l", "-d", "--dyn-syms"))
    return {
        "position independent": "DYN (Position-Independent Executable file)" in head,
        "relocations read-only": "GNU_RELRO" in segments and "BIND_NOW" in dynamic,
        "stack not executable": re.search(r"GNU_STACK.* RW +0x", segments) is not None,
        "stack protector": "__stack_chk_fail@" in symbols,
        "FORTIFY": re.search(r"__\w+_chk@GLIBC", symbols.replace("__stack_chk_fail", "")) is not None,
    }


def main():
    folder = os.path.dirname(server_binary())
    programs = [server_binary(), os.path.join(folder, "ringkv-check"), os.path.join(folder, "ringkv-cluster")]
    for program in [shutil.which("redis-server"), *programs]:
        found = protections(program)
        assert all(found.values()), f"{program}: {found}"
    print(f"{len(programs)} programs are hardened as redis-server is")
    return 0


if __name__ == "__main__":
    sys.exit(main())

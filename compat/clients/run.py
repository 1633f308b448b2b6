#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Starts a server and runs a program with its port as the last argument."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from servers import start_ringkv  # noqa: E402

with start_ringkv() as server:
    sys.exit(subprocess.run([*sys.argv[1:], str(server.port)], timeout=120, check=False).returncode)

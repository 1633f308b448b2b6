#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes lines "<key> <value>" for --load-file to standard output: make-load-file.py [lines] [value bytes]"""
import sys

lines = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
value = "v" * (int(sys.argv[2]) if len(sys.argv) > 2 else 32)
for start in range(0, lines, 10_000):
    sys.stdout.write("".join(f"key:{i:012d} {value}\n" for i in range(start, min(start + 10_000, lines))))

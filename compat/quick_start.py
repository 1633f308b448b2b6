#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the examples of docs/quick-start.md against a server, but for those that say that they are not run."""
import os
import re
import subprocess
import sys
import tempfile

from npm import node_environment
from servers import start_ringkv

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "docs", "quick-start.md")
EXPECTED = "hello\n1\n"
NOT_RUN = "*Not run by the tests:"
# A language of code blocks, its file, and how that is run in its directory.
RUNNERS = {
    "sh": ("example.sh", "sh example.sh"),
    "python": ("example.py", "/usr/bin/python3 example.py"),
    "js": ("example.js", "node example.js"),
    "php": ("example.php", "php example.php"),
    "ruby": ("example.rb", "ruby example.rb"),
    "perl": ("example.pl", "perl example.pl"),
    "c": ("example.c", "cc -O0 -o example example.c -lhiredis && ./example"),
}


def examples():
    """Each section's name, its blocks as (language, text), and whether it is left out."""
    with open(PAGE, encoding="utf-8") as page:
        for section in re.split(r"^## ", page.read(), flags=re.M)[1:]:
            blocks = re.findall(r"^```(\w+)\n(.*?)^```", section, re.M | re.S)
            words = " ".join(section.split())
            yield section.split("\n", 1)[0], [each for each in blocks if each[0] != "console"], NOT_RUN in words


def run(language, text, port):
    """What the example prints."""
    name, command = RUNNERS[language]
    with tempfile.TemporaryDirectory(prefix="ringkv-quick-start-") as folder:
        with open(os.path.join(folder, name), "w", encoding="utf-8") as source:
            source.write(text.replace("6379", str(port)))
        done = subprocess.run(command, shell=True, cwd=folder, env=node_environment(), capture_output=True, text=True,
                              timeout=60, check=False)
    return done.stdout + done.stderr


def main():
    count, faults = 0, []
    for section, blocks, is_left_out in examples():
        for language, text in blocks:
            if is_left_out:
                print(f"{section}: not run")
            elif language not in RUNNERS:
                faults.append(f"{section}: nothing runs {language}, and the page does not say so")
            else:
                count += 1
                with start_ringkv() as server:
                    output = run(language, text, server.port)
                if output != EXPECTED:
                    faults.append(f"{section}: prints {output!r}")
    print("\n".join(faults))
    print(f"{count} examples, {len(faults)} faults")
    return 1 if faults or count < len(RUNNERS) else 0


if __name__ == "__main__":
    sys.exit(main())

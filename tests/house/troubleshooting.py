#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every error reply and every warning of the log has a line in docs/troubleshooting.md, and no line there is of none.

The texts are the literals of the sources, up to where something else is put in."""
import os
import re
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
PAGE = "docs/troubleshooting.md"
ROOMS = ["server", "resp", "cluster", "storage", "transport"]
LITERALS = re.compile(r'"(?:[^"\\\n]|\\.)*"(?:\s*"(?:[^"\\\n]|\\.)*")*')
# Capitals that begin other texts: requests to other nodes, log lines, help, parts of a sentence.
NO_CODES = set("""AOF AUTH BGSAVE CLUSTER COMMAND CONFIG CONNECT CPU DEBUG DUMP FAILOVER FILE FUNCTION GROUP HTTP INFO
                  JSON LSN METRICS POSIX PSYNC RDB REPLCONF RESP SENTINEL SHUTDOWN SLOWLOG SORT STORE TCP TLS UPDATE URI
                  CODE NOSAVE MOVED""".split())
CALLS = re.compile(r"\b(?:Warning|Warn|say_)\(")
# Warnings that are made elsewhere: each file's calls without a text of their own, and where their texts come from.
PASSED_ON = {
    "server/cluster/cluster_state.cc": "cluster/migration/kept_ledger.cc",
    "server/cluster/slot_export.cc": "storage/disk/posix_file_system.cc",
    "server/cluster/slot_moves.cc": "storage/disk/posix_file_system.cc",
    "server/composition/server.cc": "server/process/oom_score.cc",
    "server/data/data_keeper.cc": "storage/durability/durability.cc",
    "server/main/main.cc": "what ends the start",
    "server/migration/redis_link.cc": "storage/disk/posix_file_system.cc",
    "server/net/io_thread.cc": "server/net/handshaking.cc",
    "server/observe/log.h": "its callers",
    "server/replication/history_keeper.cc": "storage/disk/posix_file_system.cc",
    "server/replication/history_keeper.h": "its callers",
    "server/replication/kept_data.h": "server/replication/history_keeper.cc",
    "storage/durability/durability.cc": "storage/durability/recovery.cc",
    "storage/durability/recovery.cc": "its callers",
}


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def sources():
    for room in ROOMS:
        for folder, _, names in os.walk(os.path.join(ROOT, room)):
            for name in sorted(names):
                if name.endswith((".cc", ".h")):
                    path = os.path.relpath(os.path.join(folder, name), ROOT)
                    yield path, re.sub(r"^\s*//.*$|\s// .*$", "", read(path), flags=re.M)


def texts_in(source):
    """The literals, those that stand side by side as one."""
    for match in LITERALS.finditer(source):
        parts = re.findall(r'"((?:[^"\\\n]|\\.)*)"', match.group(0))
        yield "".join(parts).replace('\\"', '"').replace("\\r\\n", "")


def error_texts(source):
    for text in texts_in(source):
        text = text.removeprefix("-")
        code, _, words = text.partition(" ")
        if re.fullmatch(r"[A-Z]{3,}", code) and code not in NO_CODES and re.search(r"[A-Za-z]{2}", words):
            yield text.rstrip()


def arguments(source, opening):
    depth = 0
    for at in range(opening, len(source)):
        depth += {"(": 1, ")": -1}.get(source[at], 0)
        if depth == 0:
            return source[opening + 1:at]
    return ""


def warning_texts(source):
    """Of each warning the literals with words in them."""
    for match in CALLS.finditer(source):
        passed = arguments(source, match.end() - 1)
        if match.group(0) != "say_(" or passed.startswith("true"):
            yield [text.strip(" :;,'") for text in texts_in(passed) if len(re.findall(r"[A-Za-z-]{2,}", text)) > 1]


def lines_of_page():
    """The messages in the first column, without their ends that vary: of errors, and of warnings."""
    errors, _, warnings = read(PAGE).partition("\n## Warnings of the log")
    found = []
    for part in (errors, warnings):
        cells = [row.split(" | ")[0] for row in re.findall(r"^\| (`.*) \|$", part, re.M)]
        # Two backticks, with spaces or without, around a message that has some itself.
        found.append([a or b for cell in cells for a, b in re.findall(r"`` ?(.+?) ?``|`([^`]+)`", cell)])
    return found


def explains(line, text):
    """A line tells of a text that begins like it. A code and one word are too little, unless there is no more."""
    return text == line or (text.startswith(line) and len(line.split()) > 2)


def check_errors(lines):
    used = set()
    for path, source in sources():
        for text in error_texts(source):
            matching = [line for line in lines if explains(line, text)]
            used.update(matching)
            if not matching:
                yield f"{path}: no line for the error: {text}"
    for line in lines:
        if line not in used:
            yield f"{PAGE}: no such error: {line}"


def check_warnings(lines):
    used = set()
    for path, source in sources():
        for texts in warning_texts(source):
            matching = [line for line in lines if any(text in line or line in text for text in texts)]
            used.update(matching)
            if not matching and (texts or path not in PASSED_ON):
                yield f"{path}: no line for the warning: {texts}"
    said = " ".join(text for _, source in sources() for text in texts_in(source))
    for line in lines:
        if line not in used and line not in said:
            yield f"{PAGE}: no such warning: {line}"


def main():
    errors, warnings = lines_of_page() if os.path.exists(os.path.join(ROOT, PAGE)) else ([], [])
    faults = [*check_errors(errors), *check_warnings(warnings)]
    print("\n".join(faults))
    print(f"{len(errors)} errors, {len(warnings)} warnings, {len(faults)} faults")
    return 1 if faults or not errors or not warnings else 0


if __name__ == "__main__":
    sys.exit(main())

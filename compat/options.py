#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares options with redis-server's: names, defaults, which of them CONFIG SET changes, and the replies to good and
bad values. What differs is listed here with its reason."""
import os
import re
import subprocess
import sys

from servers import server_binary, start_redis, start_ringkv

# Of CONFIG GET *.
MISSING = {}
OTHER_DEFAULTS = {
    "dbfilename": "a snapshot is no RDB file",
    "list-compress-depth": "long lists are compressed",
    "repl-backlog-size": "16 MB hold more than a moment of changes",
    "supervised": "auto: systemd is noticed by itself",
    "syslog-ident": "the name of the program",
    "enable-debug-command": "set by this test",
    "dir": "of each server", "port": "of each server", "slaveof": "", "save": "",
}
# Of CONFIG SET.
NOT_CHANGED = {
    "port": "would move the server under test", "bind": "likewise",
    "dir": "protected", "dbfilename": "protected",
    "requirepass": "would lock the test out", "maxclients": "depends on the limit of files",
    "masterauth": "any text is one", "masteruser": "any text is one",
    "oom-score-adj": "needs rights", "oom-score-adj-values": "needs rights",
}
OTHER_REPLIES = {
    "hz": "100000 is clamped by both, but redis-server shows what was given",
    "replica-announce-ip": "no host has a blank", "slave-announce-ip": "likewise",
    "repl-backlog-ttl": "at most 2147483647 seconds",
    "cluster-announce-ip": "no host has a blank",
    "tls-port": "the error says why, not only that the log does", "tls-cluster": "likewise",
    "tls-replication": "likewise",
    "replica-ignore-maxmemory": "refused: a replica evicts nothing by itself",
    "slave-ignore-maxmemory": "likewise",
    "activedefrag": "refused, with words of our own",
    "proto-max-bulk-len": "at most 4 GB", "cluster-node-timeout": "at least 10 milliseconds",
}

VALUES = ("yes", "no", "YES", "1", "0", "-1", "100000", "1mb", "9223372036854775808", "", "abc", "disabled", "local",
          "1 2", "ignore", "clients", "ip")


def options_of(client):
    client.send("CONFIG", "GET", "*")
    count = int(client.input.readline()[1:])
    words = [client.read_raw().split(b"\r\n")[1].decode() for _ in range(count)]
    return dict(zip(words[::2], words[1::2]))


def difference(what, name, ours, theirs):
    return f"{what} {name}: {ours!r}, redis-server: {theirs!r}"


def check_names(ours, theirs):
    found = [f"missing: {name}" for name in theirs if name not in ours and name not in MISSING]
    found += [f"not missing any more: {name}" for name in MISSING if name in ours]
    for name, value in theirs.items():
        if name in ours and ours[name] != value and name not in OTHER_DEFAULTS:
            found.append(difference("default of", name, ours[name], value))
    return found


def is_tolerated(value, reply):
    """redis-server takes an empty text for no memory, and tells numbers beyond 64 bits by their range."""
    return value in ("", "9223372036854775808") and b"must be a memory" in reply


def check_values(ours, theirs, known, defaults):
    found = []
    for name in sorted(defaults):
        if name in NOT_CHANGED or name in OTHER_REPLIES or name not in known:
            continue
        for value in VALUES:
            for client in (ours, theirs):
                client.raw("CONFIG", "SET", name, defaults[name])
            replies = [client.raw("CONFIG", "SET", name, value) for client in (ours, theirs)]
            shown = [client.raw("CONFIG", "GET", name) for client in (ours, theirs)]
            if is_tolerated(value, replies[0]):
                continue
            if replies[0] != replies[1]:
                found.append(difference(f"CONFIG SET {name} {value!r}", "", *replies))
            elif shown[0] != shown[1] and name not in OTHER_DEFAULTS:
                found.append(difference(f"CONFIG GET {name} after {value!r}", "", *shown))
    return found


def help_of(*words):
    return subprocess.run([server_binary(), "--help", *words], capture_output=True, text=True, check=True).stdout


def check_help():
    """The help fits a terminal; all of it has each option of the reference; a word finds those with it."""
    lines = help_of().split("\n")
    if len(lines) > 40 or max(map(len, lines)) > 100 or "  --maxmemory " not in help_of():
        yield f"--help has {len(lines)} lines of up to {max(map(len, lines))} characters"
    everything = help_of("all")
    with open(os.path.join(os.path.dirname(__file__), "..", "docs", "configuration.md"), encoding="utf-8") as page:
        names = re.findall(r"^\| `([\w-]+)` \|", page.read(), re.M)
    yield from (f"--help all lacks {name}" for name in names if name not in everything)
    found = help_of("snapshot")
    if "--snapshot-threads " not in found or "--port " in found:
        yield f"--help snapshot: {found}"


def main():
    # The default number of threads depends on the machine.
    with start_ringkv("--enable-debug-command", "yes", "--io-threads", "1") as ringkv, start_redis() as redis:
        ours, theirs = ringkv.connect(), redis.connect()
        known, expected = options_of(ours), options_of(theirs)
        found = check_names(known, expected) + check_values(ours, theirs, known, expected)
        found += check_help()
    for line in found:
        print(line)
    print(f"{len(expected)} options of redis-server compared, {len(found)} unexpected differences")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

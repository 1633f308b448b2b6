#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What there is, compared with redis-server: commands with what COMMAND INFO tells of them, subcommands of DEBUG,
fields of INFO, CLIENT LIST and MEMORY STATS. Each difference is in the table of docs/differences.md, and each row of
the table is a difference."""
import os
import re
import sys

from resp import flatten
from servers import eventually, start_redis, start_ringkv

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "docs", "differences.md")
# Named by what happened.
VARIABLE = re.compile(r"^(cmdstat_|errorstat_|latency_percentiles_usec_|db\d|db\.\d|slave\d)")
DETAILS = ["name", "arity", "flags", "first key", "last key", "step", "categories", "tips", "keys"]


def explained():
    """The table: {(what, name)}. The name of a container stands for its subcommands too."""
    with open(PAGE, encoding="utf-8") as file:
        table = file.read().split("<!-- inventory begin -->\n")[1].split("<!-- inventory end -->")[0]
    rows = [line.strip("| \n").split(" | ") for line in table.splitlines()[2:]]
    assert all(len(row) == 3 and row[2] for row in rows), rows
    return {(what, name) for what, names, _ in rows for name in re.findall("`([^`]+)`", names)}


def value(raw):
    """Lists of texts and numbers."""
    if raw[:1] in (b"*", b"~", b"%"):
        return [value(each) for each in flatten(raw)]
    if raw[:1] == b"$":
        return raw.split(b"\r\n", 1)[1][:-2].decode()
    return int(raw[1:-2]) if raw[:1] == b":" else raw[1:-2].decode()


def ask(server, *command):
    return value(server.connect().raw(*command))


def in_any_order(detail):
    return sorted(map(str, detail)) if isinstance(detail, list) else detail


def commands(server):
    """{"CLIENT LIST": what COMMAND INFO tells}"""
    found = {}

    def add(rows):
        for row in rows:
            found[row[0].replace("|", " ").upper()] = row[:9]
            add(row[9])

    add(ask(server, "COMMAND"))
    return found


def tokens(server):
    """The keywords that COMMAND DOCS tells: {("SET", "NX")}"""
    found = set()

    def add(name, arguments):
        for argument in arguments:
            fields = dict(zip(argument[::2], argument[1::2]))
            if fields.get("token", "").strip('"'):
                found.add((name, fields["token"]))
            add(name, fields.get("arguments", []))

    def add_commands(docs):
        for name, doc in zip(docs[::2], docs[1::2]):
            fields = dict(zip(doc[::2], doc[1::2]))
            add(name.replace("|", " ").upper(), fields.get("arguments", []))
            add_commands(fields.get("subcommands", []))

    add_commands(ask(server, "COMMAND", "DOCS"))
    return found


def info(server):
    lines = [line for line in ask(server, "INFO", "everything").splitlines() if ":" in line]
    return {line.split(":")[0] for line in lines}


def fields(server):
    """{what: names}, but for commands."""
    lines = ask(server, "DEBUG", "HELP")
    return {"DEBUG": {line.split(" ")[0] for line in lines[1:] if not line.startswith(" ")},
            "CLIENT LIST": {word.split("=")[0] for word in ask(server, "CLIENT", "LIST").split()},
            "MEMORY STATS": set(ask(server, "MEMORY", "STATS")[::2])}


def differences(ours, theirs):
    """(what, name, detail)"""
    mine, redis = commands(ours), commands(theirs)
    for name in sorted(redis.keys() & mine.keys()):
        for detail, a, b in zip(DETAILS, mine[name], redis[name]):
            if in_any_order(a) != in_any_order(b):
                yield "COMMAND INFO", name, f"{detail} is {a}, redis-server: {b}"
    sets = {"command": (mine.keys(), redis.keys())}
    sets.update({what: (fields(ours)[what], names) for what, names in fields(theirs).items()})
    for what, (a, b) in sets.items():
        yield from ((f"{what}, missing", name, "") for name in sorted(b - a) if not VARIABLE.match(name))
        yield from ((f"{what}, added", name, "") for name in sorted(a - b) if not VARIABLE.match(name))
    yield from (("keyword, missing", f"{name} {token}", "") for name,
                token in sorted(tokens(theirs) - tokens(ours)) if name in mine)


def info_differences(ours, theirs):
    for a, b in zip(ours, theirs):
        mine, redis = info(a), info(b)
        yield from (("INFO, missing", name, "") for name in sorted(redis - mine) if not VARIABLE.match(name))
        yield from (("INFO, added", name, "") for name in sorted(mine - redis) if not VARIABLE.match(name))


def with_replica(start, check):
    options = ["--enable-debug-command", "yes", "--appendonly", "yes", "--min-replicas-to-write", "1"]
    with start(*options) as primary, start(*options, "--replicaof", f"127.0.0.1 {primary.port}") as replica:
        eventually(lambda: b"master_link_status:up" in replica.connect().raw("INFO", "replication"), "the link")
        return check(primary, replica)


def main():
    found = with_replica(start_ringkv, lambda *ours: with_replica(start_redis, lambda *theirs: [
        *differences(ours[0], theirs[0]), *info_differences(ours, theirs)]))
    known = explained()

    def row_of(what, name):
        words = name.split(" ")
        return next(((what, name_) for name_ in (" ".join(words[:n]) for n in range(1, len(words) + 1))
                     if (what, name_) in known), None)

    used = {row_of(what, name) for what, name, _ in found}
    failures = [f"not explained: {what}: {name} {detail}" for what, name, detail in found if not row_of(what, name)]
    failures += [f"no difference any more: {what}: {name}" for what, name in sorted(known - used)]
    print("\n".join(sorted(set(failures))))
    print(f"{len(set(found))} differences, {len(set(failures))} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

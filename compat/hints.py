#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares the hints that a command line makes of COMMAND DOCS with those of redis-server."""
import sys

import redis

from servers import start_redis, start_ringkv

# Later versions of Redis name these arguments so.
AS_IN_REDIS_7_2 = {
    "acl|cat", "bitop", "cluster|meet", "geohash", "geopos", "lcs", "pfmerge", "xgroup|create", "xgroup|createconsumer",
    "xgroup|delconsumer", "xgroup|destroy", "xgroup|setid", "xinfo|consumers", "xsetid",
}
NEWER = {  # arguments that came later, in Redis or Valkey (docs/commands.md)
    "client|list", "geosearch", "geosearchstore", "hscan", "xadd", "xreadgroup", "xtrim", "zinter", "zinterstore",
    "zrank", "zrevrank", "zscan", "zunion", "zunionstore",
}
OTHERS = {
    "set": "with the conditions of Redis 8.4",
    "bitfield": "the operations repeat", "client|kill": "filters are one argument",
    "cluster|setslot": "refused here, so its arguments are short", "module|loadex": "likewise",
    "migrate": "both ways to authenticate are one choice",
    "command|getkeys": "redis-server shows none", "command|getkeysandflags": "likewise", "debug": "likewise",
    "psync": "likewise", "quit": "likewise", "replconf": "likewise",
}


def as_map(reply):
    return dict(zip(reply[::2], reply[1::2])) if isinstance(reply, list) else reply


def hint_of(reply):
    """The text of one argument, as the documentation of a command shows it."""
    argument = as_map(reply)
    flags, token = argument.get("flags", []), argument.get("token")
    kind = argument["type"]
    if kind == "pure-token":
        text = token or '""'
    else:
        text = argument["name"]
        if kind == "oneof":
            text = "<" + "|".join(map(hint_of, argument["arguments"])) + ">"
        elif kind == "block":
            text = " ".join(map(hint_of, argument["arguments"]))
        again = f"{token} {text}" if "multiple_token" in flags else text
        text = f"{token} {text}" if token else text
        text += f" [{again} ...]" if "multiple" in flags else ""
    return f"[{text}]" if "optional" in flags else text


def hints_of(server):
    """Of each command without subcommands."""
    found = {}
    client = redis.Redis(port=server.port, decode_responses=True)
    client.response_callbacks.clear()

    def collect(reply):
        for name, docs in as_map(reply).items():
            docs = as_map(docs)
            if docs.get("subcommands"):
                collect(docs["subcommands"])
            else:
                found[name] = " ".join(map(hint_of, docs.get("arguments", [])))

    collect(client.execute_command("COMMAND", "DOCS"))
    return found


def main():
    with start_ringkv() as ringkv, start_redis() as reference:
        ours, theirs = hints_of(ringkv), hints_of(reference)
    common = ours.keys() & theirs.keys()
    different = {name for name in common if ours[name] != theirs[name]}
    accepted = AS_IN_REDIS_7_2 | NEWER | OTHERS.keys()
    faults = [f"{name}\n  redis  {theirs[name]}\n  RingKV {ours[name]}" for name in sorted(different - accepted)]
    faults += [f"{name} is not different any more" for name in sorted(accepted - different)]
    print("\n".join(faults))
    print(f"{len(common)} commands compared, {len(faults)} faults")
    return 1 if faults or len(common) < 300 else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Users and their permissions, against redis-server.

  compat/acl.py [--seed N] [--rounds N]

Each round makes a user by random rules on both servers, and compares the reply to each ACL SETUSER, what ACL GETUSER
and ACL LIST show, what ACL DRYRUN says of random commands, how those commands end when the user executes them (alone,
in a transaction, in a script), and ACL LOG. The order of single commands in a description isn't compared: in
redis-server it is that of a hash table."""
import argparse
import random
import shlex
import sys

from resp import Client, flatten
from servers import start_redis, start_ringkv

CATEGORIES = ["keyspace", "read", "write", "set", "sortedset", "list", "hash", "string", "bitmap", "hyperloglog", "geo",
              "stream", "pubsub", "admin", "fast", "slow", "blocking", "dangerous", "connection", "transaction",
              "scripting", "all", "nosuch", "STRING"]
COMMANDS = ["get", "set", "SET", "mget", "del", "config", "config|get", "client", "client|id", "object",
            "object|encoding", "select", "debug", "sort", "eval", "publish", "subscribe", "psubscribe", "xread",
            "zunionstore", "memory",
            "memory|usage", "copy", "getex", "nosuch", "config|nosuch", "acl", "acl|whoami", "multi", "exec",
            "bitfield",
            "lmove", "georadius", "rename", "mset", "exists", "ping", "fcall", "script", "script|load", "command"]
FIRST_ARGUMENTS = ["select|0", "select|1", "SELECT|0", "object|encoding|x", "config|", "debug|Sleep", "get|k1",
                   "get|K1",
                   "mget|a|b", "nosuch|a", "|", ""]
PATTERNS = ["*", "k*", "k1", "r?", "[kr]1", "*1", "k\\*", "", "k[", "a b", "k*1", "{k}*"]
CHANNELS = ["*", "c*", "c1", "news.[ab]", "", "c d"]
FLAGS = ["on", "off", "nopass", "resetpass", "allkeys", "resetkeys", "allchannels", "resetchannels", "allcommands",
         "nocommands", "clearselectors", "reset", "skip-sanitize-payload", "sanitize-payload", "ON", "AllKeys", "foo",
         "", ">pw", ">other", "<pw", "<nope", "#" + "a" * 64, "#" + "A" * 64, "!" + "a" * 64, "#abc", "!abc", "&", "~",
         "%", "+", "-", "+@", "-@", "(", ")", "()", "( )"]
KEYS = ["k1", "k2", "r1", "a", "k*", "x y"]
NAMES = ["c1", "c2", "news.a", "other", "c*"]


def selector_rule(chance):
    kind = chance.random()
    if kind < 0.30:
        return chance.choice("+-") + chance.choice(COMMANDS)
    if kind < 0.45:
        return chance.choice("+-") + "@" + chance.choice(CATEGORIES)
    if kind < 0.52:
        return chance.choice("+++-") + chance.choice(FIRST_ARGUMENTS)
    if kind < 0.80:
        access = chance.choice(["~", "~", "%R~", "%W~", "%RW~", "%r~", "%RR~", "%~", "%R", "%X~"])
        return access + chance.choice(PATTERNS)
    if kind < 0.92:
        return "&" + chance.choice(CHANNELS)
    return chance.choice(["allkeys", "resetkeys", "allchannels", "resetchannels", "allcommands", "nocommands", "on"])


def rule(chance):
    kind = chance.random()
    if kind < 0.65:
        return [selector_rule(chance)]
    if kind < 0.82:
        return [chance.choice(FLAGS)]
    inner = [selector_rule(chance) for _ in range(chance.randrange(5))]
    text = chance.choice(["(", "(", "( ", "(("] if chance.random() < 0.1 else ["("]) + " ".join(inner)
    text += chance.choice([")", ")", ")", ")x", ""]) if chance.random() < 0.1 else ")"
    if chance.random() < 0.1:
        text = text.replace("+get", '"+get"').replace("~k*", "'~k*'")
    return text.split(" ") if chance.random() < 0.5 else [text]


# Each form with K for a key and C for a channel.
FORMS = """
GET K|SET K v|SET K v GET|MGET K K|DEL K K|MSET K 1 K 2|COPY K K|RENAME K K|EXISTS K|TOUCH K|UNLINK K|TYPE K|TTL K
EXPIRE K 100|PERSIST K|DUMP K|OBJECT ENCODING K|MEMORY USAGE K|GETEX K|GETDEL K|GETSET K v|INCR K|STRLEN K|APPEND K v
SETRANGE K 0 v|LCS K K|BITOP AND K K K|BITFIELD K GET u8 0|BITFIELD K SET u8 0 1|BITFIELD_RO K GET u8 0
LPUSH K 1|LPOP K|LINDEX K 0|LMOVE K K LEFT LEFT|RPOPLPUSH K K|LMPOP 2 K K LEFT|HSET K f v|HGET K f
SINTERSTORE K K|SMOVE K K m|PFCOUNT K K|PFMERGE K K|XREAD STREAMS K K 0 0|XADD K * f v|XINFO STREAM K
ZADD K 1 m|ZUNION 1 K|ZUNIONSTORE K 2 K K|ZRANGESTORE K K 0 1|ZINTERCARD 1 K
SORT K|SORT K STORE K|SORT K BY w_*|SORT K BY nosort|SORT K GET #|SORT_RO K GET w_*|SORT K BY w_* STORE K
GEORADIUS K 1 1 1 km|GEORADIUS K 1 1 1 km STORE K|GEOSEARCHSTORE K K FROMLONLAT 1 1 BYRADIUS 1 km
MIGRATE 127.0.0.1 1 K 0 1|MIGRATE 127.0.0.1 1 "" 0 1 KEYS K K|WATCH K|UNWATCH|SCAN 0|KEYS *|RANDOMKEY|DBSIZE
EVAL "return 1" 1 K|EVAL_RO "return 1" 2 K K|EVAL "return redis.call('GET', KEYS[1])" 1 K
EVAL "return redis.pcall('SET', ARGV[1], 1)" 0 K|EVAL "return redis.call('PUBLISH', ARGV[1], 1)" 0 C
EVAL "return redis.acl_check_cmd('GET', ARGV[1])" 0 K|EVAL "return redis.acl_check_cmd('SET', ARGV[1], 1)" 0 K
SCRIPT LOAD "return 1"|SELECT 0|SELECT 1|PING|ECHO x|CONFIG GET hz|CLIENT ID|CLIENT GETNAME|ACL WHOAMI|ACL USERS
PUBLISH C m|SPUBLISH C m|SUBSCRIBE C|PSUBSCRIBE C|SSUBSCRIBE C|UNSUBSCRIBE C|COMMAND COUNT|LASTSAVE|DEBUG SLEEP 0
HELLO 2|AUTH nobody x|NOSUCH|GET
"""
ALL_FORMS = [shlex.split(form) for line in FORMS.split("\n") if line for form in line.split("|")]


def command(chance):
    return [chance.choice({"K": KEYS, "C": NAMES}.get(word, [word])) for word in chance.choice(ALL_FORMS)]


def bulk(reply):
    return reply.split(b"\r\n", 1)[1][:-2]


def normal(description):
    """Single commands of a selector sorted: their order is that of a hash table."""
    parts = []
    for part in description.replace(b"(", b" ( ").replace(b")", b" ) ").split(b" "):
        parts.append(part)
    out, group = [], []
    for part in parts + [b""]:
        single = part[:1] in b"+-" and part[1:2] != b"@" and part
        if single:
            group.append(part)
        else:
            out += sorted(group) + [part]
            group = []
    return b" ".join(out)


def described(client, name):
    reply = client.raw("ACL", "GETUSER", name)
    if reply.startswith((b"$-1", b"*-1", b"_")):
        return None
    return [normal(each) for each in flatten_deep(reply)]


def flatten_deep(reply):
    if reply[:1] not in b"*~%":
        return [bulk(reply) if reply[:1] == b"$" else reply]
    found = []
    for each in flatten(reply):
        found += flatten_deep(each)
    return found


def outcome(reply):
    """What is compared of an execution: the words of an error, or that it was allowed."""
    if reply[:1] == b"-":
        return reply.split(b" script: ")[0].strip()
    if reply[:1] == b"*" and b"-NOPERM" in reply:
        return reply
    return b"allowed"


def log_of(client):
    entries = []
    for entry in flatten(client.raw("ACL", "LOG", "200")):
        fields = flatten(entry)
        pairs = dict(zip((bulk(each) for each in fields[::2]), fields[1::2]))
        entries.append(tuple(pairs[each] for each in (b"count", b"reason", b"context", b"object", b"username")))
    client.raw("ACL", "LOG", "RESET")
    return entries


class Pair:
    def __init__(self, ours, theirs, failures):
        self.servers = [ours, theirs]
        self.admins = [ours.connect(), theirs.connect()]
        self.failures = failures
        self.added = self.only_ours()

    def same(self, what, answers):
        if answers[0] != answers[1]:
            self.failures.append(what)
            print(f"{what}\n  ringkv: {answers[0]!r}\n  redis:  {answers[1]!r}")
        return answers[0] == answers[1]

    def both(self, *words):
        return [each.raw(*words) for each in self.admins]

    def only_ours(self):
        """The commands that redis-server doesn't have."""
        names = [{bulk(name) for category in CATEGORIES[:-3] for name in flatten(each.raw("ACL", "CAT", category))}
                 for each in self.admins]
        return names[0] - names[1]

    def mean_the_same(self, mine, theirs):
        """Whether two descriptions of commands do. RingKV may choose other categories: some have more commands here."""
        if not mine.startswith((b"-@all", b"+@all")):
            return mine == theirs
        rules = [word for word in mine.split() if word[1:] not in self.added]
        self.admins[1].raw("ACL", "SETUSER", "again", "reset", *rules)
        read = described(self.admins[1], "again")
        self.admins[1].raw("ACL", "DELUSER", "again")
        return theirs in read


def make_user(pair, chance, seed):
    pair.both("ACL", "DELUSER", "u")
    rules = []
    for _ in range(chance.randrange(1, 6)):
        words = [word for _ in range(chance.randrange(1, 5)) for word in rule(chance)]
        rules.append(words)
        pair.same(f"seed {seed}: ACL SETUSER u {words} behind {rules[:-1]}", pair.both("ACL", "SETUSER", "u", *words))
        mine, theirs = (described(each, "u") or [] for each in pair.admins)
        has_other_words = mine != theirs
        if has_other_words and len(mine) == len(theirs) and all(map(pair.mean_the_same, mine, theirs)):
            continue
        if not pair.same(f"seed {seed}: ACL GETUSER behind {rules}", [mine, theirs]):
            break
    if not has_other_words:
        pair.same(f"seed {seed}: ACL LIST behind {rules}",
                  [[normal(bulk(line)) for line in flatten(each)] for each in pair.both("ACL", "LIST")])
    return rules


def try_commands(pair, chance, seed, rules, count):
    wanted = [command(chance) for _ in range(count)]
    for words in wanted:
        pair.same(f"seed {seed}: ACL DRYRUN u {words} behind {rules}", pair.both("ACL", "DRYRUN", "u", *words))
    pair.both("ACL", "SETUSER", "u", "on", ">secret")
    pair.both("ACL", "LOG", "RESET")
    for words in wanted:
        if words[0] in ("SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "HELLO", "WATCH") and chance.random() < 0.5:
            continue
        pair.both("FLUSHALL")
        clients = [Client(server.port) for server in pair.servers]
        pair.same(f"seed {seed}: AUTH", [each.raw("AUTH", "u", "secret") for each in clients])
        queues = chance.random() < 0.3
        if queues:
            pair.same(f"seed {seed}: MULTI behind {rules}", [outcome(each.raw("MULTI")) for each in clients])
        pair.same(f"seed {seed}: {words} behind {rules}", [outcome(each.raw(*words)) for each in clients])
        if queues:
            change = chance.choice([["-" + words[0].lower()], ["resetkeys"], ["resetchannels"], ["on"]])
            pair.both("ACL", "SETUSER", "u", *change)
            rules.append(change)
            pair.same(f"seed {seed}: EXEC of {words} behind {rules}", [outcome(each.raw("EXEC")) for each in clients])
        for each in clients:
            each.close()
    pair.same(f"seed {seed}: ACL LOG behind {rules}", [log_of(each) for each in pair.admins])


def run(seed, rounds):
    failures = []
    with start_ringkv("--enable-debug-command", "yes") as ours, start_redis("--enable-debug-command", "yes") as theirs:
        pair = Pair(ours, theirs, failures)
        for number in range(seed, seed + rounds):
            chance = random.Random(number)
            rules = make_user(pair, chance, number)
            try_commands(pair, chance, number, rules, 12)
            if len(failures) > 20:
                break
    print(f"seeds {seed} to {seed + rounds - 1}: {len(failures)} failures")
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(10**9))
    parser.add_argument("--rounds", type=int, default=500)
    arguments = parser.parse_args()
    return 1 if run(arguments.seed, arguments.rounds) else 0


if __name__ == "__main__":
    sys.exit(main())

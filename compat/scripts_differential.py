#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Sends the same generated scripts to RingKV and to redis-server and compares replies, errors and data byte for byte.

  compat/scripts_differential.py [--seed N] [--scripts N]

Scripts hold what Lua leaves open apart: they visit tables of several names in no order, and print no addresses. A
failure prints the seed and the script; the same seed makes the same scripts again. """
import argparse
import random
import re
import sys

from servers import start_redis, start_ringkv

KEYS = ["a", "b", "c", "list", "set", "hash", "zset", "number"]
TEXTS = [
    "",
    "x",
    "hello world",
    "10",
    "-5",
    "3.25",
    "1e3",
    "0x10",
    " 12 ",
    "a,b,c",
    "key:42:value",
    "%d",
    "(",
    "[a",
    "ERR some words",
    "-MY code",
    "\\0\\1\\255",
    "\\r\\n",
    "Tr\\195\\182",
    '[1,2,{\\"a\\":null}]',
    '{\\"b\\":1.5}',
]
NUMBERS = [
    "0",
    "1",
    "-1",
    "2",
    "3.7",
    "-3.7",
    "10",
    "255",
    "1e15",
    "1e16",
    "2^53",
    "-2^53",
    "1/3",
    "1e100",
    "0.1",
    "123456789012",
    "math.huge",
    "-math.huge",
]
PATTERNS = [
    "%d+",
    "%a*",
    "^%s*(.-)%s*$",
    "(%w+)",
    ".",
    "",
    "l",
    "[^,]+",
    "(.)(.)",
    "%f[%w]%w+",
    "()",
    "^k",
    "x?",
    "a-b",
    "%b()",
    "[%",
    "%",
    "(",
    "[a",
    "$",
    "[a-z]+",
    "%1",
    "(%w)%1",
]
FORMATS = [
    "%d",
    "%5d",
    "%-5d|",
    "%05.1f",
    "%x",
    "%X",
    "%o",
    "%g",
    "%e",
    "%s",
    "%10s",
    "%-10s|",
    "%.2s",
    "%q",
    "%c",
    "%%",
    "%i",
    "%u",
    "%y",
    "%",
    "%5.2f %s",
]


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.names = []

    def pick(self, choices):
        return self.random.choice(choices)

    def text(self):
        return '"%s"' % self.pick(TEXTS)

    def key(self):
        return self.pick(['"%s"' % self.pick(KEYS), "KEYS[1]", "KEYS[2]", "ARGV[1]"])

    def variable(self):
        return self.pick(self.names) if self.names and self.random.random() < 0.8 else self.number()

    def number(self):
        return self.pick(NUMBERS)

    def expressions(self, depth, low, high):
        return ", ".join(self.expression(depth) for _ in range(self.random.randint(low, high)))

    def table(self, depth):
        if self.random.random() < 0.2:
            return "{%s = %s}" % (self.pick(["a", "ok", "err", "x", "map", "set", "double"]), self.expression(depth))
        return "{%s}" % self.expressions(depth, 0, 4)

    def command(self, depth):
        k, e = self.key, lambda: self.pick([self.text(), self.number(), self.variable(), self.expression(depth)])
        arguments = self.pick(
            [
                lambda: ['"get"', k()],
                lambda: ['"set"', k(), e()],
                lambda: ['"incr"', k()],
                lambda: ['"incrby"', k(), e()],
                lambda: ['"append"', k(), e()],
                lambda: ['"del"', k()],
                lambda: ['"exists"', k(), k()],
                lambda: ['"strlen"', k()],
                lambda: ['"getrange"', k(), e(), e()],
                lambda: ['"rpush"', k(), e(), e()],
                lambda: ['"lpush"', k(), e()],
                lambda: ['"lrange"', k(), "0", "-1"],
                lambda: ['"lpop"', k()],
                lambda: ['"llen"', k()],
                lambda: ['"lpop"', k(), "2"],
                lambda: ['"sadd"', k(), e()],
                lambda: ['"sismember"', k(), e()],
                lambda: ['"scard"', k()],
                lambda: ['"hset"', k(), e(), e()],
                lambda: ['"hget"', k(), e()],
                lambda: ['"hmget"', k(), e(), e()],
                lambda: ['"hincrby"', k(), e(), e()],
                lambda: ['"hlen"', k()],
                lambda: ['"zadd"', k(), e(), e()],
                lambda: ['"zscore"', k(), e()],
                lambda: ['"zincrby"', k(), e(), e()],
                lambda: ['"zrange"', k(), "0", "-1", '"withscores"'],
                lambda: ['"zrangebyscore"', k(), '"-inf"', e()],
                lambda: ['"type"', k()],
                lambda: ['"mget"', k(), k()],
                lambda: ['"setnx"', k(), e()],
                lambda: ['"getset"', k(), e()],
                lambda: ['"expire"', k(), "10000"],
                lambda: ['"persist"', k()],
                lambda: ['"rename"', k(), k()],
                lambda: ['"ping"'],
                lambda: ['"echo"', e()],
                lambda: ['"nosuch"', e()],
                lambda: ['"get"'],
                lambda: ['"blpop"', k(), "0"],
                lambda: [e()],
                lambda: ['"multi"'],
                lambda: ['"setex"', k(), e(), e()],
                lambda: ['"bitcount"', k()],
                lambda: ['"lindex"', k(), e()],
                lambda: ['"lset"', k(), e(), e()],
                lambda: ['"linsert"', k(), '"before"', e(), e()],
            ]
        )()
        return "redis.%s(%s)" % (self.pick(["call", "call", "pcall"]), ", ".join(arguments))

    def library_call(self, depth):
        e, t = lambda: self.expression(depth), self.text
        n = lambda: self.pick([self.number(), self.variable(), str(self.random.randint(-3, 6))])
        i = lambda: str(self.random.randint(-3, 70))
        return self.pick(
            [
                lambda: "string.sub(%s, %s, %s)" % (e(), i(), i()),
                lambda: "string.len((%s))" % e(),
                lambda: "string.upper(%s)" % e(),
                lambda: "string.rep(%s, %d)" % (e(), self.random.randint(-1, 4)),
                lambda: "string.reverse(%s)" % e(),
                lambda: "string.byte(%s, %s)" % (e(), i()),
                lambda: 'string.find(%s, "%s")' % (e(), self.pick(PATTERNS)),
                lambda: 'string.match(%s, "%s")' % (e(), self.pick(PATTERNS)),
                lambda: 'string.gsub(%s, "%s", %s)'
                % (e(), self.pick(PATTERNS), self.pick([t(), '"%1"', '"%0%0"', "string.upper"])),
                lambda: 'string.format("%s", %s, %s)' % (self.pick(FORMATS), e(), e()),
                lambda: "string.char(%s)" % i(),
                lambda: "table.concat(%s, %s)" % (self.table(depth), t()),
                lambda: "table.getn(%s)" % self.table(depth),
                lambda: "unpack(%s)" % self.table(depth),
                lambda: "select(%s, %s)" % (i(), e()),
                lambda: "#%s" % self.table(depth),
                lambda: "tonumber(%s)" % e(),
                lambda: "tonumber(%s, %s)" % (t(), n()),
                lambda: "type(%s)" % e(),
                lambda: "math.floor(%s)" % e(),
                lambda: "math.max(%s, %s)" % (e(), e()),
                lambda: "math.abs(%s)" % e(),
                lambda: "math.fmod(%s, 3)" % n(),
                lambda: "pcall(error, %s)" % t(),
                lambda: "pcall(function() return %s end)" % e(),
                lambda: "cjson.encode(%s)" % e(),
                lambda: "cjson.decode(%s)" % e(),
                lambda: "cmsgpack.pack(%s)" % e(),
                lambda: "cmsgpack.unpack(%s)" % e(),
                lambda: "cmsgpack.unpack(cmsgpack.pack(%s))" % e(),
                lambda: 'struct.pack(">I2h", %s, %s)' % (n(), n()),
                lambda: 'struct.unpack(">I2", %s)' % e(),
                lambda: "bit.band(%s, 255)" % e(),
                lambda: "bit.tohex(%s)" % n(),
                lambda: "redis.sha1hex(%s)" % t(),
                lambda: "redis.error_reply(%s)" % e(),
                lambda: "redis.status_reply(%s)" % e(),
                lambda: "rawget(%s, 1)" % self.table(depth),
                lambda: "next(%s)" % self.table(depth),
                lambda: 'assert(%s, "failed")' % e(),
                lambda: 'loadstring("return " .. %s)' % self.number(),
                lambda: "setmetatable(%s, {})" % self.table(depth),
                lambda: "(function(...) return ... end)(%s)" % e(),
                lambda: "coroutine.wrap(function(...) return coroutine.yield(...) end)(%s)" % e(),
            ]
        )()

    def expression(self, depth):
        if depth <= 0:
            return self.pick(
                [
                    self.text,
                    self.number,
                    self.variable,
                    lambda: self.pick(["nil", "true", "false", "KEYS[1]", "ARGV[2]", "#KEYS"]),
                ]
            )()
        d = depth - 1
        return self.pick(
            [
                self.text,
                self.number,
                self.variable,
                self.variable,
                lambda: self.table(d),
                lambda: self.command(d),
                lambda: self.command(d),
                lambda: self.library_call(d),
                lambda: self.library_call(d),
                lambda: "(%s %s %s)"
                % (
                    self.expression(d),
                    self.pick(["+", "-", "*", "/", "%", "..", "==", "~=", "and", "or"]),
                    self.expression(d),
                ),
                lambda: "(%s < %s)" % (self.expression(d), self.expression(d)),
                lambda: "(not %s)" % self.expression(d),
                lambda: "(-%s)" % self.pick(["5", "1.5", self.table(d)] + self.names),
                lambda: "(%s):len()" % self.expression(d),
            ]
        )()

    def block(self, depth, count):
        kept = len(self.names)
        lines = [self.statement(depth) for _ in range(self.random.randint(1, count))]
        del self.names[kept:]
        return " ".join(lines)

    def local(self, depth):
        expression = self.expression(depth)
        name = "v%d" % self.random.randint(0, 9)
        self.names.append(name)
        return "local %s = %s" % (name, expression)

    def statement(self, depth):
        d = depth - 1
        if depth <= 0:
            return self.pick([lambda: self.local(1), lambda: self.command(1)])()
        return self.pick(
            [
                lambda: self.local(depth),
                lambda: self.local(depth),
                lambda: self.command(depth),
                lambda: "if %s then %s else %s end" % (self.expression(d), self.block(d, 2), self.block(d, 2)),
                lambda: "for i = %s, %d do %s end"
                % (self.pick(["1", "2", "-1"]), self.random.randint(0, 5), self.block(d, 2)),
                lambda: "for i, v in ipairs(%s) do %s end" % (self.table(d), self.block(d, 2)),
                lambda: "do %s end" % self.block(d, 3),
                lambda: "error(%s)" % self.text() if self.random.random() < 0.2 else self.local(d),
                lambda: "redis.setresp(%s)" % self.pick(["2", "3"]),
                lambda: "%s = %s" % (self.pick(self.names), self.expression(d)) if self.names else self.local(d),
                lambda: self.pick(["x = 1", "redis.x = 1", "local y = nosuch", 'KEYS[1] = "b"', "string.len = 1"])
                if self.random.random() < 0.1
                else self.local(d),
            ]
        )()

    def script(self):
        self.names = []
        lines = [self.statement(3) for _ in range(self.random.randint(1, 6))]
        lines.append("return " + self.expressions(3, 1, 1))
        return self.pick(["\n", " "]).join(lines)


def comparable(reply):
    """Without what the interpreters tell differently: whence a value of the wrong type came, and the order of keys."""
    if b"ignore_error_stats_update" in reply:
        return bytes(sorted(reply))
    return re.sub(rb" (local|global|field|upvalue|method) '[^']*' \((a \w+ value)\)", rb" \2", reply)


def read_all(client):
    def read(*arguments):
        return comparable(client.raw(*arguments))

    def read_unordered(*arguments):
        return sorted(read(*arguments).split(b"\r\n"))

    return {
        key: [
            read("TYPE", key),
            read("GET", key),
            read("LRANGE", key, 0, -1),
            read_unordered("SMEMBERS", key),
            read_unordered("HGETALL", key),
            read("ZRANGE", key, 0, -1, "WITHSCORES"),
        ]
        for key in KEYS
    }


def differs(seed, number, script, theirs, ours):
    print(
        "seed %d, script %d:\n%s\nredis-server: %r\nRingKV:       %r"
        % (seed, number, script, theirs[:500], ours[:500])
    )
    return 1


def compare(seed, count, peers):
    redis, ringkv = peers
    generator = Generator(seed)
    differences = 0
    for number in range(count):
        script = generator.script()
        arguments = [
            "EVAL",
            script.encode("latin-1"),
            2,
            generator.pick(KEYS),
            generator.pick(KEYS),
            generator.pick(KEYS),
            "7",
        ]
        theirs, ours = comparable(redis.raw(*arguments)), comparable(ringkv.raw(*arguments))
        if theirs != ours and b": 0x" not in theirs:
            differences += differs(seed, number, script, theirs, ours)
            if differences >= 20:
                return differences
        if number % 50 == 49 or theirs != ours:
            theirs, ours = read_all(redis), read_all(ringkv)
            if theirs != ours:
                key = next(key for key in theirs if theirs[key] != ours[key])
                differences += differs(
                    seed, number, "data of " + key + " after\n" + script, repr(theirs[key]), repr(ours[key])
                )
            for client in peers:
                client.raw("FLUSHALL")
    return differences


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--scripts", type=int, default=3000)
    options = parser.parse_args()
    print("seed %d" % options.seed)
    redis, ringkv = start_redis(), start_ringkv()
    try:
        differences = 0
        for protocol in (2, 3):
            peers = [redis.connect(), ringkv.connect()]
            for client in peers:
                client.raw("FLUSHALL")
                client.raw("HELLO", protocol)
            differences += compare(options.seed + protocol, options.scripts // 2, peers)
    finally:
        redis.stop()
        ringkv.stop()
    if differences:
        sys.exit("%d differences" % differences)
    print("%d scripts, no difference" % options.scripts)


if __name__ == "__main__":
    main()

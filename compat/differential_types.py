# SPDX-License-Identifier: MIT
"""Random commands on hashes, lists, sets and sorted sets, for differential.py."""
from resp import flatten

FIELDS = ["f", "g", "h", "1", "2", "-7", "300", "70000", "5000000000", "007", "", "bin\x00\r\nary", "x" * 20, "y" * 90]
AMOUNTS = ["1", "-1", "0.5", "100", "1e3", "x", "", "9223372036854775807", "-2.25"]
SCORES = ["0", "1", "-1", "2", "2.5", "1e3", "inf", "-inf", "+inf", "nan", "x", "", "1e-5", "3.14159", "17", "0x10",
          "1000000000000000000", "-0"]
RANKS = ["0", "1", "2", "3", "5", "-1", "-2", "-4", "100", "-100", "x", "9223372036854775807"]
COUNTS = ["0", "1", "2", "3", "10", "-1", "-3", "x", "-9223372036854775808"]
LEX = ["-", "+", "[f", "(f", "[", "(", "[x", "f", "", "[1", "(h", "+x"]


def commands(generator):
    """Functions that make one command each."""
    g = generator
    pick, some = g.pick, g.some
    key = lambda: pick(["h", "h2", "l", "l2", "s", "s2", "s3", "z", "z2", "z3", "a"])
    h = lambda: pick(["h", "h2", "h", "h2", "h", "l", "a"])
    l = lambda: pick(["l", "l2", "l", "l2", "l", "s", "a"])
    s = lambda: pick(["s", "s2", "s3", "s", "s2", "s3", "z", "a"])
    z = lambda: pick(["z", "z2", "z3", "z", "z2", "z3", "s", "h"])
    names = lambda: pick(["zn", "zn2", "zn", "l"])  # all scores are equal in these: ranges of names need that
    f = lambda: pick(FIELDS)
    v = lambda: pick(FIELDS + ["10", "v", "3.5"])
    score = lambda: pick(SCORES)
    rank = lambda: pick(RANKS)
    count = lambda: pick(COUNTS)
    bound = lambda: pick(["(", ""]) + pick(SCORES)
    lex = lambda: pick(LEX)
    limit = lambda: pick([[], [], ["LIMIT", rank(), rank()], ["LIMIT", "1"]])
    side = lambda: pick(["LEFT", "RIGHT", "left", "x"])
    pairs = lambda: sum(([f(), v()] for _ in range(g.random.randint(1, 4))), [])
    scored = lambda: sum(([score(), f()] for _ in range(g.random.randint(1, 3))), [])
    numbered = lambda make, low=1: (
        lambda keys: [pick([str(len(keys))] * 8 + ["0", "x", "9", "-1"]), *keys])(some(make, low, 3))
    scan = lambda: [pick(["0", "0", "0", "x"]), *pick([["COUNT", "100000"], ["MATCH", "*", "COUNT", "100000"],
                    ["COUNT", "100000", "MATCH", "[a-h]"], ["COUNT", "0"], ["COUNT", "x"], ["x"]])]
    join = lambda: [*pick([[], [], ["WEIGHTS", *some(score, 1, 3)]]),
                    *pick([[], [], ["AGGREGATE", pick(["SUM", "MIN", "max", "x"])]])]
    return [
        lambda: ["HSET", h(), *pairs()], lambda: ["HSET", h(), f(), v(), f()], lambda: ["HMSET", h(), *pairs()],
        lambda: ["HSETNX", h(), f(), v()], lambda: ["HGET", h(), f()], lambda: ["HMGET", h(), *some(f, 1, 4)],
        lambda: ["HGETALL", h()], lambda: ["HDEL", h(), *some(f, 1, 4)], lambda: ["HLEN", h()],
        lambda: ["HSTRLEN", h(), f()], lambda: ["HEXISTS", h(), f()], lambda: ["HKEYS", h()], lambda: ["HVALS", h()],
        lambda: ["HINCRBY", h(), f(), pick(AMOUNTS)], lambda: ["HINCRBYFLOAT", h(), f(),
                                                               pick(AMOUNTS + ["inf", "nan"])],
        lambda: ["HRANDFIELD", h(), *pick([[], [count()], [count(), "WITHVALUES"], [count(), "x"]])],
        lambda: ["HSCAN", h(), *scan()],
        lambda: ["LPUSH", l(), *some(v, 1, 4)], lambda: ["RPUSH", l(), *some(v, 1, 4)],
        lambda: ["LPUSHX", l(), *some(v, 1, 2)], lambda: ["RPUSHX", l(), *some(v, 1, 2)],
        lambda: ["LPOP", l(), *pick([[], [], [count()], ["1", "2"]])],
        lambda: ["RPOP", l(), *pick([[], [], [count()], ["1", "2"]])], lambda: ["LLEN", l()],
        lambda: ["LRANGE", l(), rank(), rank()], lambda: ["LINDEX", l(), rank()], lambda: ["LSET", l(), rank(), v()],
        lambda: ["LINSERT", l(), pick(["BEFORE", "AFTER", "after", "x"]), v(), v()],
        lambda: ["LREM", l(), count(), v()], lambda: ["LTRIM", l(), rank(), rank()] if g.random.random() < 0.3
        else ["LLEN", l()],
        lambda: ["LPOS", l(), v(), *pick([[], ["RANK", rank()]]), *pick([[], ["COUNT", count()]]),
                 *pick([[], ["MAXLEN", count()]])],
        lambda: ["LMOVE", l(), l(), side(), side()], lambda: ["RPOPLPUSH", l(), l()],
        lambda: ["LMPOP", *numbered(l), side(), *pick([[], ["COUNT", count()], ["COUNT", "1", "COUNT", "1"]])],
        lambda: ["SADD", s(), *some(f, 1, 4)], lambda: ["SADD", s(),
                                                        *some(lambda: str(g.random.randint(-9, 40)), 1, 4)],
        lambda: ["SREM", s(), *some(f, 1, 4)], lambda: ["SMEMBERS", s()], lambda: ["SISMEMBER", s(), f()],
        lambda: ["SMISMEMBER", s(), *some(f, 1, 4)], lambda: ["SCARD", s()],
        lambda: ["SPOP", s(), *pick([["100"], ["0"], ["x"], ["-1"], ["1", "2"]])] if g.random.random() < 0.2
        else ["SCARD", s()],
        lambda: ["SRANDMEMBER", s(), *pick([[], [count()], ["1", "2"]])], lambda: ["SMOVE", s(), s(), f()],
        lambda: ["SINTER", *some(s, 1, 3)], lambda: ["SUNION", *some(s, 1, 3)], lambda: ["SDIFF", *some(s, 1, 3)],
        lambda: ["SINTERSTORE", s(), *some(s, 1, 3)], lambda: ["SUNIONSTORE", s(), *some(s, 1, 3)],
        lambda: ["SDIFFSTORE", s(), *some(s, 1, 3)],
        lambda: ["SINTERCARD", *numbered(s), *pick([[], ["LIMIT", count()], ["x"]])], lambda: ["SSCAN", s(), *scan()],
        lambda: ["ZADD", z(), *some(lambda: pick(["NX", "XX", "GT", "LT", "CH", "INCR", "ch"]), 0, 2), *scored()],
        lambda: ["ZADD", z(), *scored()], lambda: ["ZADD", z(), "1", "a", "2"], lambda: ["ZINCRBY", z(), score(), f()],
        lambda: ["ZSCORE", z(), f()], lambda: ["ZMSCORE", z(), *some(f, 1, 3)], lambda: ["ZCARD", z()],
        lambda: ["ZCOUNT", z(), bound(), bound()], lambda: ["ZADD", names(), "0", f(), "0", f()],
        lambda: ["ZLEXCOUNT", names(), lex(), lex()], lambda: ["ZRANK", z(), f()], lambda: ["ZREVRANK", z(), f()],
        lambda: ["ZREM", z(), *some(f, 1, 3)], lambda: ["ZRANGE", z(), rank(), rank(),
                                                        *pick([[], ["WITHSCORES"], ["REV"], ["REV", "WITHSCORES"],
                                                               limit()])],
        lambda: ["ZRANGE", z(), bound(), bound(), "BYSCORE", *pick([[], ["REV"]]), *limit(),
                 *pick([[], ["WITHSCORES"]])],
        lambda: ["ZRANGE", names(), lex(), lex(), "BYLEX", *pick([[], ["REV"]]), *limit(),
                 *pick([[], [], ["WITHSCORES"]])],
        lambda: ["ZRANGESTORE", z(), z(), bound(), bound(), "BYSCORE", *pick([[], ["REV"]]), *limit(),
                 *pick([[], [], ["WITHSCORES"]])],
        lambda: ["ZRANGESTORE", z(), z(), rank(), rank(), *pick([[], ["REV"]])],
        lambda: ["ZREVRANGE", z(), rank(), rank(), *pick([[], ["WITHSCORES"], ["x"], limit()])],
        lambda: ["ZRANGEBYSCORE", z(), bound(), bound(), *limit(), *pick([[], ["WITHSCORES"], ["REV"]])],
        lambda: ["ZREVRANGEBYSCORE", z(), bound(), bound(), *limit(), *pick([[], ["WITHSCORES"]])],
        lambda: ["ZRANGEBYLEX", names(), lex(), lex(), *limit()], lambda: ["ZREVRANGEBYLEX", names(), lex(), lex(),
                                                                           *limit()],
        lambda: pick([["ZREMRANGEBYRANK", z(), rank(), rank()], ["ZREMRANGEBYSCORE", z(), bound(), bound()],
                      ["ZREMRANGEBYLEX", names(), lex(), lex()]]) if g.random.random() < 0.3 else ["ZCARD", z()],
        lambda: ["ZPOPMIN", z(), *pick([[], [count()], ["1", "2"]])], lambda: ["ZPOPMAX", z(), *pick([[], [count()]])],
        lambda: ["ZMPOP", *numbered(z), pick(["MIN", "MAX", "x"]), *pick([[], ["COUNT", count()]])],
        lambda: ["ZRANDMEMBER", z(), *pick([[], [count()], [count(), "WITHSCORES"], [count(), "x"]])],
        lambda: ["ZUNION", *numbered(z), *join(), *pick([[], ["WITHSCORES"]])],
        lambda: ["ZINTER", *numbered(z), *join(), *pick([[], ["WITHSCORES"]])],
        lambda: ["ZDIFF", *numbered(z), *pick([[], ["WITHSCORES"], join()])],
        lambda: ["ZUNIONSTORE", z(), *numbered(z), *join()], lambda: ["ZINTERSTORE", z(), *numbered(z), *join()],
        lambda: ["ZDIFFSTORE", z(), *numbered(z)], lambda: ["ZINTERCARD", *numbered(z),
                                                            *pick([[], ["LIMIT", count()]])],
        lambda: ["ZSCAN", z(), *scan()],
        lambda: ["TYPE", key()], lambda: ["OBJECT", "ENCODING", key()], lambda: ["DEL", key()],
        lambda: ["RENAME", key(), key()], lambda: ["COPY", key(), key(), *pick([[], ["REPLACE"]])],
        lambda: ["EXPIRE", key(), pick(["1000", "0", "5000"])], lambda: ["PERSIST", key()], lambda: ["TTL", key()],
        lambda: ["SET", key(), v()], lambda: ["GET", key()], lambda: ["APPEND", key(), v()], lambda: ["INCR", key()],
        lambda: ["SETRANGE", key(), "2", v()], lambda: ["GETSET", key(), v()], lambda: ["SETNX", key(), v()],
        lambda: ["MGET", *some(key, 1, 3)], lambda: ["GETEX", key(), "PERSIST"], lambda: ["BITCOUNT", key()],
        lambda: ["SCAN", "0", "COUNT", "100000", "TYPE", pick(["hash", "list", "set", "zset", "string", "x"])],
        lambda: ["MULTI"], lambda: ["EXEC"], lambda: ["WATCH", key()], lambda: ["HELLO", pick(["2", "3"])],
        lambda: ["SELECT", pick(["0", "0", "0", "1"])], lambda: ["MOVE", key(), "1"],
    ]


UNORDERED = {"HKEYS", "HVALS", "SMEMBERS", "SINTER", "SUNION", "SDIFF", "SPOP"}
RANDOM = {"HRANDFIELD", "SRANDMEMBER", "ZRANDMEMBER"}


def comparable(name, reply, is_rebuilt):
    """The reply without random parts and without the order of a hash; None if it has neither.

    What was large and has shrunk is small again after a restart, as it is in redis-server; only one of them restarts.
    """
    if reply[:1] not in (b"*", b"~", b"%"):
        return b"one" if name in RANDOM and reply[:1] == b"$" and reply != b"$-1\r\n" else None
    if name in UNORDERED:
        return reply[:1], sorted(flatten(reply))
    if name == "HGETALL":
        parts = flatten(reply)
        return reply[:1], sorted(zip(parts[::2], parts[1::2]))
    if name in ("HSCAN", "ZSCAN"):
        cursor, found = flatten(reply)
        parts = flatten(found)
        values = parts[1::2]
        if name == "ZSCAN" and is_rebuilt:
            values = [float(value.split(b"\r\n")[1]) for value in values]
        return cursor, sorted(zip(parts[::2], values))
    if name == "SSCAN":
        cursor, found = flatten(reply)
        return cursor, sorted(flatten(found))
    if name in RANDOM:
        return reply.split(b"\r\n")[0]
    return None

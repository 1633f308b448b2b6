#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every command with a time or a number, with extreme values, against redis-server: the replies
and what is there afterwards are the same.

  compat/edges.py [--only WORD]
"""
import argparse
import re
import sys

from differential_streams import without_activity
from servers import start_redis, start_ringkv

EDGES = ["0", "1", "-1", "-0", "+1", "01", "1.5", "1e3", "0x10", "", " 1", "1 ", "abc", "inf", "-inf", "nan", "1e308",
         "1e400", "-1e400", "2147483647", "2147483648", "-2147483648", "-2147483649", "4294967295", "4294967296",
         "9007199254740993", "9223372036854774", "9223372036854775", "9223372036854776", "9223372036854777",
         "-9223372036854775", "-9223372036854776", "4611686018427387904", "9223370000000000000", "9223372036854774807",
         "9223372036854775000", "9223372036854775306", "9223372036854775307", "9223372036854775308",
         "9223372036854775806", "9223372036854775807", "9223372036854775808", "-9223372036854775807",
         "-9223372036854775808", "-9223372036854775809", "18446744073709551614", "18446744073709551615",
         "18446744073709551616", "-18446744073709551615", "99999999999999999999999999"]
# As offsets these are hundreds of megabytes.
SMALL = [edge for edge in EDGES if not re.fullmatch(r"[1-9][0-9]{5,9}", edge)]
# A count below zero is the size of the reply, one is by chance.
FEW = [edge for edge in EDGES if not re.fullmatch(r"1|-1|-[1-9][0-9]{6,}", edge)]

SETUP = [["FLUSHALL"], ["SET", "s", "10"], ["SET", "t", "10", "EX", "1000"], ["RPUSH", "l", "a", "b", "c"],
         ["SADD", "set", "a", "b", "c"], ["HSET", "h", "f", "10", "g", "2"],
         ["ZADD", "z", "1", "a", "2", "b", "3", "c"], ["XADD", "x", "5-5", "f", "v"], ["XADD", "x", "6-0", "f", "v"],
         ["XGROUP", "CREATE", "x", "g", "0"], ["XREADGROUP", "GROUP", "g", "c", "COUNT", "1", "STREAMS", "x", ">"],
         ["GEOADD", "geo", "13.4", "52.5", "berlin"]]
PROBES = [["PEXPIRETIME", "s"], ["PTTL", "s"], ["TTL", "s"], ["PEXPIRETIME", "t"], ["EXPIRETIME", "t"], ["TTL", "t"],
          ["GET", "s"], ["GET", "t"], ["LRANGE", "l", "0", "-1"], ["SCARD", "set"], ["HGETALL", "h"],
          ["ZRANGE", "z", "0", "-1", "WITHSCORES"], ["XRANGE", "x", "-", "+"], ["XINFO", "STREAM", "x"],
          ["XINFO", "GROUPS", "x"], ["XPENDING", "x", "g", "-", "+", "10"], ["EXISTS", "new"], ["PTTL", "new"],
          ["OBJECT", "ENCODING", "s"]]

TOLERANCES = {"PTTL": 5000, "TTL": 5, "EXPIRETIME": 5, "XPENDING": 5000}

TIMES = ["EXPIRE s E", "PEXPIRE s E", "EXPIREAT s E", "PEXPIREAT s E", "EXPIRE t E GT", "PEXPIREAT t E LT",
         "EXPIREAT t E XX", "PEXPIRE t E NX", "SET s v EX E", "SET s v PX E", "SET s v EXAT E", "SET s v PXAT E",
         "SETEX s E v", "PSETEX s E v", "GETEX s EX E", "GETEX s PX E", "GETEX s EXAT E", "GETEX s PXAT E",
         "RESTORE new E DUMP", "RESTORE new E DUMP ABSTTL", "RESTORE s E DUMP REPLACE ABSTTL",
         "RESTORE new 0 DUMP IDLETIME E", "RESTORE new 0 DUMP FREQ E", "CLIENT PAUSE E WRITE", "BLPOP l E", "BRPOP l E",
         "BLMOVE l l LEFT RIGHT E", "BRPOPLPUSH l l E", "BLMPOP E 1 l LEFT", "BZPOPMIN z E", "BZPOPMAX z E",
         "BZMPOP E 1 z MIN", "XREAD BLOCK E STREAMS x 0", "XREADGROUP GROUP g c BLOCK E STREAMS x >", "WAIT 0 E",
         "XCLAIM x g d E 5-5", "XCLAIM x g d 0 5-5 IDLE E", "XCLAIM x g d 0 5-5 TIME E", "XAUTOCLAIM x g d E 0",
         "XPENDING x g IDLE E - + 10"]
NUMBERS = [
    "INCRBY s E", "DECRBY s E", "INCRBYFLOAT s E", "HINCRBY h f E", "HINCRBYFLOAT h f E", "ZADD z E m",
    "ZADD z INCR E a", "ZINCRBY z E a", "GETRANGE s E -1", "GETRANGE s 0 E", "SUBSTR s E E", "GETBIT s E",
    "BITCOUNT s E -1", "BITCOUNT s 0 E", "BITCOUNT s E E BIT", "BITPOS s 1 E", "BITPOS s 0 0 E", "BITPOS s E",
    "BITPOS s 1 E E BIT", "BITFIELD s GET u8 E", "BITFIELD s GET u8 #E", "BITFIELD s SET i64 0 E",
    "BITFIELD s SET u8 0 E", "BITFIELD s INCRBY i64 0 E", "BITFIELD s OVERFLOW SAT INCRBY u63 0 E",
    "BITFIELD s OVERFLOW FAIL INCRBY i8 0 E", "BITFIELD s GET uE 0", "LRANGE l E -1", "LRANGE l 0 E", "LINDEX l E",
    "LSET l E v", "LTRIM l E -1", "LTRIM l 0 E", "LREM l E a", "LPOP l E", "RPOP l E", "LPOS l a RANK E",
    "LPOS l a COUNT E", "LPOS l a MAXLEN E", "LMPOP E l LEFT", "LMPOP 1 l LEFT COUNT E", "BLMPOP 1 1 l LEFT COUNT E",
    "ZRANGE z E -1", "ZRANGE z 0 E", "ZREVRANGE z E E", "ZRANGE z E inf BYSCORE", "ZRANGE z (E inf BYSCORE",
    "ZRANGE z -inf E BYSCORE LIMIT E 1", "ZRANGE z -inf inf BYSCORE LIMIT 0 E", "ZRANGEBYSCORE z E E",
    "ZRANGEBYSCORE z -inf inf LIMIT E E", "ZCOUNT z E +inf", "ZCOUNT z -inf (E", "ZPOPMIN z E", "ZPOPMAX z E",
    "ZMPOP E z MIN", "ZMPOP 1 z MIN COUNT E", "ZREMRANGEBYRANK z E -1", "ZREMRANGEBYRANK z 0 E",
    "ZREMRANGEBYSCORE z E 2", "ZREMRANGEBYSCORE z 2 E", "ZRANGESTORE new z E -1", "SINTERCARD E set",
    "SINTERCARD 1 set LIMIT E", "ZINTERCARD 1 z LIMIT E", "ZUNION E z", "ZUNION 1 z WEIGHTS E WITHSCORES",
    "ZUNIONSTORE new E z", "ZUNIONSTORE new 1 z WEIGHTS E", "XADD x E f v", "XADD x E-1 f v", "XADD x E-* f v",
    "XADD x 7-E f v", "XADD new E-E f v", "XADD x MAXLEN E * f v", "XADD x MAXLEN ~ 1 LIMIT E * f v",
    "XADD x MINID E 7-7 f v", "XRANGE x E +", "XRANGE x - E", "XRANGE x (E +", "XRANGE x - (E-E",
    "XRANGE x - + COUNT E", "XREVRANGE x + E", "XREVRANGE x + - COUNT E", "XTRIM x MAXLEN E", "XTRIM x MINID E",
    "XTRIM x MINID 5-E", "XTRIM x MAXLEN ~ 1 LIMIT E", "XDEL x E", "XDEL x E-E", "XSETID x E", "XSETID x E-E",
    "XSETID x 9-9 ENTRIESADDED E MAXDELETEDID 1-1", "XSETID x 9-9 ENTRIESADDED 9 MAXDELETEDID E", "XGROUP CREATE x n E",
    "XGROUP CREATE x n 0 ENTRIESREAD E", "XGROUP SETID x g E", "XGROUP SETID x g 0 ENTRIESREAD E",
    "XREAD COUNT E STREAMS x 0", "XREAD STREAMS x E", "XREADGROUP GROUP g c COUNT E STREAMS x >",
    "XREADGROUP GROUP g c STREAMS x E", "XACK x g E", "XCLAIM x g d 0 E", "XCLAIM x g d 0 5-5 RETRYCOUNT E",
    "XCLAIM x g d 0 5-5 LASTID E", "XAUTOCLAIM x g d 0 E", "XAUTOCLAIM x g d 0 0 COUNT E", "XPENDING x g E + 10",
    "XPENDING x g - E 10", "XPENDING x g - + E", "XINFO STREAM x FULL COUNT E", 
    "GEOADD geo E 1 m", "GEOADD geo 1 E m", "GEOSEARCH geo FROMLONLAT 13 52 BYRADIUS E km",
    "GEOSEARCH geo FROMLONLAT E 52 BYRADIUS 100 km", "GEOSEARCH geo FROMLONLAT 13 52 BYBOX E 1 km",
    "GEOSEARCH geo FROMLONLAT 13 52 BYRADIUS 100 km COUNT E", "SELECT E", "MOVE s E", "COPY s new DB E", "SWAPDB 0 E",
    "SORT l BY nosort LIMIT E 1", "SORT l BY nosort LIMIT 0 E", "LCS s t IDX MINMATCHLEN E", "CLIENT KILL ID E",
    "CLIENT UNBLOCK E", "WAIT E 1", "SLOWLOG GET E", "MEMORY USAGE nosuch SAMPLES E", "HELLO E", "CONFIG SET timeout E",
    "CONFIG SET slowlog-log-slower-than E", "CONFIG SET lfu-decay-time E", "CONFIG SET latency-monitor-threshold E",
    "OBJECT FREQ E", "BITOP NOT new E"]
WITH_OFFSETS = ["SETRANGE s E x", "SETBIT s E 1", "BITFIELD s SET u8 E 1", "BITFIELD s SET u8 #E 1"]
COUNTS = ["SPOP set E", "SCAN 0 COUNT E", "HSCAN h 0 COUNT E", "SSCAN set 0 COUNT E", "ZSCAN z 0 COUNT E",
          "CLIENT LIST ID E", "SRANDMEMBER set E", "HRANDFIELD h E", "HRANDFIELD h E WITHVALUES", "ZRANDMEMBER z E",
          "ZRANDMEMBER z E WITHSCORES"]


def words_of(template, edge, dump):
    return [dump if word == "DUMP" else word.replace("E", edge) if re.fullmatch(r"[(#u]?E(-E|-1|-\*)?|[57]-E", word)
            else word
            for word in template.split(" ")]


def is_alike(mine, redis, tolerance):
    """In any order, and with so much between two numbers; times as they are now are far above 10^12 and may differ by
    some seconds."""
    words = [reply.split() for reply in (mine, redis)]
    return any(len(a) == len(b) and all(x == y or are_near(x, y, tolerance) for x, y in zip(a, b))
               for a, b in (words, map(sorted, words)))


def are_near(x, y, tolerance):
    numbers = [re.fullmatch(rb":?(-?\d{1,25})(-\d+)?", each) for each in (x, y)]
    if not all(numbers) or numbers[0].group(2) != numbers[1].group(2):
        return False
    x, y = (int(each.group(1)) for each in numbers)
    return abs(x - y) <= (5000 if min(x, y) > 10 ** 12 else tolerance)


def is_known(command, mine, redis):
    """Where a number leaves redis-server's range and comes back with another sign, or it asks for memory for as
    many."""
    return b"COUNT too high" in redis or b"bit offset is not" in mine or any("--" in str(word) for word in command) \
        or (command[0] == "RESTORE" and len(command) == 4 and len(command[2]) == 19) \
        or (command[0] == "LPOS" and command[4:] == ["-9223372036854775808"])


def shown(reply):
    return reply if len(reply) < 200 else reply[:200] + b"..."


class Pair:
    def __init__(self, ours, theirs):
        self.servers = (ours, theirs)
        self.clients = [server.connect() for server in self.servers]
        self.dump = self.clients[1].raw("SET", "s", "v") and self.clients[1].raw("DUMP", "s").split(b"\r\n", 1)[1][:-2]

    def both(self, command):
        replies = [client.raw(*command) for client in self.clients]
        return [without_activity(reply) for reply in replies] if command[0] == "XINFO" else replies

    def pipelined(self, commands):
        replies = []
        for client in self.clients:
            client.socket.sendall(b"".join(client.encode(command) for command in commands))
            replies.append([client.read_raw() for _ in commands])
        return replies

    def differs(self, template, edge):
        command = words_of(template, edge, self.dump)
        self.pipelined([["SELECT", "0"], ["HELLO", "2"], ["CONFIG", "SET", "timeout", "0", "slowlog-log-slower-than",
                                                          "-1"], ["SLOWLOG", "RESET"], *SETUP])
        replies = self.both(command)
        if template.startswith("CLIENT PAUSE"):
            self.both(["CLIENT", "UNPAUSE"])
        if replies[0] != replies[1] and is_known(command, *replies):
            return False
        if not is_alike(*replies, TOLERANCES.get(command[0], 0)):
            print(f"{command!r}\n  ringkv: {shown(replies[0])!r}\n  redis:  {shown(replies[1])!r}")
            return True
        mine, redis = self.pipelined(PROBES)
        for probe, a, b in zip(PROBES, mine, redis):
            if not is_alike(a, b, TOLERANCES.get(probe[0], 0)) and not is_known(command, *replies):
                print(f"{command!r}: {replies[0]!r}, then {probe!r}\n  ringkv: {shown(a)!r}\n  redis:  {shown(b)!r}")
                return True
        return False


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    different = 0
    with start_ringkv() as ours, start_redis() as theirs:
        pair = Pair(ours, theirs)
        for templates, edges in ((TIMES, EDGES[:1] + EDGES[2:] + ["5000"]), (NUMBERS, EDGES), (WITH_OFFSETS, SMALL),
                                 (COUNTS, FEW)):
            for template in templates:
                if arguments.only in template:
                    different += sum(pair.differs(template, edge) for edge in edges)
    if different:
        print(f"{different} are different")
        return 1
    print("numbers from the ends of the line are taken alike")
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Client-side caching (CLIENT TRACKING): replies and invalidations of the same scripts, RingKV beside redis-server,
byte for byte. Then what redis-server does not do, or does by chance."""
import re
import select
import sys
import time

from pubsub import Reader
from servers import eventually, start_redis, start_ringkv

# "client: command; command": sent at once, then everybody reads. A client called r3... speaks RESP3. {x} is the id of
# client x.
SCRIPTS = {
    "arguments": """
        r3: CLIENT TRACKING
        r3: CLIENT TRACKING maybe
        r3: CLIENT TRACKING ON NOW
        r3: CLIENT TRACKING ON REDIRECT
        r3: CLIENT TRACKING ON REDIRECT x
        r3: CLIENT TRACKING ON REDIRECT 0
        r3: CLIENT TRACKING ON REDIRECT -1
        r3: CLIENT TRACKING ON REDIRECT 99999
        r3: CLIENT TRACKING ON REDIRECT {a} REDIRECT {a}
        r3: CLIENT TRACKING ON PREFIX
        r3: CLIENT TRACKING ON PREFIX p
        r3: CLIENT TRACKING OFF PREFIX p
        r3: CLIENT TRACKING maybe NOW
        r3: CLIENT TRACKING ON BCAST OPTIN
        r3: CLIENT TRACKING ON BCAST OPTOUT
        r3: CLIENT TRACKING ON OPTIN OPTOUT
        r3: CLIENT TRACKING ON BCAST PREFIX ab PREFIX abc
        r3: CLIENT TRACKING ON BCAST PREFIX abc PREFIX x PREFIX ab
        r3: CLIENT TRACKING ON BCAST PREFIX ab PREFIX ab
        r3: CLIENT TRACKINGINFO
        r3: CLIENT GETREDIR
        r3: CLIENT CACHING
        r3: CLIENT CACHING yes
        r3: CLIENT CACHING yes no
        r3: CLIENT GETREDIR x
        r3: CLIENT TRACKINGINFO x
        a: CLIENT TRACKINGINFO""",
    "modes": """
        r3: CLIENT TRACKING ON BCAST PREFIX b PREFIX a
        r3: CLIENT TRACKINGINFO
        r3: CLIENT TRACKING ON BCAST PREFIX abc
        r3: CLIENT TRACKING ON BCAST PREFIX b
        r3: CLIENT TRACKING ON BCAST PREFIX c NOLOOP
        r3: CLIENT TRACKINGINFO
        r3: CLIENT TRACKING ON
        r3: CLIENT TRACKING ON OPTIN
        r3: CLIENT TRACKING ON BCAST
        r3: CLIENT TRACKINGINFO
        r3: CLIENT CACHING yes
        r3: CLIENT TRACKING off
        r3: CLIENT TRACKINGINFO
        r3: CLIENT TRACKING on optin
        r3: CLIENT TRACKING ON OPTOUT
        r3: CLIENT CACHING no
        r3: CLIENT CACHING maybe
        r3: CLIENT CACHING yes
        r3: CLIENT TRACKINGINFO
        r3: CLIENT TRACKING ON OPTIN NOLOOP
        r3: CLIENT TRACKINGINFO
        r3: CLIENT TRACKING ON
        r3: CLIENT TRACKING ON OPTOUT
        r3: CLIENT CACHING yes
        r3: CLIENT CACHING no; CLIENT TRACKINGINFO; CLIENT TRACKINGINFO
        r3: CLIENT TRACKINGINFO
        r3: RESET
        r3: CLIENT TRACKINGINFO""",
    "keys that were read": """
        r3: CLIENT TRACKING ON
        r3: GET k; GET k
        w: SET k 1
        w: SET k 2
        r3: GET k; SET k 3; GET k; SET k 4; PING
        r3: MGET a b c
        w: MSET c 1 a 1 b 1
        r3: GET k
        w: SELECT 1; SET k 1; SELECT 0
        r3: EXISTS q; TTL k; TYPE k; STRLEN k
        w: EXPIRE k 100; SET q 1
        r3: GET k
        w: DEL nosuch; SETNX k 1; APPEND nosuch x; DEL k
        w: SADD s x
        r3: SMEMBERS s
        w: SADD s x
        w: SADD s y
        r3: GET s
        w: SADD s z
        r3: GET a1; GET a2
        w: SET a1 1; RENAME a1 a2
        r3: GET a2
        w: COPY a2 a3; MOVE a2 5
        r3: HGETALL h; LRANGE l 0 -1; ZRANGE z 0 -1; PFCOUNT p; XRANGE x - +; GETBIT bits 1; GEOPOS g m
        w: HSET h f v; RPUSH l a; ZADD z 1 a; PFADD p a; XADD x 1-1 f v; SETBIT bits 1 1; GEOADD g 1 1 m
        r3: XRANGE x - +
        w: XGROUP CREATE x group $
        w: XADD x 1-2 f v
        r3: SET own 1; GET own; DEL own
        r3: SORT_RO l ALPHA; OBJECT ENCODING l; KEYS none; DBSIZE
        w: LPUSH l b""",
    "transactions": """
        r3: CLIENT TRACKING ON
        r3: GET k; MULTI; SET k 5; GET k; SET k 6; EXEC; PING
        r3: MULTI; GET k; GET q; EXEC
        w: MULTI; SET k 1; SET k 2; SET q 1; EXEC
        r3: WATCH k; GET k
        w: SET k 3
        r3: MULTI; GET k; EXEC
        w: SET k 4""",
    "scripts": """
        r3: CLIENT TRACKING ON
        r3: EVAL return(redis.call('get',KEYS[1])) 1 k
        w: SET k 1
        r3: EVAL redis.call('set',KEYS[1],1);return(redis.call('get',KEYS[1])) 1 k; PING
        w: SET k 2
        r3: EVAL redis.call('get',KEYS[1]);return(redis.call('set',KEYS[1],1)) 1 k; PING
        w: SET k 3
        r3: EVAL_RO return(redis.call('get',KEYS[1])) 1 k
        w: SET k 4
        r3: GET k
        w: EVAL redis.call('set',KEYS[1],1);redis.call('set',KEYS[1],2) 1 k""",
    "everything": """
        r3: CLIENT TRACKING ON
        r3b: CLIENT TRACKING ON BCAST PREFIX p NOLOOP
        r3: GET k
        w: FLUSHDB
        w: FLUSHALL
        w: FLUSHALL ASYNC
        w: SELECT 3; FLUSHDB; SELECT 0
        r3: FLUSHALL
        r3b: FLUSHDB
        r3: GET k
        w: SET k 1""",
    "the next command": """
        r3: CLIENT TRACKING ON OPTIN
        r3: GET k
        w: SET k 1
        r3: CLIENT CACHING YES; GET k; GET q
        w: MSET k 1 q 1
        r3: CLIENT CACHING YES; MULTI; GET k; GET q; EXEC; GET z
        w: MSET k 1 q 1 z 1
        r3: CLIENT CACHING YES; CLIENT GETNAME; GET k
        w: SET k 1
        r3: MULTI; CLIENT CACHING YES; GET k; GET q; EXEC; GET z
        w: MSET k 1 q 1 z 1
        r3: CLIENT CACHING YES; PING; GET k
        w: SET k 1
        r3: CLIENT CACHING YES; NOSUCH; GET k
        w: SET k 1
        r3: CLIENT CACHING YES; GET; GET k
        w: SET k 1
        r3: CLIENT CACHING YES; CLIENT NOSUCH; GET k
        w: SET k 1
        r3: CLIENT CACHING YES; CLIENT CACHING; GET k
        w: SET k 1
        r3: CLIENT CACHING YES; EVAL return(redis.call('get',KEYS[1])) 1 k
        w: SET k 1
        r3: CLIENT TRACKING OFF; CLIENT TRACKING ON OPTOUT
        r3: GET k; CLIENT CACHING NO; GET q; GET z
        w: MSET k 1 q 1 z 1""",
    "own changes": """
        r3: CLIENT TRACKING ON NOLOOP
        r3: GET k; SET k 1
        w: SET k 1
        r3: GET k
        w: SET k 1
        r3: GET k; MULTI; SET k 2; EXEC
        r3: EVAL redis.call('get',KEYS[1]);return(redis.call('set',KEYS[1],1)) 1 k
        w: SET k 1""",
    "prefixes": """
        r3: CLIENT TRACKING ON BCAST PREFIX u: PREFIX o:
        r3b: CLIENT TRACKING ON BCAST PREFIX u NOLOOP
        r3c: CLIENT TRACKING ON BCAST
        w: MSET u:2 1 u:1 1 o:1 1 x 1 u 1
        r3b: SET u:1 2
        r3b: SET u:1 3
        r3b: SET other 1
        w: MULTI; SET u:1 1; SET u:1 1; SET u:0 1; EXEC
        w: DEL nosuch
        w: DEL u:0 u:1
        w: SELECT 2; SET u:1 1; SELECT 0
        r3: GET u:1
        r3: RESET
        w: SET u:1 1
        r3b: CLIENT TRACKING OFF
        r3c: CLIENT TRACKING OFF
        w: SET u:1 1""",
    "in place of another": """
        a: CLIENT TRACKING ON REDIRECT {r}
        a: CLIENT GETREDIR
        a: GET k
        w: SET k 1
        r: SUBSCRIBE other any
        a: GET k; MGET x y
        w: SET k 1
        w: MSET y 1 x 1
        w: FLUSHALL
        r: UNSUBSCRIBE any
        a: GET k
        w: SET k 1
        a: CLIENT TRACKING ON REDIRECT {r3}
        a: GET k
        w: SET k 1
        r3b: CLIENT TRACKING ON BCAST REDIRECT {r3} PREFIX u
        w: MSET u1 1 u2 1
        r3b: CLIENT TRACKINGINFO
        r3b: CLIENT TRACKING OFF
        w: SET u1 1""",
    "protocols": """
        a: CLIENT TRACKING ON
        a: GET k
        w: SET k 1
        a: GET k
        a: HELLO 3
        w: SET k 1
        a: GET k
        a: HELLO 2
        w: SET k 1
        w: FLUSHALL""",
    "the redirect has gone": """
        r3: CLIENT TRACKING ON REDIRECT {r}
        a: CLIENT TRACKING ON REDIRECT {r}
        r3: GET k
        a: GET k
        r: QUIT
        w: SET k 1
        r3: CLIENT TRACKINGINFO
        a: CLIENT TRACKINGINFO
        r3: GET k
        w: SET k 2
        w: FLUSHALL
        r3: CLIENT TRACKING ON
        r3: CLIENT TRACKINGINFO
        r3: GET k
        w: SET k 1""",
    "blocked": """
        w: XADD s 1-1 f v
        r3: CLIENT TRACKING ON
        r3: XREAD BLOCK 0 STREAMS s $
        w: XADD s 1-2 f v
        w: XADD s 1-3 f v
        r3: BLPOP l 0
        w: RPUSH l a
        w: RPUSH l a""",
    "no replies": """
        r3: CLIENT TRACKING ON; GET k; CLIENT REPLY OFF
        w: SET k 1
        r3: GET k
        w: SET k 1
        r3: CLIENT REPLY ON""",
    "subscribers": """
        r3: SUBSCRIBE channel
        r3: CLIENT TRACKING ON
        r3: GET k
        w: SET k 1
        w: PUBLISH channel message""",
}


class Taker(Reader):
    """As a Reader; a client that is blocked or silent reads what there is."""

    def __init__(self, server, protocol):
        super().__init__(server, protocol)
        self.is_blocked = False
        self.is_mute = False
        self.has_gone = False
        self.id = self.client.raw("CLIENT", "ID").decode()[1:].strip()

    def send(self, words):
        super().send(words)
        if words[1:2] == ["REPLY"]:
            self.is_mute = words[2] == "OFF"
        self.is_blocked = self.is_blocked or words[0] in ("XREAD", "BLPOP")
        self.has_gone = words[0] == "QUIT"

    def take(self):
        if not self.is_blocked and not self.is_mute and not self.has_gone:
            return super().take()
        received = b""
        while select.select([self.client.socket], [], [], 0.3)[0] and (piece := self.client.input.read1(65536)):
            received += piece
        self.is_blocked = self.is_blocked and not received
        return received


def play(script, server):
    lines = [line.strip().partition(": ") for line in script.strip().splitlines()]
    names = sorted({name for name, _, _ in lines} | set(re.findall(r"\{(\w+)\}", script)))
    takers = {name: Taker(server, 3 if name.startswith("r3") else 2) for name in names}
    ids = {name: taker.id for name, taker in takers.items()}
    heard = []
    for name, _, commands in lines:
        for command in commands.split("; "):
            takers[name].send(command.format(**ids).split())
        everybody = [name, *(other for other in names if other != name and not takers[other].has_gone)]
        got = [(each, takers[each].take()) for each in everybody]
        for each, own in ids.items():
            pattern = rb"(^|redirect\r\n|broken\r\n):" if commands.startswith("CLIENT") else rb"(broken\r\n):"
            got = [(who, re.sub(pattern + own.encode() + rb"\r", rb"\g<1>:{" + each.encode() + rb"}\r", text))
                   for who, text in got]
        heard.append((commands, got))
    return heard


def without_names(text):
    """The id and the version that HELLO tells."""
    return re.sub(rb"\$7\r\nversion\r\n\$\d+\r\n[^\r]*|\$2\r\nid\r\n:\d+", b"", text)


def compare_scripts(titles, *options):
    failures = 0
    for title in titles:
        script = SCRIPTS[title]
        with start_ringkv(*options) as ours, start_redis() as theirs:
            for (command, got), (_, wanted) in zip(play(script, ours), play(script, theirs)):
                for (who, mine), (_, their) in zip(got, wanted):
                    if without_names(mine) != without_names(their):
                        failures += 1
                        print(f"{title}: after {command!r} {who} received\n  {mine}\n  redis-server: {their}")
    return failures


def info(client):
    text = client.raw("INFO").decode()
    return {name: int(value) for name, value in re.findall(r"(tracking_\w+):(\d+)", text)}


def flags_of(client, client_id):
    lines = client.raw("CLIENT", "LIST").decode().splitlines()
    line = next(each for each in lines if f"id={client_id} " in each)
    return dict(word.partition("=")[::2] for word in line.split() if "=" in word)


def check_reports():
    """INFO and CLIENT LIST say the same."""
    said = []
    for start in (start_ringkv, start_redis):
        with start() as server:
            one, two, target, asks = (Taker(server, 3) for _ in range(4))
            one.send(["CLIENT", "TRACKING", "ON"])
            one.send(["MGET", "a", "b", "c"])
            two.send(["CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "x", "PREFIX", "y", "REDIRECT", target.id])
            one.take(), two.take()
            seen = [info(asks.client)]
            seen += [(flags_of(asks.client, each.id)["flags"], flags_of(asks.client, each.id)["redir"] == target.id,
                      flags_of(asks.client, each.id)["redir"] == "-1") for each in (one, two, asks)]
            target.client.close()
            eventually(lambda: count_clients(asks.client) == 3, "the target to go")
            asks.client.raw("SET", "x", "1")
            eventually(lambda: "R" in flags_of(asks.client, two.id)["flags"], "the broken redirect to be shown")
            seen.append(flags_of(asks.client, two.id)["flags"])
            asks.client.raw("SET", "a", "1")
            seen.append(info(asks.client))
            two.client.close()
            eventually(lambda: count_clients(asks.client) == 2, "the client to go")
            seen.append(info(asks.client))
            said.append(seen)
    assert said[0] == said[1], f"{said[0]}\n{said[1]}"


def count_clients(client):
    return client.raw("CLIENT", "LIST").count(b" addr=")


def keys_of(pushes):
    return re.findall(rb"invalidate\r\n\*1\r\n\$\d+\r\n([^\r]*)", pushes)


def check_expiry_and_eviction():
    with start_ringkv() as server:
        reader, writer = Taker(server, 3), server.connect()
        reader.client.raw("CLIENT", "TRACKING", "ON", "NOLOOP")
        writer.raw("SET", "k", "1", "PX", "30")
        reader.client.raw("GET", "k")
        heard = b""

        def hears(key):
            nonlocal heard
            heard += reader.take()
            return key in keys_of(heard)
        eventually(lambda: hears(b"k"), "an expired key to be told")
        # One that expires in the sight of its reader is nobody's own change.
        server.connect().raw("DEBUG", "SET-ACTIVE-EXPIRE", "0")
        for i in range(2000):
            writer.raw("SET", f"e{i}", "x" * 2000)
        reader.client.raw("GET", "e0")
        writer.raw("CONFIG", "SET", "maxmemory-policy", "allkeys-random")
        writer.raw("CONFIG", "SET", "maxmemory", "1mb")
        eventually(lambda: hears(b"e0"), "an evicted key to be told")


def check_swap():
    with start_ringkv() as server:
        reader, writer = Taker(server, 3), server.connect()
        reader.client.raw("CLIENT", "TRACKING", "ON")
        reader.client.raw("GET", "k")
        writer.raw("SWAPDB", "0", "1")
        assert reader.take().startswith(b">2\r\n$10\r\ninvalidate\r\n_\r\n"), "what was read may be another's now"


def check_limit():
    """Over the limit keys that chance picks are given up, no more than needed."""
    with start_ringkv() as server:
        reader, writer = Taker(server, 3), server.connect()
        reader.client.raw("CLIENT", "TRACKING", "ON")
        for i in range(250):
            reader.client.raw("GET", f"k{i}")
        assert info(writer)["tracking_total_keys"] == 250
        writer.raw("CONFIG", "SET", "tracking-table-max-keys", "10")
        eventually(lambda: info(writer)["tracking_total_keys"] == 10, "keys to be given up")
        told = keys_of(reader.take())
        assert len(told) == len(set(told)) == 240, told
        reader.client.send("MGET", *(f"n{i}" for i in range(100)))
        eventually(lambda: info(writer)["tracking_total_keys"] == 10, "keys to be given up")
        assert len(keys_of(reader.take())) == 100
        reader.client.close()
        eventually(lambda: info(writer)["tracking_total_items"] == 0, "a client that has gone to leave nothing behind")


def check_slow_client():
    """Whoever does not read is told once that everything has changed, and takes no memory meanwhile."""
    with start_ringkv("--client-output-pause-bytes", "64kb") as server:
        slow, writer = Taker(server, 3), server.connect()
        slow.client.raw("CLIENT", "TRACKING", "ON", "BCAST")
        value, rounds = "x" * 10, 200
        for i in range(rounds):
            writer.raw("MSET", *(word for j in range(1000) for word in (f"key-of-some-length-{i}-{j}", value)))
        held = int(flags_of(writer, slow.id)["tot-mem"])
        assert held < 1 << 20, held
        heard = slow.take()
        while not heard.count(b"invalidate\r\n_\r\n"):
            heard += slow.take()
            time.sleep(0.01)
        writer.raw("SET", "after", "1")
        heard = slow.take()
        assert b"after" in heard, heard


def main():
    # From thread to thread it takes a moment until another client hears.
    of_one_client = [title for title in SCRIPTS if "REDIRECT" not in SCRIPTS[title] and title != "blocked"]
    failures = compare_scripts(SCRIPTS) + compare_scripts(of_one_client, "--io-threads", "4")
    for check in (check_reports, check_expiry_and_eviction, check_swap, check_limit, check_slow_client):
        check()
    print(f"{failures} differences" if failures else "tracking: all equal")
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())

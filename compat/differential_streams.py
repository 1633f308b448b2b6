# SPDX-License-Identifier: MIT
"""Random commands on streams and their groups, for differential.py."""
import re

from resp import flatten

NAMES = ["f", "g", "1", "-7", "300", "", "bin\x00\r\nary", "x" * 70, "y" * 5000]
COUNTS = ["0", "1", "2", "3", "10", "-1", "x", "9223372036854775807"]
HUGE = "18446744073709551615"


def commands(generator):
    """Functions that make one command each."""
    g = generator
    pick, some = g.pick, g.some
    random = g.random
    state = {"ms": 1}
    x = lambda: pick(["x", "x2", "x", "x2", "x", "x3", "s"])
    group = lambda: pick(["g", "g", "g2", "h"])
    consumer = lambda: pick(["c", "c", "d", "e"])
    f = lambda: pick(NAMES[:8] if random.random() < 0.97 else NAMES)
    count = lambda: pick(COUNTS)

    def new_id():
        # Mostly greater than all before.
        state["ms"] += pick([0, 0, 1, 1, 3, 300])
        return pick([f"{state['ms']}-*", f"{state['ms']}-*", f"{state['ms']}", f"{state['ms']}-{random.randint(0, 5)}",
                     "0-0", "x", "1-x", "5", "0-*"] if random.random() < 0.3 else [f"{state['ms']}-*"])

    def old_id():
        ms = random.randint(max(0, state["ms"] - 40), state["ms"])
        return pick([f"{ms}-0", f"{ms}-1", f"{ms}-0", f"{ms}", f"{ms}-2", "0-1", "x", "-", "+"] if random.random() < 0.3
                    else [f"{ms}-{random.randint(0, 2)}"])

    bound = lambda: pick(["-", "+", old_id(), old_id(), "(" + old_id(), "(-", "$", "(" + HUGE + "-" + HUGE, "(0-0",
                          "0"])
    fields = lambda: pick([["f", f(), "g", f()], ["f", f()], ["f", f(), "g", f()],
                           sum(([f(), f()] for _ in range(random.randint(1, 4))), []), ["f"], []]) \
        if random.random() < 0.3 else ["f", f(), "g", f()]
    limit = lambda: pick([[], [], [], ["LIMIT", pick(["0", "1", "7", "100", "-1", "x"])]])
    trim = lambda: [*pick([["MAXLEN"], ["MAXLEN", "~"], ["MAXLEN", "="], ["maxlen", "~"]]),
                    pick(["0", "1", "5", "20", "50", "-1", "x"]), *limit()] \
        if random.random() < 0.5 else [*pick([["MINID"], ["MINID", "~"], ["MINID", "="]]), old_id(), *limit()]
    maybe_count = lambda: pick([[], [], ["COUNT", count()]])
    reads = lambda ids: pick([["STREAMS", x(), ids()], ["STREAMS", x(), ids()], ["STREAMS", "x", "x2", ids(), ids()],
                              ["STREAMS", x()], ["STREAMS"], ["x"], ["STREAMS", x(), x(), ids()]]
                              if random.random() < 0.2 else [["STREAMS", x(), ids()]])
    # XREAD knows + from Redis 7.4 on.
    read_id = lambda: old_id().replace("+", "x")
    history = lambda: pick([">", ">", ">", "0", read_id(), "$"])
    idle = lambda: pick(["0", "0", "0", "100000", "-1", "x"])
    claim = lambda: [*some(lambda: pick([["IDLE", pick(["5000000", "0", "x", "-5"])],
                                         ["TIME", pick(["1000", "x", "-1"])], ["RETRYCOUNT", count()],
                     ["FORCE"], ["JUSTID"], ["LASTID", old_id()], ["nosuch"]]), 0, 2)]
    return [
        *[lambda: ["XADD", x(), new_id(), *fields()]] * 8,
        lambda: ["XADD", x(), *pick([["NOMKSTREAM"], trim(), ["LIMIT", "5"], [*trim(), *trim()],
                                     ["NOMKSTREAM", *trim()]]), new_id(), *fields()],
        lambda: ["XTRIM", x(), *trim()] if random.random() < 0.3 else ["XLEN", x()],
        lambda: ["XTRIM", x(), *pick([[], ["x"], ["LIMIT", "1"]])], lambda: ["XLEN", x()],
        lambda: ["XRANGE", x(), bound(), bound(), *maybe_count()],
        lambda: ["XREVRANGE", x(), bound(), bound(), *maybe_count()],
        lambda: ["XRANGE", x(), "-", "+", *pick([[], ["COUNT"], ["x", "1"], ["COUNT", "1", "COUNT", "2"]])],
        *[lambda: ["XDEL", x(), *some(old_id, 1, 3)]] * 2,
        lambda: ["XSETID", x(), *pick([[old_id()], [f"{state['ms']}-9"], [f"{state['ms'] + 1}-0"]]),
                 *pick([[], [], ["ENTRIESADDED", pick(["5", "100", "-1", "x"])], ["MAXDELETEDID", old_id()],
                        ["ENTRIESADDED", "1000", "MAXDELETEDID", old_id()], ["x"]])] if random.random() < 0.3
                        else ["XLEN", x()],
        lambda: ["XREAD", *maybe_count(), *reads(lambda: pick([read_id(), "0", "$", ">", HUGE]))],
        lambda: ["XREAD", "BLOCK", pick(["x", "-1", "1"]), *reads(lambda: pick(["0", "x", "$", read_id()]))],
        *[lambda: ["XREADGROUP", "GROUP", group(), consumer(), *maybe_count(),
                   *pick([[], [], [], ["NOACK"], ["BLOCK", "1"]]), *reads(history)]] * 5,
        lambda: pick([["XREADGROUP", *maybe_count(), *reads(history), ">"],
                      ["XREAD", "GROUP", "g", "c", *reads(history)], ["XREAD", "NOACK", *reads(history)]]),
        *[lambda: ["XACK", x(), group(), *some(old_id, 1, 3)]] * 2,
        lambda: ["XPENDING", x(), group()], lambda: ["XPENDING", x(), group(),
                                                     *pick([[], ["IDLE", pick(["0", "1000000", "x"])]]), bound(),
                                                     bound(), count(),
                 *pick([[], [consumer()], [consumer(), "x"]])], lambda: ["XPENDING", x(), group(), "-", "+", "10"],
        *[lambda: ["XCLAIM", x(), group(), consumer(), idle(), *some(old_id, 1, 3), *sum(claim(), [])]] * 2,
        lambda: ["XAUTOCLAIM", x(), group(), consumer(), idle(), pick([old_id(), "0", "-", "(" + old_id(), "x"]),
                 *maybe_count(), *pick([[], ["JUSTID"], ["x"]])],
        *[lambda: ["XGROUP", "CREATE", x(), group(), pick(["0", "$", old_id(), "x", "-"]),
                   *pick([[], ["MKSTREAM"], ["ENTRIESREAD", pick(COUNTS[:-1])], ["x"],
                   ["MKSTREAM", "ENTRIESREAD", "3"]])]] * 2,
        lambda: ["XGROUP", "SETID", x(), group(), pick(["0", "$", old_id(), "x", "+", "-"]),
                 *pick([[], ["ENTRIESREAD", pick(COUNTS[:-1])], ["MKSTREAM"]])],
        lambda: ["XGROUP", "DESTROY", x(), group()] if random.random() < 0.2 else ["XINFO", "GROUPS", x()],
        lambda: ["XGROUP", "CREATECONSUMER", x(), group(), consumer()],
        lambda: ["XGROUP", "DELCONSUMER", x(), group(), consumer()],
        lambda: ["XINFO", "STREAM", x(), *pick([[], ["FULL"], ["FULL", "COUNT", count()], ["FULL", "x"], ["x"]])],
        lambda: ["XINFO", "GROUPS", x()], lambda: ["XINFO", "CONSUMERS", x(), group()],
        lambda: ["TYPE", x()], lambda: ["OBJECT", "ENCODING", x()],
        lambda: ["COPY", x(), x(), *pick([[], ["REPLACE"]])] if random.random() < 0.3 else ["PING"],
        lambda: ["RENAME", x(), x()] if random.random() < 0.2 else ["PING"],
        lambda: ["DEL", x()] if random.random() < 0.05 else ["PING"], lambda: ["SET", "s", "v"], lambda: ["GET", x()],
        lambda: ["SCAN", "0", "COUNT", "1000", "TYPE", "stream"], lambda: ["MULTI"], lambda: ["EXEC"],
        lambda: ["HELLO", pick(["2", "3"])], lambda: ["COMMAND", "GETKEYS", "XREAD", "STREAMS", "STREAMS", "x", "1",
                                                      "2"],
    ]


def without_activity(reply):
    """Without what redis-server tells of consumers from 7.2 on."""
    reply = re.sub(rb"(?:\*8|%4)(\r\n\$4\r\nname(?:(?!\$4\r\nname).)*?)\$8\r\ninactive\r\n:-?\d+\r\n",
                   lambda match: (b"*6" if match[0][:1] == b"*" else b"%3") + match[1], reply, flags=re.DOTALL)
    return re.sub(rb"(?:\*10|%5)(\r\n\$4\r\nname(?:(?!\$4\r\nname).)*?)\$11\r\nactive-time\r\n(?::-?\d+\r\n|time)",
                  lambda match: (b"*8" if match[0][:1] == b"*" else b"%4") + match[1], reply, flags=re.DOTALL)


def comparable(name, sub, reply):
    """The reply without parts that depend on the clock; None if there are none."""
    if name == "XPENDING" and reply[:1] == b"*":
        entries = flatten(reply)
        if all(entry.startswith(b"*4\r\n") for entry in entries):
            return [flatten(entry)[:2] + flatten(entry)[3:] for entry in entries]
    if (name, sub) == ("XINFO", "CONSUMERS"):
        return without_activity(re.sub(rb"idle\r\n:\d+", b"idle", reply))
    if (name, sub) == ("XINFO", "STREAM"):
        return without_activity(re.sub(rb":1[0-9]{12}\r\n", b"time", reply))
    return None

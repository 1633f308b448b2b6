# SPDX-License-Identifier: MIT
"""Random HyperLogLog, geospatial and SORT commands, for differential.py."""
from resp import flatten

TEXTS = ["1", "2", "10", "-3", "2.5", "x", "", "007", " 5", "1e3", "inf", "nan", "0x10", "abc", "ABC", "5x"]
NUMBERS = ["1", "2", "10", "-3", "2.5", "1e3", "7"]


def hyperloglogs(g):
    pick, random = g.pick, g.random
    key = lambda: pick(["p", "p2", "p3"])
    elements = lambda: [str(random.randrange(10 ** random.randint(1, 6)))
                        for _ in range(pick([0, 1, 1, 2, 5, 300 if random.random() < 0.1 else 3]))]
    return [*[lambda: ["PFADD", key(), *elements()]] * 4, lambda: ["PFCOUNT", key()], lambda: ["PFCOUNT", key(), key()],
            lambda: ["PFMERGE", key(), key()], lambda: ["PFMERGE", key()], lambda: ["GET", key()],
            lambda: ["STRLEN", key()], lambda: ["PFADD", "l", "1"], lambda: ["PFCOUNT", "no hyperloglog"],
            lambda: ["PFMERGE", key(), "no hyperloglog"], lambda: ["SET", "no hyperloglog", "text"],
            lambda: ["DEL", key()] if random.random() < 0.1 else ["PING"]]


def places(g):
    pick, random = g.pick, g.random
    longitude = lambda: repr(pick([random.uniform(-180, 180), random.uniform(13, 16), random.gauss(179, 2), 180, -180,
                                   0]))
    latitude = lambda: repr(pick([random.uniform(-85, 85), random.uniform(36, 39), random.gauss(80, 3), 85.05112878, 0,
                                  random.uniform(-90, 90)]))
    member = lambda: f"m{random.randrange(300)}"
    unit = lambda: pick(["m", "ft", "mi", "M", "x"]) if random.random() < 0.3 else "km"
    key = lambda: pick(["e", "e", "e", "none", "l"])
    # No two at the same place: the order of what is equally far is nobody's promise.
    new_member = lambda: [longitude(), repr(pick([random.uniform(-90, 90), random.uniform(36, 39)])), member()]
    length = lambda: pick([str(random.uniform(0, 3000)), "0", "-1", "x",
                           str(random.uniform(5000, 30000))]) if random.random() < 0.3 \
        else str(random.uniform(0, 500))
    center = lambda: pick([["FROMMEMBER", member()], ["FROMLONLAT", longitude(), latitude()],
                           ["FROMLONLAT", f"{random.uniform(12, 17):.4f}", f"{random.uniform(35, 40):.4f}"]])
    shape = lambda: pick([["BYRADIUS", length(), unit()], ["BYBOX", length(), length(), unit()]])
    option = lambda: pick([["ASC"], ["DESC"], ["COUNT", pick(["1", "0", "x", "100"])], ["COUNT", "3", "ANY"], ["ANY"],
                           ["STOREDIST"], ["x"]]) \
        if random.random() < 0.2 else pick([["ASC"], ["DESC"], ["WITHDIST"], ["WITHHASH"], ["WITHCOORD"]])
    options = lambda: sum(g.some(option, 0, 3), [])
    target = lambda: pick([["STORE", "found"], ["STOREDIST", "found"], ["STORE", "l", "STOREDIST", "found"],
                           ["STORE"]]) if random.random() < 0.3 else []
    around = lambda: pick([[pick(["GEORADIUS", "GEORADIUS_RO"]), key(), longitude(), latitude()],
                           [pick(["GEORADIUSBYMEMBER", "GEORADIUSBYMEMBER_RO"]), key(), member()]])
    return [*[lambda: ["GEOADD", key(), *pick([[], [], ["NX"], ["XX"], ["CH"], ["XX", "CH"], ["NX", "XX"]]),
                       *sum(g.some(new_member, 1, 4), [])]] * 3,
            lambda: ["GEODIST", key(), member(), member(), *pick([[], [unit()], [unit(), "x"]])],
            lambda: ["GEOHASH", key(), *g.some(member)], lambda: ["GEOPOS", key(), *g.some(member)],
            *[lambda: ["GEOSEARCH", key(), *center(), *shape(), *options()]] * 3,
            *[lambda: [*around(), length(), unit(), *options(), *target()]] * 3,
            lambda: ["GEOSEARCH", key(), *shape(), *center(), *pick([center(), shape(), []])],
            lambda: ["GEOSEARCHSTORE", "found", key(), *center(), *shape(), *options()],
            lambda: ["ZRANGE", "found", "0", "-1", "WITHSCORES"]]


def sorting(g):
    pick, random = g.pick, g.random
    key = lambda: pick(["l", "numbers", "s", "integers", "z", "h", "nosuch"])
    pattern = lambda: pick(["w_*", "h_*->f", "#", "*", "w_*x", "h_*->", "h_*->nosuch", "w_->*", "nosort", "w_*->f",
                            "h_*"])
    limit = lambda: ["LIMIT", pick(["0", "1", "-1", "2", "x", "100"]), pick(["0", "1", "3", "-1", "100"])]
    option = lambda: pick([["ASC"], ["DESC"], ["ALPHA"], ["ALPHA"], limit(), ["BY", pattern()], ["GET", pattern()],
                           pick([[], ["STORE", pick(["sorted", "l"])], ["x"], ["LIMIT", "1"]])])


    def options():
        chosen = g.some(option, 0, 4)
        if ["BY"] in [each[:1] for each in chosen]:  # which may leave ties
            chosen = [each for each in chosen if each[:1] != ["STORE"]]
        return sum(chosen, [])

    text = lambda: pick(TEXTS)
    return [lambda: ["RPUSH", "l", text()], lambda: ["RPUSH", "numbers", pick(NUMBERS)], lambda: ["SADD", "s", text()],
            lambda: ["SADD", "integers", pick(["1", "5", "300", "70000", "-2"])],
            lambda: ["ZADD", "z", str(random.randrange(10)), text()],
            lambda: ["SET", "w_" + text(), pick(TEXTS + NUMBERS * 2)],
            lambda: ["HSET", "h_" + text(), "f", pick(TEXTS + NUMBERS * 2)], *[lambda: ["SORT", key(), *options()]] * 4,
            lambda: ["SORT_RO", key(), *options()], lambda: ["LRANGE", "sorted", "0", "-1"],
            lambda: ["DEL", pick([key(), "w_" + text()])], lambda: ["HSET", "h", "f", "v"],
            lambda: ["COMMAND", "GETKEYS", "SORT", "a", "BY", "store", "STORE", "b", "GET", "x*", "LIMIT", "STORE", "3",
                     "STORE", "c"]]


def commands(generator):
    """Functions that make one command each."""
    return [*hyperloglogs(generator), *places(generator), *sorting(generator), lambda: ["MULTI"], lambda: ["EXEC"],
            lambda: ["HELLO", generator.pick(["2", "3"])]]


def comparable(command, reply):
    """The replies of SORT without an order, or with ties, as far as they are determined."""
    if not str(command[0]).upper().startswith("SORT") or reply[:1] != b"*" or "BY" not in command:
        return None
    return len(flatten(reply)) if "LIMIT" in command else sorted(flatten(reply))

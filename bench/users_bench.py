# SPDX-License-Identifier: MIT
"""What permissions cost: CPU time of the server for a request, by `default` while there is no other user, and by one of
100 users with 20 patterns of keys each, the last of which is that of the requests. Beside redis-server in the same run.
A part of bench/compare.py.

50 clients of redis-benchmark, all in turn.
"""
import statistics
import subprocess

from measure import cpu_seconds
from one_thread import start_ringkv
from servers import start_redis

USERS = 100
PATTERNS = 20
REQUESTS = 1_000_000


def make_users(server):
    client = server.connect()
    for user in range(USERS):
        rules = [f"~service{i}:{user}:*" for i in range(PATTERNS - 1)] + ["~key:*"]
        assert client.raw("ACL", "SETUSER", f"user{user}", "on", ">secret", "+@all", *rules) == b"+OK\r\n"


def microseconds(server, login, word, depth, requests):
    before = cpu_seconds(server.process.pid)
    subprocess.run(["redis-benchmark", "-p", str(server.port), *login, "-q", "-c", "50", "-r", "100000", "-n",
                    str(requests), "-P", str(depth), "-d", "64", "-t", word], stdout=subprocess.DEVNULL, check=True)
    return (cpu_seconds(server.process.pid) - before) * 1e6 / requests


def report(rounds, quick):
    print("\n| CPU for a request, us | RingKV default | RingKV user | more | wanted | Redis default | Redis user | "
          "more |")
    print("|---|---|---|---|---|---|---|---|")
    many = REQUESTS // (10 if quick else 1)
    with start_ringkv() as ours, start_redis() as theirs, start_ringkv() as our_users, start_redis() as their_users:
        for server in (our_users, their_users):
            make_users(server)
        as_user = ["--user", "user7", "-a", "secret"]
        cases = ((ours, []), (our_users, as_user), (theirs, []), (their_users, as_user))
        for word in ("set", "get"):
            for depth, requests in ((16, many), (1, many // 4)):
                found = [[microseconds(server, login, word, depth, requests) for server, login in cases]
                         for _ in range(rounds)]
                a, b, c, d = (statistics.median(each) for each in zip(*found))
                print(f"| {word.upper()} P={depth} | {a:.2f} | {b:.2f} | **{100 * (b / a - 1):+.0f} %** | +5 % | "
                      f"{c:.2f} | {d:.2f} | **{100 * (d / c - 1):+.0f} %** |", flush=True)

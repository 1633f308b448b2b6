#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Applications that people run against Redis, from Debian's and npm's packages, as their users run them."""
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import npm
from resp import flatten
from servers import DEADLINE_SECONDS, RunningServer, eventually, free_ports, start_redis, start_ringkv

APPS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "apps")


def run(*command, env=None):
    """The last line that it prints."""
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=3 * DEADLINE_SECONDS, cwd=APPS,
                         env=env, stdin=subprocess.DEVNULL)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return (ran.stdout.splitlines() or [""])[-1]


def node(server, script, *arguments):
    return json.loads(run("node", script, *arguments, str(server.port), env=npm.node_environment()))


def python(server, script, *arguments):
    return json.loads(run(sys.executable, script, *arguments, str(server.port)))


def equal(got, expected):
    assert got == expected, f"got {got}, expected {expected}"


def sessions(server):
    """connect-redis: sessions of express survive a restart of the application, and are touched, counted and
    destroyed."""
    assert node(server, "sessions.js") == {"first": 1, "second": 2, "other": 1, "stored": 2, "afterDestroy": 1,
                                           "ttl": True}


def rooms(server):
    """socket.io with its adapters: two servers whose clients exchange messages by pub/sub, and by a stream."""
    for adapter in ("pubsub", "streams"):
        equal(node(server, "rooms.js", adapter), {"everybody": 3, "room": 2, "sockets": 3, "acknowledged": 3})


def jobs(server):
    """rq: a queue with a worker, a job that fails and one that waits for another; results are kept in streams."""
    equal(python(server, "jobs.py"), {"sum": ["finished", 3], "failed": ["failed", None], "after": ["finished", 10],
                                      "kept": [3], "left in the queue": 0})


def cached_views(server):
    """flask-caching: cached views and functions, and their removal."""
    equal(python(server, "cached_views.py"), {
        "views": ["view 1", "view 1", "view 2"], "squares": [9, 9, 16], "again": 9, "calls of square": 3,
        "many": [1, [2, 3], None], "deleted": [None, None], "cleared": "view 3"})


def django_cache(server):
    """django-redis: Django's cache with timeouts, patterns and sessions."""
    equal(python(server, "django_cache.py"), {
        "answer": {"value": 42}, "ttl": True, "forever": None, "added": [False, True], "many": {"a": 1, "b": 2},
        "keys": ["a", "answer", "b", "c", "other"], "touched": True, "deleted": 3, "left": ["answer", "other"],
        "session": ["book"], "after logout": None})


def php_sessions(server):
    """phpredis as PHP's session handler: a session survives requests, and is destroyed."""
    def request(then):
        return json.loads(run("php", "-d", "session.save_handler=redis", "-d",
                              f"session.save_path=tcp://127.0.0.1:{server.port}?database=2", "-d",
                              "session.use_cookies=0", "sessions.php", "visitor", then))

    equal([request("stay"), request("leave"), request("stay")],
          [{"visits": 1, "items": 1}, {"visits": 2, "items": 2}, {"visits": 1, "items": 1}])


def ruby_store(server):
    """redis-store and redis-rb: objects, pipelines, transactions, scans, subscriptions."""
    equal(json.loads(run("ruby", "store.rb", str(server.port))), {
        "object": {"name": "Ada", "tags": ["a", "b"]}, "ttl": True, "keys": ["app:user"], "pipelined": ["OK", 42, "42"],
        "multi": [3, ["c", "b", "a"]], "scanned": ["k:1", "k:2"], "messages": ["message 0", "message 1"]})


def compiler_cache(server):
    """ccache with a shared storage: a second machine finds what the first one has compiled."""
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "a.c")
        with open(source, "w", encoding="ascii") as file:
            file.write("int main(void) { return 0; }\n")

        def compile_on(machine):
            env = {**os.environ, "CCACHE_DIR": os.path.join(folder, machine),
                   "CCACHE_REMOTE_STORAGE": f"redis://127.0.0.1:{server.port}", "CCACHE_CONFIGPATH": "/dev/null"}
            run("ccache", "gcc", "-c", source, "-o", os.path.join(folder, "a.o"), env=env)
            printed = subprocess.run(["ccache", "--print-stats"], env=env, capture_output=True, text=True,
                                     check=True).stdout
            return int(dict(line.split("\t") for line in printed.splitlines())["remote_storage_hit"])

        equal([compile_on("first"), compile_on("second") > 0], [0, True])


def http_gateway(server):
    """webdis: commands over HTTP."""
    port = free_ports(1)[0]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "webdis.json")
        with open(path, "w", encoding="ascii") as file:
            json.dump({"redis_host": "127.0.0.1", "redis_port": server.port, "http_host": "127.0.0.1",
                       "http_port": port, "threads": 2, "pool_size": 4, "daemonize": False, "websockets": False,
                       "database": 0, "acl": [], "verbosity": 4, "logfile": os.path.join(folder, "log")}, file)

        def get(target):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/{target}", timeout=5) as response:
                return json.load(response)

        def answers():
            try:
                return get("PING") == {"PING": [True, "PONG"]}
            except OSError:
                return False

        with RunningServer(["webdis", path]):
            eventually(answers, "webdis")
            equal([get("SET/page/text"), get("GET/page"), get("RPUSH/letters/a/b"), get("LRANGE/letters/0/-1"),
                   get("LPOP/page")],
                  [{"SET": [True, "OK"]}, {"GET": "text"}, {"RPUSH": 2}, {"LRANGE": ["a", "b"]},
                   {"LPOP": [False, "WRONGTYPE Operation against a key holding the wrong kind of value"]}])


def sharding_proxy(server):
    """twemproxy: keys of one client on two servers."""
    port, statistics = free_ports(2)
    with tempfile.TemporaryDirectory() as folder, start_ringkv() as second:
        path = os.path.join(folder, "nutcracker.yml")
        with open(path, "w", encoding="ascii") as file:
            file.write(f"pool:\n  listen: 127.0.0.1:{port}\n  redis: true\n  hash: fnv1a_64\n  distribution: ketama\n "
                       f" timeout: 5000\n"
                       f"  servers:\n   - 127.0.0.1:{server.port}:1 first\n   - 127.0.0.1:{second.port}:1 second\n")
        with RunningServer(["nutcracker", "-c", path, "-s", str(statistics), "-a", "127.0.0.1"]) as proxy:
            def listens():
                with socket.socket() as probe:
                    return probe.connect_ex(("127.0.0.1", port)) == 0

            eventually(listens, "twemproxy")
            proxy.port = port
            client = proxy.connect()
            pairs = [word for i in range(100) for word in (f"proxied:{i}", str(i))]
            equal(client.raw("MSET", *pairs), b"+OK\r\n")
            values = flatten(client.raw("MGET", *pairs[::2]))
            equal([value.split(b"\r\n")[1] for value in values], [word.encode() for word in pairs[1::2]])
            equal(client.raw("DEL", *pairs[::2]), b":100\r\n")


def log_shipper(server):
    """rsyslog: messages become elements of a list."""
    with tempfile.TemporaryDirectory() as folder:
        path, inbox = os.path.join(folder, "rsyslog.conf"), os.path.join(folder, "inbox")
        with open(path, "w", encoding="ascii") as file:
            file.write(f"""module(load="imuxsock" SysSock.Use="off")
module(load="omhiredis")
input(type="imuxsock" Socket="{inbox}" CreatePath="on" RateLimit.Interval="0")
template(name="text" type="string" string="%msg%")
action(type="omhiredis" server="127.0.0.1" serverport="{server.port}" mode="queue" key="messages" template="text")
""")
        with RunningServer(["rsyslogd", "-n", "-f", path, "-i", os.path.join(folder, "pid")]) as shipper:
            eventually(lambda: os.path.exists(inbox) or shipper.process.poll() is not None,
                       "rsyslog's socket " + shipper.log())
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                for i in range(10):
                    sender.sendto(f"<13>test: message {i}".encode(), inbox)
            client = server.connect()
            eventually(lambda: client.raw("LLEN", "messages") == b":10\r\n", "ten messages")
            assert b"message 3" in client.raw("LRANGE", "messages", "0", "-1")


def statistics_collector(server):
    """collectd's plugin reads INFO."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "collectd.conf")
        with open(path, "w", encoding="ascii") as file:
            file.write(f"""BaseDir "{folder}"
PIDFile "{folder}/pid"
TypesDB "/usr/share/collectd/types.db"
Hostname "host"
LoadPlugin redis
LoadPlugin csv
<Plugin csv>
  DataDir "{folder}/csv"
</Plugin>
<Plugin redis>
  <Node "node">
    Host "127.0.0.1"
    Port "{server.port}"
    Timeout 2000
  </Node>
</Plugin>
""")
        wanted = {"memory", "memory_lua", "blocked_clients", "uptime", "current_connections"}
        found = set()

        def has_written_all():
            # One reading; collectd may end before its other thread has written all of it, or anything.
            run("collectd", "-T", "-C", path)
            written = os.path.join(folder, "csv", "host", "redis-node")
            found.update(name.partition("-")[0] for name in (os.listdir(written) if os.path.isdir(written) else []))
            return wanted <= found

        eventually(has_written_all, f"files of {wanted}")


APPLICATIONS = [sessions, rooms, jobs, cached_views, django_cache, php_sessions, ruby_store, compiler_cache,
                http_gateway, sharding_proxy, log_shipper, statistics_collector]


@contextlib.contextmanager
def nothing(_):
    yield lambda: None


def run_all(applications, options, observe=nothing):
    """With --redis against redis-server; else against RingKV, with further options of its own. `observe`: gives what is
    called after each application."""
    start_server = start_redis if options == ["--redis"] else lambda: start_ringkv("--io-threads", "4", *options)
    with start_server() as server, observe(server) as check:
        for application in applications:
            start = time.monotonic()
            server.connect().raw("FLUSHALL")
            application(server)
            check()
            print(f"{application.__name__} works ({time.monotonic() - start:.1f} s)", flush=True)
        errors = [line for line in server.connect().raw("INFO", "errorstats").decode().splitlines()
                  if line.startswith("errorstat_")]
        print(f"{len(applications)} applications work; errors seen: {errors}")


if __name__ == "__main__":
    sys.exit(run_all(APPLICATIONS, sys.argv[1:]))

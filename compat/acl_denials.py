#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every command of RingKV as a user who may not execute it: alone, in MULTI, at EXEC, in a script, over HTTP, by a
proxy. None gets through, and no refusal depends on where a key is."""
import base64
import http.client
import sys

from resp import Client, flatten
from servers import free_ports, start_cluster, start_ringkv

# These need no user at all.
OPEN = {"auth", "hello", "quit", "reset"}
# Of a command that takes more than a number for each argument, as far as its keys are found by these.
ARGUMENTS = {"eval": ["return 1", "1", "k"], "eval_ro": ["return 1", "1", "k"], "evalsha": ["f" * 40, "1", "k"],
             "evalsha_ro": ["f" * 40, "1", "k"], "fcall": ["f", "1", "k"], "fcall_ro": ["f", "1", "k"],
             "xread": ["STREAMS", "k", "0"], "xreadgroup": ["GROUP", "g", "c", "STREAMS", "k", "0"],
             "migrate": ["127.0.0.1", "1", "k", "0", "1"], "blmpop": ["0", "1", "k", "LEFT"],
             "bzmpop": ["0", "1", "k", "MIN"], "zmpop": ["1", "k", "MIN"], "lmpop": ["1", "k", "LEFT"],
             "sort": ["k", "STORE", "k"],
             "georadius": ["k", "1", "1", "1", "km", "STORE", "k"]}


def text(reply):
    return reply.split(b"\r\n")[1].decode()


def rows(client):
    """Name, flags and the least number of arguments of each command and subcommand."""
    found = []
    for row in flatten(client.raw("COMMAND")):
        fields = flatten(row)
        subcommands = flatten(fields[9])
        for each in [row] if not subcommands else subcommands:
            parts = flatten(each)
            flags = {flag[1:-2].decode() for flag in flatten(parts[2])}
            found.append((text(parts[0]), flags, abs(int(parts[1][1:-2]))))
    return sorted(found)


def request(name, least):
    words = name.split("|")
    given = ARGUMENTS.get(name, [])
    return words + (given or ["1"] * (least - len(words)))


class Check:
    def __init__(self):
        self.tried = self.failures = 0

    def refused(self, how, words, reply, says=b"NOPERM"):
        self.tried += 1
        if says not in reply:
            self.failures += 1
            print(f"{how}: {words}\n  {reply[:200]!r}")


def try_alone(check, server, all_rows, how):
    for name, _, least in all_rows:
        words = request(name, least)
        client = Client(server.port)
        client.raw("AUTH", "nobody", "x")
        check.refused(how, words, client.raw(*words))
        check.refused(how + ", afterwards", words, client.raw("PING"))
        client.close()


def try_in_multi(check, server, admin, all_rows):
    """When it is queued; and again at EXEC, for what was permitted when it was queued."""
    for name, flags, least in all_rows:
        words = request(name, least)
        admin.raw("ACL", "SETUSER", "late", "reset", "on", ">x", "+multi", "+exec")
        client = Client(server.port)
        client.raw("AUTH", "late", "x")
        client.raw("MULTI")
        if name in ("multi", "exec"):
            continue
        check.refused("in MULTI", words, client.raw(*words))
        check.refused("EXEC behind it", words, client.raw("EXEC"), b"EXECABORT")
        admin.raw("ACL", "SETUSER", "late", "+@all", "~*", "&*")
        client.raw("MULTI")
        if client.raw(*words) == b"+QUEUED\r\n":
            admin.raw("ACL", "SETUSER", "late", "-" + name)
            check.refused("at EXEC", words, client.raw("EXEC"), b"NOPERM ACLs rules changed")
        client.close()


def try_in_script(check, server, all_rows):
    client = Client(server.port)
    client.raw("AUTH", "scripts", "x")
    for name, flags, least in all_rows:
        words = request(name, least)
        if name in ("eval", "evalsha", "fcall") or "noscript" in flags:
            continue
        reply = client.raw("EVAL", "return redis.call(unpack(ARGV))", "0", *words)
        check.refused("in a script", words, reply, b"The user executing the script can't run this command")
        reply = client.raw("EVAL", "return tostring(redis.acl_check_cmd(unpack(ARGV)))", "0", *words)
        check.refused("acl_check_cmd", words, reply, b"false")


def try_keys(check, server, all_rows):
    """A user who may do everything, but to no key and no channel."""
    client = Client(server.port)
    client.raw("AUTH", "keyless", "x")
    for name, flags, least in all_rows:
        words = request(name, least)
        keys = client.raw("COMMAND", "GETKEYS", *words)
        is_of_channels = name in ("publish", "subscribe", "psubscribe", "ssubscribe", "spublish")
        has_keys = keys.startswith(b"*") and keys != b"*0\r\n" and name != "sunsubscribe"
        if is_of_channels or has_keys:
            check.refused("without keys and channels", words, client.raw(*words))


# What HTTP has, and the bodies of what takes one.
ROUTES = [("GET", "/metrics"), ("GET", "/keys/k"), ("HEAD", "/keys/k"), ("PUT", "/keys/k"),
          ("DELETE", "/keys/k"), ("GET", "/get/k"), ("POST", "/set"), ("POST", "/set/k"), ("POST", "/mget"),
          ("POST", "/mset"), ("GET", "/search?prefix=k"), ("GET", "/search?prefix=k&values=1")]
BODIES = {"/keys/k": "v", "/set": '{"key": "k", "value": "v"}', "/set/k": '"v"', "/mget": '["k"]',
          "/mset": '{"k": "v"}'}
CONDITIONS = ({}, {"If-Match": "*"}, {"If-Match": '"0123456789abcdef"'}, {"If-Match": '"0123456789abcdef", "1"'},
              {"If-None-Match": "*"}, {"If-None-Match": '"0123456789abcdef"'})


def status(port, method, path, user, headers):
    login = base64.b64encode(f"{user}:x".encode()).decode()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    body = BODIES.get(path) if method in ("PUT", "POST") else None
    connection.request(method, path, body=body, headers={
        "Authorization": "Basic " + login, **headers, **({"Content-Type": "application/json"} if body else {})})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return b"%d" % answer.status


def try_http(check, port, admin):
    """Every path as who may nothing, and as who may everything but to no key."""
    admin.raw("SET", "k", "v")
    for method, path in ROUTES:
        for conditions in CONDITIONS if path in ("/keys/k", "/get/k") else ({},):
            how = [method, path, *conditions.values()]
            check.refused("HTTP", how, status(port, method, path, "nobody", conditions), b"403")
            # Names of keys are no keys, as in SCAN.
            if path not in ("/", "/metrics", "/search?prefix=k"):
                check.refused("HTTP, without keys", how, status(port, method, path, "keyless", conditions), b"403")
            check.refused("HTTP, wrong user", how, status(port, method, path, "who", conditions), b"401")


def make_users(admin):
    admin.raw("ACL", "SETUSER", "nobody", "on", ">x", "~*", "&*")
    admin.raw("ACL", "SETUSER", "scripts", "on", ">x", "+eval", "~*", "&*")
    admin.raw("ACL", "SETUSER", "keyless", "on", ">x", "+@all")


def main():
    check = Check()
    http_port = free_ports(1)[0]
    with start_ringkv("--enable-debug-command", "yes", "--http-port", str(http_port)) as server:
        admin = server.connect()
        make_users(admin)
        all_rows = [row for row in rows(admin) if row[0] not in OPEN]
        try_alone(check, server, all_rows, "alone")
        try_in_multi(check, server, admin, all_rows)
        try_in_script(check, server, all_rows)
        try_keys(check, server, all_rows)
        try_http(check, http_port, admin)
        assert admin.raw("PING") == b"+PONG\r\n"
    with start_cluster(3, 0, "--cluster-redirect", "proxy", "--enable-debug-command", "yes") as cluster:
        for server in cluster.servers:
            make_users(server.connect())
        for server in cluster.servers:
            try_alone(check, server, all_rows, "by a proxy")
            try_keys(check, server, all_rows)
    print(f"{len(all_rows)} commands, {check.tried} requests that must be refused, {check.failures} failures")
    return 1 if check.failures or len(all_rows) < 300 else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Requests that are wrong in themselves, by users who may not do everything: which error comes first, beside
redis-server. A refusal must not depend on what else is wrong with a request."""
import shlex
import sys

from servers import start_redis, start_ringkv

USERS = (["+@all", "~app:*", "&*"], ["+@all", "%R~app:*", "&*"], ["+@all", "%W~*", "&*"], ["+@all", "-@write", "~*"],
         ["+@all", "~x", "&x"], ["+@all", "~*", "&*", "-xread", "-migrate"])

TARGET = "MIGRATE 127.0.0.1 1"
REQUESTS = f"""
{TARGET} "" 0 1
{TARGET} k 0 1
{TARGET} app:k x 1
{TARGET} "" x 1
{TARGET} "" 0 1 KEYS
{TARGET} k 0 1 KEYS j
{TARGET} app:x 0 1 KEYS app:k
{TARGET} "" 0 1 KEYS app:k k
COMMAND GETKEYS {TARGET} "" 0 1
XREAD STREAMS k
XREAD STREAMS k 0
XREAD STREAMS app:k k 0
XREAD STREAMS app:k k 0 0
XREAD COUNT 1 k
XREAD COUNT STREAMS k 0
XREAD BLOCK x STREAMS k 0
XREAD FOO STREAMS k 0
XREAD a b c
XREAD GROUP g c STREAMS k 0
XREAD NOACK STREAMS k 0
XREADGROUP GROUP g c STREAMS k
XREADGROUP GROUP g c STREAMS k 0
XREADGROUP GROUP g c FOO STREAMS k 0
XREADGROUP GROUP g c STREAMS app:k k >
XREADGROUP COUNT 1 GROUP g c STREAMS k >
XREADGROUP GROUP STREAMS c STREAMS k >
EVAL "return 1" 2 k
EVAL "return 1" x k
EVAL "return 1" -1 k
EVAL_RO "return 1" 3 k
EVALSHA ffffffffffffffffffffffffffffffffffffffff 1 k
FCALL f 1 k
FCALL f 5 k
ZUNION 5 k
ZUNION x k
ZUNION 0 k
ZUNIONSTORE d 5 app:k
ZUNIONSTORE app:d 5 k
ZINTERSTORE d 0 app:k
ZDIFFSTORE d x app:k
ZUNIONSTORE d 1 app:k
ACL DRYRUN someone ZUNIONSTORE d 5 app:k
LMPOP 2 k LEFT
LMPOP x k LEFT
BLMPOP 1 x k LEFT
SINTERCARD 2 k
SINTERCARD x k
SORT k STORE
SORT app:k STORE k
SORT app:k BY w_*
GEORADIUS app:k 1 1 1 km STORE
GEORADIUS app:k 1 1 1 km STORE k
BITOP AND app:d
BITOP AND app:d k
MSET app:k v k
MSET k v app:k
OBJECT ENCODING k
MEMORY USAGE k
MEMORY USAGE
SET k
SET k v FOO
SET k v GET
GET
FOO k
CONFIG FOO
CONFIG
COPY app:k k
RENAME app:k k
BITFIELD k
BITFIELD app:k SET u8 0 1
BITFIELD app:k GET u8 0 FOO
BITFIELD app:k OVERFLOW WRAP GET u8 0
BITFIELD app:k OVERFLOW WRAP
PUBLISH c m
SPUBLISH c m
WATCH k
ACL WHOAMI
COMMAND GETKEYS GET k
EXISTS k
PFCOUNT k app:k
PFMERGE app:d k
LCS app:a k
ZDIFF x k
XINFO STREAM k
XGROUP CREATE k g 0
XAUTOCLAIM k g
ZRANGESTORE app:d k 0 1
LPOS k
GETEX k FOO
WAIT
"""

# What a script is told when it asks, or when it tries.
SCRIPTS = ["redis.acl_check_cmd()", "redis.acl_check_cmd('foo')", "redis.acl_check_cmd('foo', 'k')",
           "redis.acl_check_cmd({})", "redis.acl_check_cmd('get', {})", "redis.acl_check_cmd('config', 'foo')",
           "redis.acl_check_cmd('get')", "redis.acl_check_cmd('set', 'app:k')", "redis.acl_check_cmd('get', 'k')",
           "redis.acl_check_cmd('get', 'app:k')", "redis.acl_check_cmd('get', 'app:k', 'app:l', 'k')",
           "redis.acl_check_cmd('config|get', 'foo')", "redis.acl_check_cmd('xread', 'streams', 'app:k')",
           "redis.acl_check_cmd('xread', 'streams', 'k')", "redis.acl_check_cmd('config')",
           "redis.acl_check_cmd(1.5)", "redis.acl_check_cmd('mset')", "redis.acl_check_cmd('zunion', '5', 'k')",
           "redis.acl_check_cmd('bitop', 'and')", "redis.acl_check_cmd('eval', 'return 1')",
           "redis.pcall('get', 'k')", "redis.call('get', 'k')", "redis.pcall('config', 'get', 'x')",
           "redis.pcall('xread', 'streams', 'k')", "redis.call('get')"]


def requests():
    for line in REQUESTS.strip().splitlines():
        yield shlex.split(line)
    for script in SCRIPTS:
        yield ["EVAL", f"return {script}", "0"]


def main():
    tried = failures = 0
    with start_ringkv() as ours, start_redis() as theirs:
        for rules in USERS:
            clients = []
            for server in (ours, theirs):
                client = server.connect()
                assert client.raw("ACL", "SETUSER", "someone", "reset", "on", ">x", *rules) == b"+OK\r\n"
                assert client.raw("AUTH", "someone", "x") == b"+OK\r\n"
                clients.append(client)
            for request in requests():
                tried += 1
                replies = [client.raw(*request) for client in clients]
                replies = [b"-IOERR" if reply.startswith(b"-IOERR") else reply for reply in replies]
                if replies[0] != replies[1]:
                    failures += 1
                    print(f"{rules}: {request}\n  ours:  {replies[0]!r}\n  Redis: {replies[1]!r}")
    print(f"{tried} requests, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

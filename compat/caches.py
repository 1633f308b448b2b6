#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Client libraries that cache: node-redis' BasicClientSideCache, ioredis with a second connection, and the cache of
redis-py, if that is 5.3 or later. Others write meanwhile; in the end each cache has what the server has."""
import json
import os
import subprocess
import sys

from npm import SOURCES, node_environment
from servers import eventually, start_ringkv

KEYS = [f"cached:{i}" for i in range(20)]


def check_node(server):
    for library in ("node-redis", "ioredis"):
        script = os.path.join(SOURCES, "caching.js")
        done = subprocess.run(["node", script, library, str(server.port)], env=node_environment(), check=True,
                              stdout=subprocess.PIPE, text=True, timeout=120)
        seen = json.loads(done.stdout)
        assert seen["equal"] and seen["flushed"], f"{library} keeps what has changed: {seen}"
        assert seen["hits"] > 0, f"{library} does not cache: {seen}"
        print(f"{library}: {seen['hits']} of {seen['reads']} reads from its cache")


def check_python(server):
    import redis
    try:
        from redis.cache import CacheConfig
    except ImportError:
        print(f"redis-py {redis.__version__} has no cache; that of 5.3 was not tested")
        return
    client = redis.Redis(port=server.port, protocol=3, cache_config=CacheConfig(), decode_responses=True)
    writer = server.connect()
    for i in range(2000):
        key = KEYS[i % len(KEYS)]
        client.get(key)
        writer.raw("SET", key, str(i))
    eventually(lambda: all(client.get(key) == writer.raw("GET", key).split(b"\r\n")[1].decode() for key in KEYS),
               "the cache of redis-py to have what the server has")
    assert client.get_cache().size > 0


def main():
    for options in ([], ["--io-threads", "4"]):
        with start_ringkv(*options) as server:
            check_node(server)
            check_python(server)


if __name__ == "__main__":
    sys.exit(main())

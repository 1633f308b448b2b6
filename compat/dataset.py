# SPDX-License-Identifier: MIT
"""The complete data of a server, as comparable values."""
import redis

READERS = {
    b"string": lambda client, key: client.get(key),
    b"hash": lambda client, key: client.hgetall(key),
    b"list": lambda client, key: client.lrange(key, 0, -1),
    b"set": lambda client, key: client.smembers(key),
    b"zset": lambda client, key: client.zrange(key, 0, -1, withscores=True),
    b"stream": lambda client, key: (client.xrange(key), ids(client, key), groups(client, key)),
}


def groups(client, key):
    """redis-server does not replicate the number of entries that a group has read."""
    return [{**{name: group[name] for name in ("name", "consumers", "last-delivered-id")},
             "pending": [(entry["message_id"], entry["consumer"], entry["times_delivered"])
                         for entry in client.xpending_range(key, group["name"], "-", "+", 10**9)]}
            for group in client.xinfo_groups(key)]


def ids(client, key):
    info = client.xinfo_stream(key)
    return [info[name] for name in ("length", "radix-tree-keys", "radix-tree-nodes", "last-generated-id",
                                    "entries-added", "max-deleted-entry-id", "recorded-first-entry-id")]


def everything(server, databases):
    """Database and key -> type, value and expiry, of all types that both servers have."""
    found = {}
    for db in databases:
        client = redis.Redis(port=server.port, db=db)
        for key in client.scan_iter(count=1000):
            kind = client.type(key)
            if kind in READERS:
                found[db, key] = kind, READERS[kind](client, key), client.execute_command("PEXPIRETIME", key)
        client.close()
    return found

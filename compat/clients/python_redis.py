#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Common uses of redis-py."""
import os
import sys

import redis

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from servers import start_ringkv  # noqa: E402

with start_ringkv("--requirepass", "secret", "--io-threads", "2") as server:
    r = redis.Redis(port=server.port, password="secret", decode_responses=True)
    assert r.ping()
    assert r.set("a", "1", ex=100, nx=True) and r.get("a") == "1"
    assert r.set("a", "2", nx=True) is None
    assert 98 <= r.ttl("a") <= 100
    assert r.mset({"b": "2", "c": "3"}) and r.mget("a", "b", "c", "d") == ["1", "2", "3", None]
    assert r.incrby("a", 41) == 42 and r.incrbyfloat("a", 0.5) == 42.5
    assert r.setbit("bits", 7, 1) == 0 and r.bitcount("bits") == 1
    assert sorted(r.scan_iter("*", count=2)) == ["a", "b", "bits", "c"]
    with r.pipeline(transaction=True) as pipe:
        pipe.watch("a")
        value = pipe.get("a")
        pipe.multi()
        pipe.set("a", value + "!")
        pipe.get("a")
        assert pipe.execute() == [True, "42.5!"]
    with r.pipeline() as pipe:
        pipe.watch("a")
        r.set("a", "changed")
        pipe.multi()
        pipe.get("a")
        try:
            pipe.execute()
            raise AssertionError("the watched key had changed")
        except redis.WatchError:
            pass
    with r.pipeline(transaction=False) as pipe:
        for i in range(10000):
            pipe.set(f"k{i}", i)
        assert all(pipe.execute())
    assert r.dbsize() == 10004
    assert r.info("server")["redis_version"] == "7.4.0" and r.info()["db0"]["keys"] == 10004
    assert r.config_get("maxmemory") == {"maxmemory": "0"} and r.config_set("maxmemory", "1gb")
    assert r.client_setname("me") and r.client_getname() == "me" and r.client_list()[0]["user"] == "default"
    assert r.object("encoding", "a") == "embstr" and r.memory_usage("a") > 0
    assert r.slowlog_get() == [] or r.slowlog_len() > 0
    assert r.command_count() > 70 and r.execute_command("COMMAND", "INFO", "get")
    assert r.flushdb() and r.dbsize() == 0
    try:
        r.execute_command("SET", "a")
        raise AssertionError("an argument was missing")
    except redis.ResponseError as error:
        assert "wrong number of arguments" in str(error)
print("redis-py works")

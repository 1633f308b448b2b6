#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A shard joins a cluster of three and leaves it again while redis-py, ioredis, node-redis and redis-cli -c write and
read: none of them sees an error, or a value that isn't the last one written."""
import sys

from redis.cluster import ClusterNode, RedisCluster

from cluster_load import Node, RedisCli, RedisPy
from servers import eventually, start_cluster

KEYS = 20_000


def fill(port):
    client = RedisCluster(startup_nodes=[ClusterNode("127.0.0.1", port)])
    for first in range(0, KEYS, 1000):
        client.mset_nonatomic({f"filler:{i}": i for i in range(first, first + 1000)})
    return client


def slots_of(server):
    words = server.connect().raw("CLUSTER", "OWNED").decode().split()
    bounds = [list(map(int, word.split("-"))) for word in words[3:]]
    return sum(bound[-1] - bound[0] + 1 for bound in bounds)


def main():
    with start_cluster(3, 1, "--appendonly", "yes") as cluster:
        client = fill(cluster.primaries[0].port)
        ports = [server.port for server in cluster.primaries]
        loads = [RedisPy(ports[0]), RedisPy(ports[1]), RedisCli(ports[1]), Node("ioredis", ports[2]),
                 Node("node-redis", ports[0])]
        cluster.add_shard()
        cluster.apply()
        share = slots_of(cluster.primaries[3]) / 16384
        assert 0.2 < share <= 0.3, share
        cluster.weights["s3"] = 0
        cluster.write_config()
        cluster.apply()
        assert slots_of(cluster.primaries[3]) == 0
        for load in loads:
            load.stop()
            print(f"{type(load).__name__}: {load.commands} commands, {len(load.failures)} failures")
            assert load.commands > 100, load
        failures = [failure for load in loads for failure in load.failures]
        assert not failures, failures[:5]
        eventually(lambda: cluster.primaries[3].connect().raw("DBSIZE") == b":0\r\n", "the node that left to be empty")
        del cluster.weights["s3"]
        cluster.write_config()
        cluster.apply()
        cluster.primaries[3].stop()
        for first in range(0, KEYS, 1000):
            values = client.mget_nonatomic([f"filler:{i}" for i in range(first, first + 1000)])
            assert values == [str(i).encode() for i in range(first, first + 1000)], first
    print("a shard came and went, and no client has noticed")
    return 0


if __name__ == "__main__":
    sys.exit(main())

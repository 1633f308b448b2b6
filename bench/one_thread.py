# SPDX-License-Identifier: MIT
"""RingKV with one I/O thread, as benchmarks start it unless they say otherwise: they compare what it does on one core
with what redis-server does there, while the clients have the others."""
import servers


def start_ringkv(*options, environment=None):
    return servers.start_ringkv("--io-threads", "1", *options, environment=environment)


def start_cluster(shards, replicas=0, *options):
    return servers.start_cluster(shards, replicas, "--io-threads", "1", *options)

# SPDX-License-Identifier: MIT
"""The locks of redis-py: they exclude each other, expire, and belong to who has taken them. Prints what was seen."""
import json
import sys
import threading

import redis
from redis.exceptions import LockError, LockNotOwnedError

THREADS = 4
ROUNDS = 10


def count_in_threads(client):
    """Each reads the counter and writes it back under the lock."""
    client.set("counter", 0)

    def count():
        for _ in range(ROUNDS):
            with client.lock("mutex", timeout=10, sleep=0.001):
                client.set("counter", int(client.get("counter")) + 1)

    threads = [threading.Thread(target=count) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return int(client.get("counter"))


def error_of(call):
    try:
        return call()
    except LockError as error:
        return type(error).__name__


def use_one(client):
    mine, other = client.lock("mutex", timeout=10), client.lock("mutex", timeout=10)
    seen = {"acquired": [mine.acquire(), other.acquire(blocking=False)],
            "extended": [mine.extend(10), 10_000 < client.pttl("mutex") <= 20_000],
            "replaced": [mine.extend(5, replace_ttl=True), client.pttl("mutex") <= 5_000],
            "reacquired": [mine.reacquire(), client.pttl("mutex") > 5_000]}
    client.set("mutex", "another's", ex=10)  # as if it had expired and another had taken it
    seen["lost"] = [error_of(mine.release), mine.owned()]
    client.delete("mutex")
    seen["again"] = [other.acquire(), other.release(), client.exists("mutex")]
    return seen


def run_registered(client):
    """A registered script that the server has forgotten, alone and in a pipeline."""
    script = client.register_script("return redis.call('INCRBY', KEYS[1], ARGV[1])")
    seen = [script(keys=["registered"], args=[2])]
    client.script_flush()
    seen.append(script(keys=["registered"], args=[3]))
    client.script_flush()
    with client.pipeline() as pipeline:
        script(keys=["registered"], args=[4], client=pipeline)
        pipeline.get("registered")
        return seen + pipeline.execute()


def main():
    client = redis.Redis(port=int(sys.argv[1]), decode_responses=True)
    print(json.dumps({**use_one(client), "counted": count_in_threads(client) == THREADS * ROUNDS,
                      "registered": run_registered(client)}))


if __name__ == "__main__":
    main()

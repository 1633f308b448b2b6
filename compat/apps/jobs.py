# SPDX-License-Identifier: MIT
"""Jobs of rq: some are queued, one fails, one waits for another; then a worker does them all. Prints how they ended."""
import json
import sys

import redis
import rq


def add(a, b):
    return a + b


def fail():
    raise ValueError("on purpose")


def main():
    connection = redis.Redis(port=int(sys.argv[1]))
    queue = rq.Queue(connection=connection)
    job = {"sum": queue.enqueue("jobs.add", 1, 2), "failed": queue.enqueue("jobs.fail")}
    job["after"] = queue.enqueue("jobs.add", 5, 5, depends_on=job["sum"])
    rq.Worker([queue], connection=connection).work(burst=True, logging_level="CRITICAL")
    results = {name: [each.get_status(refresh=True), each.result] for name, each in job.items()}
    results["kept"] = [result.return_value for result in job["sum"].results()]
    results["left in the queue"] = len(queue)
    print(json.dumps(results))


if __name__ == "__main__":
    main()

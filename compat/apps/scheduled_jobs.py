# SPDX-License-Identifier: MIT
"""Jobs of rq for a worker with its scheduler, which runs beside this. Prints how they ended."""
import json
import sys
import time
from datetime import timedelta

import redis
import rq
from rq.command import send_stop_job_command
from rq.registry import FailedJobRegistry, ScheduledJobRegistry

SECONDS = 20


def add(a, b):
    return a + b


def works_at_the_second_try():
    tries = rq.get_current_job().connection.incr("tries")
    if tries < 2:
        raise ValueError("on purpose")
    return tries


def works_for_long():
    time.sleep(SECONDS)


def until(condition):
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def ended(job):
    until(lambda: job.get_status(refresh=True) in ("finished", "failed", "stopped"))
    return [job.get_status(), job.result]


def stop_one(connection, queue):
    job = queue.enqueue("scheduled_jobs.works_for_long")
    until(lambda: job.get_status(refresh=True) == "started" and rq.Worker.all(connection)[0].get_current_job())
    send_stop_job_command(connection, job.id)
    return ended(job)[0]


def empty_one(connection):
    """Its script finds the keys of jobs in the queue, and removes them without having declared them."""
    queue = rq.Queue("unserved", connection=connection)
    jobs = [queue.enqueue("scheduled_jobs.add", i, i) for i in range(10)]
    removed = queue.empty()
    return [removed, len(queue), sum(job.exists(job.id, connection) for job in jobs)]


def main():
    connection = redis.Redis(port=int(sys.argv[1]))
    queue = rq.Queue(connection=connection)
    never = queue.enqueue_in(timedelta(seconds=1000), "scheduled_jobs.add", 1, 2)
    late = queue.enqueue_in(timedelta(seconds=1), "scheduled_jobs.add", 1, 2)
    print(json.dumps({
        "scheduled": never.id in ScheduledJobRegistry(queue=queue),
        "many": sum(ended(job)[1] for job in [queue.enqueue("scheduled_jobs.add", i, i) for i in range(5)]),
        "late": ended(late),
        "tries": ended(queue.enqueue("scheduled_jobs.works_at_the_second_try", retry=rq.Retry(max=2, interval=1))),
        "stopped": stop_one(connection, queue),
        "emptied": empty_one(connection),
        "failed": len(FailedJobRegistry(queue=queue)),
    }))


if __name__ == "__main__":
    main()

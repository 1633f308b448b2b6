# SPDX-License-Identifier: MIT
"""Tasks of Celery; its worker and its beat load this file. The environment says where Redis is."""
import os
import time

import redis
from celery import Celery

PORT = int(os.environ["REDIS_PORT"])
counters = redis.Redis(port=PORT)
app = Celery("celery_tasks", broker=f"redis://127.0.0.1:{PORT}/1", backend=f"redis://127.0.0.1:{PORT}/2")
app.conf.update(beat_schedule={"tick": {"task": "celery_tasks.tick", "schedule": 0.2}}, task_track_started=True,
                broker_transport_options={"visibility_timeout": 0.5, "queue_order_strategy": "priority"})


@app.task
def add(a, b):
    return a + b


@app.task
def total(numbers):
    return sum(numbers)


@app.task
def fail():
    raise ValueError("on purpose")


@app.task
def tick():
    counters.incr("ticks")


@app.task(bind=True, max_retries=5)
def works_at_the_third_try(self):
    tries = counters.incr("tries")
    if tries < 3:
        raise self.retry(countdown=0)
    return tries


@app.task(acks_late=True)
def is_lost_once():
    """The first worker that takes it is killed meanwhile."""
    tries = counters.incr("losses")
    while tries == 1:
        time.sleep(1)
    return tries

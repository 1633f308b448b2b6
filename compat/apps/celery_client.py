# SPDX-License-Identifier: MIT
"""Sends tasks to a worker of Celery, in all the ways that Celery has. Prints what came of them."""
import json
import sys
import time

from celery import chain, chord, group

from celery_tasks import add, app, counters, fail, is_lost_once, total, works_at_the_third_try

SECONDS = 20


def until(condition):
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def revoke_one():
    later = add.apply_async((1, 1), countdown=0.5)
    later.revoke()
    until(lambda: later.state in ("REVOKED", "SUCCESS"))
    return later.state


def send_tasks():
    late = add.apply_async((3, 4), countdown=0.3)
    return {
        "sum": add.delay(1, 2).get(SECONDS),
        "chain": chain(add.s(1, 2), add.s(10))().get(SECONDS),
        "group": group(add.s(i, i) for i in range(5))().get(SECONDS),
        "chord": chord((add.s(i, i) for i in range(20)), total.s())().get(SECONDS),
        "tries": works_at_the_third_try.delay().get(SECONDS),
        "failed": repr(fail.delay().get(SECONDS, propagate=False)),
        "late": late.get(SECONDS),
        "revoked": revoke_one(),
        "workers": len(app.control.ping(timeout=1, limit=1)),
    }


def ticks():
    until(lambda: int(counters.get("ticks") or 0) >= 3)
    return True


def main():
    what = sys.argv[1]
    if what == "send":
        print(json.dumps(send_tasks()))
    elif what == "tick":
        print(json.dumps(ticks()))
    elif what == "lose":
        task = is_lost_once.delay()
        until(lambda: task.state == "STARTED")
        print(json.dumps(task.id))
    elif what == "find":
        print(json.dumps(app.AsyncResult(sys.argv[2]).get(SECONDS)))


if __name__ == "__main__":
    main()

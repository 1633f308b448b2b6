# SPDX-License-Identifier: MIT
"""flask-caching: a cached view, a memoized function, and values of several keys."""
import json
import sys

from flask import Flask
from flask_caching import Cache

app = Flask(__name__)
cache = Cache(app, config={"CACHE_TYPE": "RedisCache", "CACHE_REDIS_HOST": "127.0.0.1",
                           "CACHE_REDIS_PORT": int(sys.argv[1]), "CACHE_DEFAULT_TIMEOUT": 60})
calls = {"view": 0, "square": 0}


@app.route("/view")
@cache.cached(query_string=True)
def view():
    calls["view"] += 1
    return f"view {calls['view']}"


@cache.memoize()
def square(number):
    calls["square"] += 1
    return number * number


client = app.test_client()
found = {"views": [client.get("/view").text, client.get("/view").text, client.get("/view?page=2").text]}
with app.app_context():
    found["squares"] = [square(3), square(3), square(4)]
    cache.delete_memoized(square, 3)
    found["again"] = square(3)
    found["calls of square"] = calls["square"]
    cache.set_many({"a": 1, "b": [2, 3]})
    found["many"] = cache.get_many("a", "b", "missing")
    cache.delete_many("a", "b")
    found["deleted"] = cache.get_many("a", "b")
    cache.clear()
found["cleared"] = client.get("/view").text
print(json.dumps(found))

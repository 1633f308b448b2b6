# SPDX-License-Identifier: MIT
"""django-redis: Django's cache and sessions in it."""
import importlib
import json
import sys

import django
from django.conf import settings

settings.configure(
    CACHES={"default": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": f"redis://127.0.0.1:{sys.argv[1]}/1",
                        "KEY_PREFIX": "site"}},
    SESSION_ENGINE="django.contrib.sessions.backends.cache", INSTALLED_APPS=["django.contrib.sessions"],
    SECRET_KEY="for a test")
django.setup()
cache = importlib.import_module("django.core.cache").cache
SessionStore = importlib.import_module(settings.SESSION_ENGINE).SessionStore

cache.set("answer", {"value": 42}, timeout=100)
cache.set_many({"a": 1, "b": 2, "other": 3}, timeout=None)
found = {"answer": cache.get("answer"), "ttl": 0 < cache.ttl("answer") <= 100, "forever": cache.ttl("a"),
         "added": [cache.add("a", 2), cache.add("c", 3)], "many": cache.get_many(["a", "b", "missing"]),
         "keys": sorted(cache.keys("*")), "touched": cache.touch("answer", 10), "deleted": cache.delete_pattern("?"),
         "left": sorted(cache.iter_keys("*"))}
session = SessionStore()
session["cart"] = ["book"]
session.save()
found["session"] = SessionStore(session.session_key)["cart"]
session.flush()
found["after logout"] = SessionStore(session.session_key).get("cart")
print(json.dumps(found))

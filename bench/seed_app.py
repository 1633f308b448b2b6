# SPDX-License-Identifier: MIT
"""A simple key-value service: Flask under its own server. The reference for HTTP."""
import sys

from flask import Flask, Response, abort, request

app = Flask(__name__)
store = {}


@app.get("/keys/<path:key>")
def get(key):
    if key not in store:
        abort(404)
    return Response(store[key], mimetype="application/octet-stream")


@app.put("/keys/<path:key>")
def put(key):
    store[key] = request.get_data()
    return "", 204


if __name__ == "__main__":
    app.run("127.0.0.1", int(sys.argv[1]), threaded=True)

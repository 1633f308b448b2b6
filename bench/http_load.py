# SPDX-License-Identifier: MIT
"""wrk against the HTTP port, or anything else that answers /keys/<key>."""
import http.client
import os
import re
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
KEYS = 10_000


def fill(port, size=64):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    for i in range(KEYS):
        connection.request("PUT", f"/keys/key:{i}", body=b"x" * size)
        connection.getresponse().read()
    connection.close()


def wrk(port, connections, seconds, pause=0):
    """Requests per second, failures, and {percentile: milliseconds}."""
    output = subprocess.run(
        ["wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds}s", "--timeout", "10s", "-s",
         os.path.join(HERE, "random_keys.lua"), f"http://127.0.0.1:{port}", str(pause)], capture_output=True, text=True,
         check=True).stdout
    requests, microseconds, failed = map(int, re.search(r"requests (\d+) microseconds (\d+) failed (\d+)",
                                                        output).groups())
    percentiles = {float(p): int(value) / 1000 for p, value in re.findall(r"percentile ([\d.]+) (\d+)", output)}
    return requests * 1e6 / microseconds, failed, percentiles

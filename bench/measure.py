# SPDX-License-Identifier: MIT
"""Measurements of the benchmarks: CPU and memory of a process, a run of redis-benchmark, filling a server."""
import os
import re
import socket
import subprocess
import time


def cpu_seconds(pid):
    """Of the process with all threads that it has had, in nanoseconds' steps: /proc/PID/stat counts hundredths of a
    second, and a thread that is often awake for less may not be seen at all."""
    return time.clock_gettime((~pid << 3) | 2)  # its clock id as clock_getcpuclockid(3) makes it


def resident_bytes(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def benchmark(server, options, requests, processors=None):
    """Requests per second, per second of server CPU, and the median latency in milliseconds. `processors`: of the
    client; by itself it goes where the system puts it."""
    before = cpu_seconds(server.process.pid)
    keys = 20_000 if "16384" in options else 1_000_000
    place = ["taskset", "-c", ",".join(map(str, processors))] if processors else []
    out = subprocess.run([*place, "redis-benchmark", "-p", str(server.port), "-q", "-r", str(keys), "-n", str(requests),
                          *options],
                         capture_output=True, text=True, check=True).stdout
    used = cpu_seconds(server.process.pid) - before
    found = re.findall(r"([\d.]+) requests per second, p50=([\d.]+) msec", out)
    return float(found[-1][0]), requests / used, float(found[-1][1])


def fill(server, count, value_bytes, first=0, batch=1000):
    """Sets keys of 16 bytes. Returns the longest time of a batch in seconds."""
    value = b"x" * value_bytes
    longest = 0
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        for start in range(first, first + count, batch):
            request = b"".join(b"*3\r\n$3\r\nSET\r\n$16\r\nkey:%012d\r\n$%d\r\n%s\r\n" % (i, value_bytes, value)
                               for i in range(start, start + batch))
            began = time.perf_counter()
            connection.sendall(request)
            wanted = 5 * batch
            while wanted > 0:
                wanted -= len(connection.recv(65536))
            longest = max(longest, time.perf_counter() - began)
    return longest

# SPDX-License-Identifier: MIT
"""Three real members of etcd for a test, on free ports, ended with it."""
import base64
import json
import os
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request

from servers import end_with_the_test, eventually, free_ports


class EtcdMembers:
    COUNT = 3

    def __init__(self):
        ports = free_ports(2 * self.COUNT)
        self.ports = ports[:self.COUNT]
        self.dir = tempfile.mkdtemp(prefix="ringkv-test-")
        self.processes = []
        urls = [f"http://127.0.0.1:{port}" for port in ports]
        everybody = ",".join(f"m{i}={urls[self.COUNT + i]}" for i in range(self.COUNT))
        for i in range(self.COUNT):
            client, peer = urls[i], urls[self.COUNT + i]
            command = ["etcd", "--name", f"m{i}", "--data-dir", os.path.join(self.dir, f"m{i}"), "--listen-client-urls",
                       client, "--advertise-client-urls", client, "--listen-peer-urls", peer,
                       "--initial-advertise-peer-urls", peer, "--initial-cluster", everybody]
            with open(os.path.join(self.dir, f"m{i}.log"), "wb") as log:
                self.processes.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                       preexec_fn=end_with_the_test))
        eventually(self.has_leader, "etcd's leader")

    @property
    def addresses(self):
        return ",".join(f"127.0.0.1:{port}" for port in self.ports)

    def has_leader(self):
        try:
            self.value("/nothing")
            return True
        except (OSError, urllib.error.HTTPError):
            return False

    def value(self, key):
        """None if there is no such key."""
        body = json.dumps({"key": base64.b64encode(key.encode()).decode()}).encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[0]}/v3/kv/range", body, timeout=5) as answer:
            found = json.load(answer).get("kvs", [])
        return base64.b64decode(found[0]["value"]).decode() if found else None

    def stop(self):
        for process in self.processes:
            process.kill()
            process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

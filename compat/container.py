#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Builds the Dockerfile and tests the container: with docker if an engine runs, else with buildah."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

from resp import Client
from servers import eventually, free_ports

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
IMAGE = f"ringkv-test-{os.getpid()}"  # two runs side by side don't share it
BASE = "docker.io/library/debian:bookworm-slim"
# Of what stands above the base image; OpenSSL takes 6 of them, libcurl with what it needs (Kerberos, LDAP, SSH) 5.
LARGEST_MB = 25


def run(*command, check=True, **more):
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1500, **more)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: {done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout.strip()


def works(*command):
    return shutil.which(command[0]) is not None and subprocess.run(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, timeout=60).returncode == 0


class Docker:
    def build(self):
        run("docker", "build", "-q", "-t", IMAGE, ROOT)

    def remove(self):
        run("docker", "rmi", IMAGE)

    def config(self):
        return json.loads(run("docker", "inspect", IMAGE))[0]["Config"]

    def megabytes(self):
        size = lambda name: json.loads(run("docker", "inspect", name))[0]["Size"]  # noqa: E731
        return (size(IMAGE) - size(BASE)) / 1e6

    def start(self, ports, folder, environment, options):
        variables = [word for name, value in environment.items() for word in ("-e", f"{name}={value}")]
        self.name = run("docker", "run", "-d", "-p", f"127.0.0.1:{ports[0]}:6379", "-p", f"127.0.0.1:{ports[1]}:8080",
                        "-v", f"{folder}:/data", *variables, IMAGE, *options)

    def log(self):
        return run("docker", "logs", self.name)

    def execute(self, *command):
        return run("docker", "exec", self.name, *command)

    def stop(self):
        run("docker", "stop", "-t", "20", self.name)
        code = int(run("docker", "inspect", "-f", "{{.State.ExitCode}}", self.name))
        run("docker", "rm", self.name)
        return code


class Buildah:
    """Without an engine: a process in a chroot, on the network of this machine."""

    def __init__(self):
        os.environ["BUILDAH_ISOLATION"] = "chroot"

    @staticmethod
    def can_run():
        """Whether this machine supports it: a base image is available, and a process can run in it."""
        if not works("buildah", "info"):
            return False
        made = subprocess.run([os.path.join(ROOT, "tests/support/make-base-image.sh")], capture_output=True, text=True,
                              check=False, timeout=600)
        if made.returncode != 0:
            print("buildah has no base image: " + made.stderr.strip()[-300:])
            return False
        container = run("buildah", "from", "--pull-never", BASE)
        ran = subprocess.run(["buildah", "run", container, "--", "true"], capture_output=True, text=True, check=False,
                             timeout=60)
        run("buildah", "rm", container)
        if ran.returncode != 0:
            print("buildah can run nothing: " + ran.stderr.strip()[-300:])
        return ran.returncode == 0

    def build(self):
        # The compiler cache of this machine has what the release build has just compiled.
        cache = os.environ.get("CCACHE_DIR", os.path.expanduser("~/.cache/ccache"))
        os.makedirs(cache, exist_ok=True)
        run("buildah", "bud", "--layers", "--pull-never", "--format", "docker", "--network", "host", "-v",
            f"{cache}:/compiler-cache:rw", "--build-arg", "CCACHE_DIR=/compiler-cache", "-t", IMAGE, ROOT)

    def remove(self):
        run("buildah", "rmi", IMAGE)

    def config(self):
        return json.loads(run("buildah", "inspect", "--type", "image", IMAGE))["Docker"]["config"]

    def megabytes(self):
        sizes = []
        for image in (IMAGE, BASE):
            container = run("buildah", "from", "--pull-never", image)
            # What apt has fetched is in the base image that we make, and not in Debian's.
            root = run("buildah", "mount", container)
            sizes.append(int(run("du", "-sxb", "--exclude=var/cache/apt", "--exclude=var/lib/apt",
                                 root).split()[0]) / 1e6)
            run("buildah", "rm", container)
        return sizes[0] - sizes[1]

    def start(self, ports, folder, environment, options):
        self.container = run("buildah", "from", "--pull-never", IMAGE)
        self.log_path = os.path.join(folder, "..", "log")
        # It lays a volume of its own over what is mounted at /data.
        environment = {**environment, "RINGKV_PORT": ports[0], "RINGKV_HTTP_PORT": ports[1], "RINGKV_DIR": "/mounted"}
        variables = [word for name, value in environment.items() for word in ("--env", f"{name}={value}")]
        self.arguments = ["--network", "host", "-v", f"{folder}:/mounted:rw", *variables, self.container, "--"]
        config = self.config()
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                ["buildah", "run", *self.arguments, *config["Entrypoint"], *(options or config["Cmd"])],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.port = ports[0]

    def log(self):
        with open(self.log_path, encoding="utf-8") as log:
            return log.read()

    def execute(self, *command):
        return run("buildah", "run", *self.arguments, *command)

    def stop(self):
        info = Client(self.port).raw("INFO", "server").decode()
        os.kill(int(info.split("process_id:")[1].split()[0]), 15)
        code = self.process.wait(20)
        run("buildah", "rm", self.container)
        return code


def choose_engine():
    if works("docker", "info"):
        return Docker()
    engine = Buildah()
    return engine if engine.can_run() else None


def check_config(config):
    assert config["User"].split(":")[0] not in ("", "0", "root"), config["User"]
    assert "/data" in config["Volumes"] and config["StopSignal"] == "SIGTERM"
    assert set(config["ExposedPorts"]) == {"6379/tcp", "8080/tcp"}
    assert config["Healthcheck"]["Test"] == ["CMD", "entrypoint.sh", "ping"]
    assert config["Cmd"] == ["ringkv-server"]


def get(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return answer.read().decode()


def check_running(engine, folder):
    ports = free_ports(2)
    engine.start(ports, folder, {"RINGKV_MAXMEMORY": "1gb"}, ["--appendonly", "yes"])
    eventually(lambda: "is ready" in engine.log(), "the ready line")
    client = Client(ports[0])
    assert b"1073741824" in client.raw("CONFIG", "GET", "maxmemory"), "given by the environment"
    assert b"yes" in client.raw("CONFIG", "GET", "appendonly"), "given behind the image's name"
    assert "protected-mode is off and no password is set" in engine.log()
    assert engine.execute("entrypoint.sh", "ping") == "PONG"
    assert engine.execute("id", "-u") == "999"
    engine.execute("touch", "/data/writable")
    assert get(ports[1], "/readyz") == '{"ready":true}\n'
    assert client.raw("SET", "kept", "value") == b"+OK\r\n"
    assert client.raw("CONFIG", "SET", "appendonly", "no") == b"+OK\r\n", "what is kept is what SIGTERM saves"
    start = time.monotonic()
    assert engine.stop() == 0
    assert time.monotonic() - start < 10, "the end has to come within the grace time"
    engine.start(ports, folder, {}, [])
    eventually(lambda: "is ready" in engine.log(), "the ready line")
    assert get(ports[1], "/keys/kept") == "value"
    assert engine.stop() == 0


def main():
    engine = choose_engine()
    if engine is None:
        print("skipped: neither a docker engine nor buildah works here")
        return 0
    start = time.monotonic()
    engine.build()
    seconds = time.monotonic() - start
    try:
        check_config(engine.config())
        with tempfile.TemporaryDirectory(prefix="ringkv-test-") as folder:
            data = os.path.join(folder, "data")
            os.makedirs(data)
            os.chmod(folder, 0o755)
            os.chown(data, 999, 999)
            check_running(engine, data)
        size = engine.megabytes()
    finally:
        engine.remove()
    assert size < LARGEST_MB, f"{size:.1f} MB above the base image"
    print(f"{type(engine).__name__.lower()}: built in {seconds:.0f} s, {size:.1f} MB above Debian's image; runs, "
          f"saves, ends")
    return 0


if __name__ == "__main__":
    sys.exit(main())

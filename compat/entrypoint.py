#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The image's entry script with the arguments and variables that users of Redis' images pass: those of
docker-library's image, of Bitnami's image and of its Helm chart."""
import glob
import os
import re
import subprocess
import sys
import tempfile

from resp import Client
from servers import RunningServer, eventually, free_ports, server_binary
from tls_files import Certificates

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ENTRYPOINT = os.path.join(ROOT, "deploy/docker/entrypoint.sh")
QUIET = ["--save", ""]


class Image:
    """The programs of the image, under the names that they have there."""

    def __init__(self, folder):
        self.folder = folder
        binaries = os.path.dirname(server_binary())
        for name, target in (("ringkv-server", server_binary()), ("redis-server", server_binary()),
                             ("ringkv-cluster", os.path.join(binaries, "ringkv-cluster")),
                             ("redis-cli", os.path.join(ROOT, "deploy/docker/redis-cli"))):
            os.symlink(target, os.path.join(folder, name))
        self.path = folder + ":" + os.environ["PATH"]

    def start(self, *arguments, **environment):
        server = RunningServer([ENTRYPOINT, *arguments], {"PATH": self.path, "RINGKV_PORT": "0", **environment})

        def ready():
            if server.process.poll() is not None:
                raise AssertionError(f"{arguments} {environment}: {server.log()}")
            return "is ready: port " in server.log()

        eventually(ready, "the ready line")
        server.port = int(server.log().split("is ready: port ")[1].split(",")[0])
        return server

    def run(self, *arguments, **environment):
        """What a command prints that ends, with its exit status."""
        done = subprocess.run(arguments, env={**os.environ, "PATH": self.path, **environment}, text=True, timeout=20,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        return done.returncode, done.stdout.strip()


def option(server, name, password=None):
    client = Client(server.port)
    if password:
        assert client.raw("AUTH", password) == b"+OK\r\n"
    return client.raw("CONFIG", "GET", name).split(b"\r\n")[-2].decode()


def check_arguments(image, folder):
    config = write(folder, "redis.conf", "port 0\nmaxmemory 77mb\nlazyfree-lazy-eviction yes\n")
    for arguments in ([], ["redis-server"], ["--maxmemory", "77mb"], [config], ["redis-server", config],
                      ["redis-server", config, "--appendonly", "no", "--loglevel", "warning", "--loglevel", "notice"],
                      ["redis-server", "--save", "60", "1", "--maxmemory 77mb"],
                      ["sh", "-c", "exec redis-server --port 0 --include " + config]):
        with image.start(*(arguments or ["ringkv-server"]), RINGKV_SAVE="") as server:
            expected = "80740352" if "77mb" in str(arguments) or "conf" in str(arguments) else "0"
            assert option(server, "maxmemory") == expected, arguments
    status, said = image.run(ENTRYPOINT, "redis-sentinel", "/etc/sentinel.conf")
    assert status == 1 and "no Sentinel" in said, said


def check_ping(image):
    with image.start("redis-server", *QUIET, REDIS_PASSWORD="secret") as server:
        port = str(server.port)
        assert image.run("redis-cli", "-h", "localhost", "-p", port, "ping", REDISCLI_AUTH="secret") == (0, "PONG")
        assert image.run("redis-cli", "--no-auth-warning", "-a", "secret", "-p", port, "PING") == (0, "PONG")
        assert image.run(ENTRYPOINT, "ping", RINGKV_PORT=port, REDIS_PASSWORD="secret") == (0, "PONG")
        client = Client(server.port)
        client.raw("AUTH", "secret")
        assert client.raw("ACL", "SETUSER", "bob", "on", ">his", "+ping") == b"+OK\r\n"
        bob = ["--user", "bob", "--pass"]
        assert image.run("ringkv-cluster", "ping", f"127.0.0.1:{port}", *bob, "his") == (0, "PONG")
        assert image.run("ringkv-cluster", *bob, "his", "ping", f"127.0.0.1:{port}") == (0, "PONG")
        assert image.run("redis-cli", "-p", port, *bob, "his", "ping") == (0, "PONG")
        assert "NOAUTH" in image.run("ringkv-cluster", "ping", f"127.0.0.1:{port}", *bob, "other")[1]
        status, said = image.run("redis-cli", "-p", port, "get", "k")
        assert status == 1 and "PING only" in said, said


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def secret_options():
    """The names that options have whose values are shown to nobody."""
    names = set()
    for path in glob.glob(os.path.join(ROOT, "server/options/*_options.cc")):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        names.update(re.findall(r'Secret\(\s*\w+\("([a-z-]+)"', text))
        for row in re.split(r"\n    \{", text):
            if ".is_secret = true" in row:
                names.update(re.findall(r'\.(?:name|alias) = "([a-z-]+)"', row))
    return names


def check_secrets(image, folder):
    """Each secret may come from a file; without what the file should have nothing starts."""
    empty, blank = write(folder, "empty", ""), write(folder, "blank", "\n\n")
    good = write(folder, "good", "from a file\n")
    options = secret_options()
    assert {"requirepass", "masterauth", "tls-key-file-pass", "tls-client-key-file-pass"} <= options, options
    variables = ["RINGKV_" + name.upper().replace("-", "_") for name in options]
    for variable in [*variables, "REDIS_PASSWORD", "REDIS_MASTER_PASSWORD", "REDIS_TLS_KEY_FILE_PASS", "REDISCLI_AUTH"]:
        shown = ["sh", "-c", f'echo "${variable},${{{variable}_FILE:-}}"']
        assert image.run(ENTRYPOINT, *shown, **{variable + "_FILE": good}) == (0, "from a file,"), variable
        for path in ("/nonexistent", folder, empty, blank):
            status, said = image.run(ENTRYPOINT, "redis-server", **{variable + "_FILE": path})
            assert status == 1 and said == f"entrypoint.sh: {variable}_FILE: '{path}' is missing or empty", said
        status, said = image.run(ENTRYPOINT, "redis-server", **{variable + "_FILE": good, variable: "other"})
        assert status == 1 and said == f"entrypoint.sh: {variable} and {variable}_FILE are both given", said
    for variable in ("RINGKV_REQUIREPASS", "REDIS_PASSWORD"):
        assert image.run(ENTRYPOINT, "sh", "-c", 'echo "$REDISCLI_AUTH"', **{variable + "_FILE": good}) == (
            0, "from a file"), "the tools of health checks and hooks say it too"


def check_key_passphrase(image, folder):
    """The server and its health check read a key that has a passphrase, which comes from a file."""
    with Certificates() as certificates:
        certificates.run("rsa", "-aes256", "-passout", "pass:open sesame", "-in", "server.key", "-out", "locked.key")
        passphrase = write(folder, "passphrase", "open sesame\n")
        port = free_ports(1)[0]
        environment = {"RINGKV_PORT": "0", "RINGKV_TLS_PORT": str(port), "RINGKV_TLS_KEY_FILE_PASS_FILE": passphrase,
                       "RINGKV_TLS_CERT_FILE": certificates.path("server.crt"), "RINGKV_TLS_KEY_FILE":
                       certificates.path("locked.key"), "RINGKV_TLS_CA_CERT_FILE": certificates.path("ca.crt")}
        with image.start("redis-server", *QUIET, **environment):
            assert image.run(ENTRYPOINT, "ping", **environment) == (0, "PONG")


def check_variables(image, folder):
    secret = write(folder, "secret", "filed\n")
    users = write(folder, "users", "user default on >topsecret ~* &* +@all\n")
    with image.start("redis-server", *QUIET, ALLOW_EMPTY_PASSWORD="yes", REDIS_AOF_ENABLED="no", REDIS_IO_THREADS="2",
                     REDIS_EXTRA_FLAGS="--maxmemory 5mb --hz 20", REDIS_DISABLE_COMMANDS="FLUSHALL,FLUSHDB") as server:
        assert option(server, "io-threads") == "2" and option(server, "hz") == "20"
        assert Client(server.port).raw("FLUSHALL").startswith(b"-ERR unknown command 'FLUSHALL'")
    with image.start("redis-server", REDIS_PASSWORD_FILE=secret, REDIS_RDB_POLICY="900#1 60#100") as server:
        assert option(server, "save", "filed") == "900 1 60 100"
    with image.start("redis-server", *QUIET, REDIS_PASSWORD="one", RINGKV_REQUIREPASS="two") as server:
        assert option(server, "requirepass", "two") == "two", "a variable of RingKV wins"
    with image.start("redis-server", *QUIET, REDIS_ACLFILE=users) as server:
        assert option(server, "aclfile", "topsecret") == users
    refused = (({"REDIS_TLS_ENABLED": "yes"}, "No tls-cert-file configured"), ({"REDIS_ACLFILE": "/users"}, "/users"),
               ({"ALLOW_EMPTY_PASSWORD": "no"}, "no REDIS_PASSWORD"),
               ({"REDIS_REPLICATION_MODE": "x"}, "not master or replica"),
               ({"REDIS_REPLICATION_MODE": "replica"}, "no REDIS_MASTER_HOST"),
               ({"REDIS_PASSWORD_FILE": "/nosuch"}, "missing or empty"))
    for environment, says in refused:
        status, said = image.run(ENTRYPOINT, "redis-server", **environment)
        assert status == 1 and says in said, (environment, said)


def check_replication(image):
    with image.start("redis-server", *QUIET, REDIS_PASSWORD="secret", REDIS_REPLICATION_MODE="master") as primary:
        assert option(primary, "masterauth", "secret") == "secret"
        with image.start("redis-server", *QUIET, REDIS_PASSWORD="secret", REDIS_REPLICATION_MODE="slave",
                         REDIS_MASTER_HOST="127.0.0.1", REDIS_MASTER_PORT_NUMBER=str(primary.port),
                         REDIS_MASTER_PASSWORD="secret") as replica:
            client = Client(replica.port)
            client.raw("AUTH", "secret")
            eventually(lambda: b"master_link_status:up" in client.raw("INFO", "replication"), "the link")


def main():
    with tempfile.TemporaryDirectory(prefix="ringkv-test-") as folder:
        programs = os.path.join(folder, "bin")
        os.makedirs(programs)
        image = Image(programs)
        check_arguments(image, folder)
        check_ping(image)
        check_variables(image, folder)
        check_secrets(image, folder)
        check_key_passphrase(image, folder)
        check_replication(image)
    print("the entry script takes the arguments and variables of Redis' images")
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The Debian package: built, installed into a separate root, and started from there as by systemd."""
import os
import socket
import subprocess
import sys
import tempfile

from servers import free_ports, server_binary

PROGRAMS = ["ringkv-server", "ringkv-check", "ringkv-cluster"]


def run(*command, **more):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=300, **more).stdout


def make_package(build, folder):
    run("cpack", "--config", os.path.join(build, "CPackConfig.cmake"), "-B", folder, cwd=build)
    packages = [name for name in os.listdir(folder) if name.endswith(".deb")]
    assert len(packages) == 1, packages
    return os.path.join(folder, packages[0])


def install(package, root):
    """Installs with dpkg, if permitted."""
    if os.geteuid() != 0:
        return run("dpkg-deb", "-x", package, root)
    os.makedirs(os.path.join(root, "var/lib/dpkg/info"))
    for name in ("status", "available"):
        open(os.path.join(root, "var/lib/dpkg", name), "w", encoding="ascii").close()
    run("dpkg", f"--root={root}", "--force-depends", "-i", package)
    assert "install ok installed" in run("dpkg-query", f"--admindir={root}/var/lib/dpkg", "-W", "-f=${Status}",
                                         "ringkv")


def start_and_ask(root, folder):
    """A service of type notify: it reports readiness and shutdown."""
    unix = os.path.join(folder, "notify")
    told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    told.bind(unix)
    told.settimeout(20)
    port = free_ports(1)[0]
    server = subprocess.Popen(
        [os.path.join(root, "usr/bin/ringkv-server"), os.path.join(root, "etc/ringkv/ringkv.conf"), "--dir", folder,
         "--port", str(port)], env={**os.environ, "NOTIFY_SOCKET": unix}, stdout=subprocess.DEVNULL,
         stderr=subprocess.DEVNULL)
    try:
        assert told.recv(100) == b"READY=1"
        assert run("redis-cli", "-p", str(port), "SET", "key", "value") == "OK\n"
        server.terminate()
        assert told.recv(100) == b"STOPPING=1"
        assert server.wait(20) == 0
    finally:
        server.kill()
    assert os.path.exists(os.path.join(folder, "dump.rkv")), "what the configuration asks for at the end"
    assert "1 keys" in run(os.path.join(root, "usr/bin/ringkv-check"), folder)


def complete(root, *words):
    script = os.path.join(root, "usr/share/bash-completion/completions/ringkv-server")
    return run("bash", "-c",
               f'. {script}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _ringkv_server; echo "${{COMPREPLY[@]}}"',
               "bash", "ringkv-server", *words).split()


def main():
    build = os.path.dirname(server_binary())
    with tempfile.TemporaryDirectory(prefix="ringkv-test-") as folder:
        package = make_package(build, os.path.join(folder, "package"))
        fields = run("dpkg-deb", "-f", package)
        assert "Package: ringkv\n" in fields and "libc6" in fields, fields
        root = os.path.join(folder, "root")
        install(package, root)
        for program in PROGRAMS:
            assert "ringkv" in run(os.path.join(root, "usr/bin", program), "--help").lower()
            with open(os.path.join(root, f"usr/share/man/man1/{program}.1"), encoding="utf-8") as page:
                assert ".SH NAME" in page.read()
        data = os.path.join(folder, "data")
        os.makedirs(data)
        start_and_ask(root, data)
        assert complete(root, "--appendfs") == ["--appendfsync"]
        assert complete(root, "--appendfsync", "e") == ["everysec"]
        unit = os.path.join(root, "usr/lib/systemd/system/ringkv.service")
        with open(unit, encoding="utf-8") as text:
            lines = text.read()
        assert "ExecStart=/usr/bin/ringkv-server /etc/ringkv/ringkv.conf" in lines
        assert "LoadCredential=secrets.conf:/etc/ringkv/secrets.conf" in lines
        assert "ExecStartPre=+/bin/chgrp ringkv /etc/ringkv/ringkv.conf" in lines
        mode = os.stat(os.path.join(root, "etc/ringkv/ringkv.conf")).st_mode
        assert mode & 0o777 == 0o640, "it may name users"
        mode = os.stat(os.path.join(root, "etc/ringkv/secrets.conf")).st_mode
        assert mode & 0o777 == 0o600, "passwords are for root, and for whom systemd hands them to"
        print(f"{os.path.basename(package)}: {os.path.getsize(package) // 1024} KB, installs, starts, completes")
    return 0


if __name__ == "__main__":
    sys.exit(main())

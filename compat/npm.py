# SPDX-License-Identifier: MIT
"""The packages of npm that tests use, as compat/clients/node/package.json lists them."""
import fcntl
import json
import os
import shutil
import subprocess

SOURCES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "clients", "node")


def packages_folder():
    """Their directory; installs them if needed."""
    folder = os.environ.get("RINGKV_NODE_MODULES", SOURCES)
    with open(os.path.join(SOURCES, "package.json"), encoding="utf-8") as file:
        wanted = json.load(file)["dependencies"]
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, ".lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests that run side by side share the folder
        if not all(os.path.isdir(os.path.join(folder, "node_modules", name)) for name in wanted):
            if folder != SOURCES:
                shutil.copy(os.path.join(SOURCES, "package.json"), folder)
            subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--silent", "--no-package-lock"], cwd=folder,
                           check=True)
    return folder


def node_environment():
    """The environment of a script that uses them."""
    return {**os.environ, "NODE_PATH": os.path.join(packages_folder(), "node_modules")}

# SPDX-License-Identifier: MIT
"""Machines with a network of their own: network namespaces behind a bridge in the namespace of the test, each with an
address. One can be told not to hear another. They end with the test."""
import os
import subprocess
import sys

from servers import end_with_the_test, eventually

NETWORK = "10.77.0"
INSIDE = "RINGKV_TEST_NETWORK"


SKIPPED = 77  # the exit status that ctest takes for that


def enter_network():
    """Starts the calling program again in a network namespace of its own; returns there. Where the system allows none,
    as in many containers, it ends the program, and says so."""
    if INSIDE not in os.environ:
        as_root = [] if os.getuid() == 0 else ["--map-root-user"]
        enter = ["unshare", "--net", *as_root, "--"]
        probe = subprocess.run([*enter, "sh", "-c", "ip link add bridge type bridge && iptables -F"],
                               capture_output=True, text=True, check=False, timeout=20)
        if probe.returncode != 0:
            print("skipped: no network namespaces here: " + probe.stderr.strip())
            sys.exit(SKIPPED)
        os.environ[INSIDE] = "1"
        os.execvp("unshare", [*enter, sys.executable, *sys.argv])
    for words in (["link", "set", "lo", "up"], ["link", "add", "bridge", "type", "bridge"],
                  ["address", "add", f"{NETWORK}.254/24", "dev", "bridge"], ["link", "set", "bridge", "up"]):
        run(["ip", *words])


def run(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == 0, (command, done.stderr)


def namespace_of(process):
    return os.readlink(f"/proc/{process}/ns/net")


class Machine:
    def __init__(self, number):
        self.address = f"{NETWORK}.{number}"
        self.holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"], preexec_fn=end_with_the_test)
        eventually(lambda: namespace_of(self.holder.pid) != namespace_of("self"), "a namespace")
        run(["ip", "link", "add", f"to{number}", "type", "veth", "peer", "name", "wire", "netns", str(self.holder.pid)])
        run(["ip", "link", "set", f"to{number}", "master", "bridge", "up"])
        for words in (["link", "set", "lo", "up"], ["address", "add", f"{self.address}/24", "dev", "wire"],
                      ["link", "set", "wire", "up"]):
            run(self.command("ip", *words))

    def command(self, *words):
        """What runs the words on this machine, as the process that it is started in."""
        return ["nsenter", "--target", str(self.holder.pid), "--net", *words]

    def deafen(self, other):
        """From now on it hears nothing of the other machine, which goes on hearing it."""
        run(self.command("iptables", "-A", "INPUT", "-s", other.address, "-j", "DROP"))

    def heal(self):
        run(self.command("iptables", "-F", "INPUT"))

    def stop(self):
        self.holder.kill()
        self.holder.wait()


def cut(machine, other):
    machine.deafen(other)
    other.deafen(machine)

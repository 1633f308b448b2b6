#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Breaks the code on purpose, one place at a time, and asks how many seeds the simulation needs to find it.

    tests/simulation/mutations.py [--seeds 10000] [--only WORD]

Works on a copy of the last commit in a directory of its own (--work). Prints a row for docs/testing.md per mutation.
Ends with an error if one was not found.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys

# What is broken, the file, what stands there, what stands there instead.
MUTATIONS = [
    ("a replica acknowledges before it has synced", "cluster/replication/log_receiver.cc",
     "EncodeAck(target_.Secure(progress_.last))", "EncodeAck(progress_.last)"),
    ("a replica skips a group when it resumes", "cluster/replication/log_receiver.cc",
     "std::to_string(resumes_after_ + 1)", "std::to_string(resumes_after_ + 2)"),
    ("the primary resumes a replica of any history", "cluster/replication/log_sender.cc",
     "return source_.Holds(id, request_.next - 1);", "return !id.empty() && request_.next - 1 <= source_.appended();"),
    ("a block of the snapshot goes before the frames that precede it", "cluster/replication/log_sender.cc",
     "if (*has_sent) return Next::kAgain;\n  if (source_.NextBlock",
     "if (*has_sent && source_.next() % 2 == 0) return Next::kAgain;\n  if (source_.NextBlock"),
    ("the snapshot ends before the last groups that it contains", "cluster/replication/log_sender.cc",
     "if (source_.next() <= copied_) {", "if (source_.next() + 2 <= copied_) {"),
    ("the quorum is one node short", "cluster/replication/acks.cc",
     "const size_t majority = nodes / 2 + 1;", "const size_t majority = (nodes + 1) / 2;"),
    ("one replica with two connections counts as two", "cluster/replication/acks.cc",
     "return !each.member.empty() && each.member == ack.member;", "return each.member.empty() && ack.member.empty();"),
    ("an earlier history is taken for longer than it was", "cluster/replication/history.cc",
     "if (at->id == id) return last <= end;", "if (at->id == id) return last <= now;"),
    ("a primary that was restarted goes on in its old history", "server/replication/history_keeper.cc",
     "if (is_primary) history_.Fork", "if (is_primary && last == 0) history_.Fork"),
    ("groups of a frame are applied twice", "storage/transfer/follower.cc",
     "if (lsn > last_) groups_.push_back(effects);", "if (lsn >= last_) groups_.push_back(effects);"),
    ("the log does not sync its file", "storage/log/log_writer.cc", "file_->Sync()", "Status()"),
    ("the log forgets the end that may not be durable after a restart", "storage/durability/durability.cc",
     "return log_.Open(tail->first, tail->frames);", "return log_.Open(0, {});"),
    ("the log of another data set stays beside a new snapshot", "storage/durability/durability.cc",
     "if (!files_follow_) {\n    if (Status dropped = DropLog()", "if (false) {\n    if (Status dropped = DropLog()"),
    ("past fault: a replica acknowledges a snapshot that is not in its files", "tests/simulation/replicated_node.cc",
     "if (!log.is_open()) return 0;", "if (!log.is_open()) return last;"),
    ("past fault: changes of a new history before the file names it", "cluster/replication/shard_copy.cc",
     "  if (!history_.Save()) history_.RemoveFile();\n", ""),
]


def run(*command, **options):
    return subprocess.run(command, text=True, capture_output=True, check=False, **options)


def build(work):
    built = run("cmake", "--build", "build", "--target", "simulation_test", cwd=work)
    if built.returncode != 0:
        sys.exit(built.stdout[-3000:] + built.stderr)


def find(work, seeds):
    """The first seed that finds it and what it says; None if no seed does."""
    ran = run("build/tests/simulation_test", "--gtest_filter=*Promises*", cwd=work,
              env={**os.environ, "RINGKV_SEEDS": str(seeds)})
    seed = re.search(r"RINGKV_SEED=(\d+)", ran.stdout)
    said = re.search(r"VIOLATION: (.*)", ran.stdout)
    if seed is None:
        return None if ran.returncode == 0 else ("-", f"ends with {ran.returncode}")
    return seed.group(1), said.group(1) if said else ""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10000)
    parser.add_argument("--only", default="")
    parser.add_argument("--work", default="/tmp/ringkv-mutations")
    options = parser.parse_args()
    work = pathlib.Path(options.work)
    work.mkdir(parents=True, exist_ok=True)
    subprocess.run(f"git archive HEAD | tar -x -C '{work}'", shell=True, check=True)
    configured = run("cmake", "-G", "Ninja", "-B", "build", "-DRINGKV_TESTS=ON", "-DCMAKE_BUILD_TYPE=Check",
                     "-DRINGKV_TESTED_SERVER=/bin/true", cwd=work)
    if configured.returncode != 0:
        sys.exit(configured.stderr)
    missed = 0
    for name, file, old, new in MUTATIONS:
        if options.only not in name:
            continue
        path = work / file
        sound = path.read_text()
        if sound.count(old) != 1:
            sys.exit(f"{file} has {sound.count(old)} times: {old}")
        path.write_text(sound.replace(old, new))
        try:
            build(work)
            found = find(work, options.seeds)
        finally:
            path.write_text(sound)
        missed += found is None
        print(f"| {name} | {found[0]} | {found[1]} |" if found else f"| {name} | NOT FOUND | |", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

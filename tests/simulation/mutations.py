#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Breaks the code on purpose, one place at a time, and asks how many seeds the simulation needs to find it.

    nice tests/build.sh check simulation_test
    tests/simulation/mutations.py [--seeds 10000] [--only WORD] [--jobs 2]
    tests/simulation/mutations.py --check

Nothing in the checkout changes: one mutated source is compiled, and linked before the libraries of build-check, where the
linker takes the first definition of a name. Prints a row for docs/testing.md per mutation. Ends with an error if one was
not found.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build-check"

# What is broken, the file, what stands there, what stands there instead; or several of these, where one place alone is
# not wrong, because another checks it.
MUTATIONS = [
    ("a replica acknowledges before it has synced", "cluster/replication/log_receiver.cc",
     "EncodeAck(target_.Secure(progress_.last))", "EncodeAck(progress_.last)"),
    ("a replica skips a group when it resumes", "cluster/replication/log_receiver.cc",
     "std::to_string(resumes_after_ + 1)", "std::to_string(resumes_after_ + 2)"),
    ("a replica follows a primary of an older epoch", "cluster/replication/log_receiver.cc",
     "epoch < lowest) {", "epoch < lowest && epoch > lowest) {"),
    ("the primary resumes a replica of any history", "cluster/replication/log_sender.cc",
     "return source_.Holds(id, request_.next - 1);", "return !id.empty() && request_.next - 1 <= source_.appended();"),
    ("frames that follow the copy of a block of the snapshot go before it", "cluster/replication/log_sender.cc",
     "if (source_.NextBlock(&section_)) {\n    Send(MessageKind::kSection, section_);\n",
     "if (!section_.empty()) Send(MessageKind::kSection, std::exchange(section_, {}));\n"
     "  if (source_.NextBlock(&section_)) {\n"),
    ("the snapshot ends before the last groups that it contains", [
        ("cluster/replication/log_sender.cc", "if (source_.next() <= copied_) {", "if (source_.next() + 2 <= copied_) {"),
        ("storage/transfer/follower.cc", "runs_.highest() > last_", "runs_.highest() > last_ + 2")]),
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
    ("a new file is renamed before it is synced", "storage/log/log_files.cc",
     "if (done) done = (*file)->Sync();\n", ""),
    ("a new name is not synced", "storage/log/log_files.cc", "if (done) done = files.SyncDirectory(directory);\n", ""),
    ("the log forgets the end that may not be durable after a restart", "storage/durability/durability.cc",
     "return log_.Open(tail->first, tail->frames);", "return log_.Open(0, {});"),
    ("the log of another data set stays beside a new snapshot", "storage/durability/durability.cc",
     "if (!files_follow_) {\n    if (Status dropped = DropReplaced()",
     "if (false) {\n    if (Status dropped = DropReplaced()"),
    ("a log whose disk has failed goes on behind what is lost", "storage/log/log_writer.cc",
     "BeginFile(durable() + 1, unsynced_); !begun", "BeginFile(last_framed_ + 1, {}); !begun"),
    ("past fault: a replica acknowledges a snapshot that is not in its files", "tests/simulation/replicated_node.cc",
     "if (!log.is_open()) return 0;", "if (!log.is_open()) return last;"),
    ("past fault: a file names a history while the data goes on in another", "server/replication/history_keeper.cc",
     "  if (id_in_file_ != id) [[maybe_unused]]\n    const Status said = Remove();\n", ""),
    ("past fault: acknowledged before the file names history and epoch", "server/replication/history_keeper.cc",
     "return !is_unnamed_ || !data_.IsInFiles();", "return true;"),
    ("a node acts by a ledger that it has not written", "cluster/migration/kept_ledger.cc",
     "  if (Status written = keeper_.Write(after); !written) return written;\n", ""),
    ("past fault: what a shard has handed over is known to its primary only", "cluster/migration/kept_ledger.cc",
     "group = keeper_.Append(after, flushes);", "group = keeper_.appended() + 0 * flushes.value_or(0);"),
    ("slots are acknowledged before a majority of the shard has them", "cluster/migration/slot_receiver.cc",
     "if (!target_.IsSafe()) return {};", "if (!question_) return {};"),
    ("a receiver takes slots over before their keys are durable", "cluster/migration/slot_receiver.cc",
     "  if (Status durable = target_.Secure(); !durable) return durable;\n", ""),
    ("a sender that was cut off takes back what it has offered", "cluster/migration/slot_sender.cc",
     "    was_offered_ = true;\n", ""),
    ("changes that follow the copy of a block of keys go before it", "cluster/migration/slot_sender.cc",
     "if (source_.NextBlock(&section_)) {\n    Send(MessageKind::kSlotKeys, section_);\n",
     "if (!section_.empty()) Send(MessageKind::kSlotKeys, std::exchange(section_, {}));\n"
     "  if (source_.NextBlock(&section_)) {\n"),
    ("the last change before a hand-over is not sent", "cluster/migration/slot_sender.cc",
     "if (source_.next() > held_at_) {", "if (source_.next() + 1 > held_at_) {"),
    ("past fault: slots are offered to whom once offered them, and has not heard that they were taken",
     "cluster/migration/slot_sender.cc", "  patience_ms_ = kFirstPatienceMs;\n",
     "  if (Status noted = source_.PrepareOffer(batch_); !noted) return tl::unexpected(noted.error());\n"
     "  is_in_ledger_ = true;\n  patience_ms_ = kFirstPatienceMs;\n"),
    ("a conclusion changes another ledger than that which it was drawn from", [
        ("cluster/migration/slot_settlement.cc", "if (ledger.version() == version) change(ledger);",
         "static_cast<void>(version); change(ledger);"),
        ("tests/simulation/cluster_node_slots.cc", "!conclusion || (here_.is_primary && !kept_ledger_.Settle())",
         "!conclusion")]),
    ("an answer is taken for one about offers that were made after the question", "cluster/migration/slot_settlement.cc",
     "if (asked == asked_for_.end() || asked->second != offer) continue;", "static_cast<void>(asked);"),
    ("an offer is over while its receiver can still take it", "cluster/migration/slot_settlement.cc",
     "if (offer.epoch >= known.topology.epoch() || slots.none())", "if (slots.none())"),
    ("what the receiver of an offer has handed on is taken back", "cluster/migration/slot_settlement.cc",
     "if (!HasAnswered(known, other.name)) return std::nullopt;\n    owners",
     "if (!HasAnswered(known, other.name)) continue;\n    owners"),
    ("past fault: slots are taken back that came to their owner after it was asked",
     "cluster/migration/slot_settlement.cc", "(targets.SlotsOf(last) | targets.SlotsOf(known.here.shard))",
     "(targets.SlotsOf(last) | ~SlotSet())"),
    ("slots that were offered go to another shard as well", "cluster/migration/slot_settlement.cc",
     " & ~ledger.Offered();", ";"),
    ("slots are taken although a shard that has another epoch may take them", "cluster/migration/slot_settlement.cc",
     "return answer != answers_.end() && answer->second.epoch == known.topology.epoch();",
     "return answer != answers_.end();"),
    ("a node that was taken for failed stays so when it answers", "cluster/watch/node_watch.cc",
     "const bool has_failed = silence_", "const bool has_failed = news_.has_failed || silence_"),
    ("past fault: the ledger forgets keys whose erasure is not durable", "tests/simulation/cluster_node_slots.cc",
     "goes_on || !SecureAll()", "goes_on"),
    ("past fault: keys that come back while their remains are erased", "cluster/migration/slot_settlement.cc",
     "if (!is_same_epoch || (erasing_ & ~strays).any()) erasing_.reset();", "static_cast<void>(is_same_epoch);"),
    ("an erasure goes on where it was when the node led before", "cluster/migration/slot_settlement.cc",
     "known.topology.epoch()) == known.topology.epoch();", "known.topology.epoch()) <= known.topology.epoch();"),
    ("a lease is counted from when its answer comes", "cluster/failover/lease_keeper.cc",
     "if (is_done) return Renew(answer.ttl_seconds);",
     "asked_at_ = now;\n      if (is_done) return Renew(answer.ttl_seconds);"),
    ("a primary goes on without a member before etcd has taken it out", "cluster/failover/in_sync_set.cc",
     "  std::erase(required, self_);\n",
     "  std::erase(required, self_);\n  std::erase_if(required, [&](const std::string& id) {\n"
     "    const auto pace = paces_.find(id);\n    return pace != paces_.end() && pace->second.is_slow;\n  });\n"),
    ("a member is proposed before it has what was acknowledged without it", "cluster/failover/in_sync_set.cc",
     "return acknowledged && *acknowledged >= *pace.enters_at;", "return acknowledged.has_value();"),
    ("a member is proposed before it is required", "cluster/failover/in_sync_set.cc",
     "if (pace.is_entering) AddOnce(required, id);", "if (IsConfirmed(id)) AddOnce(required, id);"),
    ("a candidate goes on following the old primary", "cluster/failover/shard_member.cc", "  node_.CutOff();\n", ""),
    ("a lead is claimed whatever has become of the record", "cluster/failover/shard_member.cc",
     "  CommitKeys commit = OnRecord();\n  commit.conditions.push_back({keys_.lead()",
     "  CommitKeys commit;\n  commit.conditions.push_back({keys_.lead()"),
    ("a primary serves while it may have handed its lead over", "cluster/failover/handover.cc",
     "    is_lead_in_doubt_ = true;\n", ""),
    ("a node that is not in sync is elected", "cluster/failover/shard_member.cc",
     "  if (!IsInSync()) {\n", "  if (!IsAmong(view_.record()->members, config_.id)) {\n"),
    ("past fault: a node that began a history by itself has all that it needs",
     "tests/simulation/replicated_node.cc",
     "has_had_all_ = server::NamesHistory(disk_);", 'has_had_all_ = disk_.Exists("replication.history");'),
    ("past fault: what was acknowledged to an earlier term counts", "tests/simulation/replicated_node.cc",
     "  for (const auto& feed : feeds_) feed->port().Close(true);\n  copy_.GoOnAsPrimary(epoch);",
     "  copy_.GoOnAsPrimary(epoch);"),
]

# Only shards with replicas whose slots move find these.
NEED_REPLICAS = (
    "a conclusion changes another ledger than that which it was drawn from",
    "past fault: what a shard has handed over is known to its primary only",
    "slots are acknowledged before a majority of the shard has them",
    "an erasure goes on where it was when the node led before",
)


# Only shards whose primary is elected find these, which are not in cluster/failover.
NEED_ELECTIONS = (
    "past fault: a node that began a history by itself has all that it needs",
    "past fault: what was acknowledged to an earlier term counts",
)


def places_of(mutation):
    return mutation[1] if len(mutation) == 2 else [mutation[1:]]


def is_of_slots(mutation):
    rooms = ("/migration/", "/watch/", "cluster_node")
    return any(room in place[0] for place in places_of(mutation) for room in rooms)


def simulation_of(mutation):
    if mutation[0] in NEED_REPLICAS:
        return "ReplicatedSlotSimulation"
    if mutation[0] in NEED_ELECTIONS or any("/failover/" in place[0] for place in places_of(mutation)):
        return "FailoverSimulation"
    return "SlotSimulation" if is_of_slots(mutation) else "ReplicationSimulation"


def row(mutation, seed, said):
    prefix = {"SlotSimulation": "of slots: ", "ReplicatedSlotSimulation": "of shards: "}.get(simulation_of(mutation), "")
    return f"| {prefix}{mutation[0]} | {seed} | {said} |"


def run(command, **options):
    return subprocess.run(command, text=True, capture_output=True, check=False, **options)


def compile_command(source):
    """How build-check compiles the translation unit that includes this source."""
    for entry in json.loads((BUILD / "compile_commands.json").read_text()):
        unit = pathlib.Path(entry["file"])
        if unit.parent == BUILD / "unity" and f'#include "{source}"' in unit.read_text():
            words = shlex.split(entry["command"])
            return [word for word in words[:words.index("-o")] if word != "-c"]
    sys.exit(f"no translation unit of {BUILD} includes {source}: it must be a unity build")


def link_command():
    commands = run(["ninja", "-t", "commands", "tests/simulation_test"], cwd=BUILD).stdout.splitlines()
    return shlex.split(commands[-1].removeprefix(": && ").split(" && ")[0])


def mutated(file, old, new):
    sound = (ROOT / file).read_text()
    if sound.count(old) != 1:
        sys.exit(f"{file} has {sound.count(old)} times: {old}")
    return sound.replace(old, new)


def compile_mutated(name, file, old, new):
    pathlib.Path(f"{name}.cc").write_text(mutated(file, old, new))
    compiled = run([*compile_command(file), "-o", f"{name}.o", "-c", f"{name}.cc"], cwd=BUILD)
    if compiled.returncode != 0:
        sys.exit(f"{file}: {compiled.stderr[-3000:]}")
    return f"{name}.o"


def build(number, work, mutation):
    objects = [compile_mutated(f"{work}/{number}-{i}", *place) for i, place in enumerate(places_of(mutation))]
    words = link_command()
    first = next(i for i, word in enumerate(words) if word.endswith(".o"))
    words[first:first] = ["-Wl,-z,muldefs", *objects]
    words[words.index("-o") + 1] = f"{work}/{number}"
    linked = run(words, cwd=BUILD)
    if linked.returncode != 0:
        sys.exit(f"{mutation[0]}: {linked.stderr[-3000:]}")
    return work / str(number)


def find(program, tests, seeds):
    """The first seed that finds it and what it says; None if no seed does."""
    ran = run([str(program), f"--gtest_filter={tests}.*Promises*"], cwd=ROOT,
              env={**os.environ, "RINGKV_SEEDS": str(seeds), "RINGKV_SHRINK": "0"})
    seed = re.search(r"RINGKV_SEED=(\d+)", ran.stdout)
    said = re.search(r"VIOLATION: (.*)", ran.stdout)
    if seed is None:
        return None if ran.returncode == 0 else ("-", f"ends with {ran.returncode}")
    return seed.group(1), said.group(1) if said else ""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10000)
    parser.add_argument("--only", default="")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--work", default="/tmp/ringkv-mutations")
    parser.add_argument("--check", action="store_true", help="only whether the code still has what is broken")
    options = parser.parse_args()
    if options.check:
        for mutation in MUTATIONS:
            for place in places_of(mutation):
                mutated(*place)
        return 0
    work = pathlib.Path(options.work)
    work.mkdir(parents=True, exist_ok=True)

    def attempt(numbered):
        number, mutation = numbered
        program = build(number, work, mutation)
        found = find(program, simulation_of(mutation), options.seeds)
        program.unlink()
        print(row(mutation, *(found or ("NOT FOUND", ""))), flush=True)
        return found is not None

    wanted = [each for each in enumerate(MUTATIONS) if options.only in each[1][0]]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as jobs:
        return 0 if all(list(jobs.map(attempt, wanted))) else 1


if __name__ == "__main__":
    sys.exit(main())

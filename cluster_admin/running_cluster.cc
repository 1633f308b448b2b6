// SPDX-License-Identifier: MIT
#include "cluster_admin/running_cluster.h"

#include <cstdio>
#include <iostream>
#include <utility>

namespace ringkv::cluster_admin {

using storage::Fail;
using storage::Result;
using storage::Status;

Result<std::vector<MoveUnderWay>> AskForMoves(NodeClient& client) {
  const Result<resp::Reply> reply = client.Ask({"CLUSTER", "MOVES"});
  if (!reply) return tl::unexpected(reply.error());
  std::vector<MoveUnderWay> moves;
  for (const resp::Reply& each : reply->members) {
    MoveUnderWay& move = moves.emplace_back();
    for (size_t i = 0; i + 1 < each.members.size(); i += 2) {
      const std::string& field = each.members[i].text;
      const resp::Reply& value = each.members[i + 1];
      if (field == "from") move.from = value.text;
      if (field == "to") move.to = value.text;
      if (field == "failure") move.failure = value.text;
      if (field == "slots-left") move.slots_left = static_cast<size_t>(value.integer);
      if (field == "slots") move.slots = static_cast<size_t>(value.integer);
      if (field == "keys") move.keys = static_cast<size_t>(value.integer);
    }
  }
  return moves;
}

std::string DrawProgress(const MoveUnderWay& move) {
  constexpr size_t kWidth = 30;
  const size_t done = move.slots - move.slots_left;
  const size_t filled = move.slots == 0 ? kWidth : done * kWidth / move.slots;
  char line[256];
  std::snprintf(line, sizeof line, "%s -> %s  [%s%s] %3zu%%  %zu of %zu slots, %zu keys",
                move.from.empty() ? "?" : move.from.c_str(), move.to.c_str(), std::string(filled, '#').c_str(),
                std::string(kWidth - filled, '-').c_str(), move.slots == 0 ? 100 : done * 100 / move.slots, done,
                move.slots, move.keys);
  return move.failure.empty() ? line : std::string(line) + "; stopped: " + move.failure;
}

Result<cluster::OwnedSlots> AskWhatItOwns(NodeClient& client) {
  const Result<resp::Reply> reply = client.Ask({"CLUSTER", "OWNED"});
  return reply ? cluster::ParseOwned(reply->text) : tl::unexpected(reply.error());
}

storage::Status Reload(NodeClient& client, const cluster::Topology& topology) {
  const Result<resp::Reply> done = client.Ask({"CLUSTER", "RELOAD", topology.Print()});
  return done ? storage::Status() : tl::unexpected(done.error());
}

Result<std::string> TakeFunctions(NodeClient& client) {
  const Result<resp::Reply> libraries = client.Ask({"FUNCTION", "LIST"});
  if (!libraries) return tl::unexpected(libraries.error());
  if (libraries->members.empty()) return std::string();
  Result<resp::Reply> functions = client.Ask({"FUNCTION", "DUMP"});
  if (!functions) return tl::unexpected(functions.error());
  return std::move(functions->text);
}

Status GiveFunctions(NodeClient& client, const std::string& functions, const std::string& who,
                     const std::string& name) {
  const Result<resp::Reply> libraries = client.Ask({"FUNCTION", "LIST"});
  if (!libraries) return tl::unexpected(libraries.error());
  if (!libraries->members.empty()) return {};
  const Result<resp::Reply> restored = client.Ask({"FUNCTION", "RESTORE", functions});
  if (!restored) {
    return Fail(who + " '" + name + "' does not take the functions of the others: " + restored.error().text);
  }
  std::cout << who << " " << name << " has the functions of the others" << std::endl;
  return {};
}

}  // namespace ringkv::cluster_admin

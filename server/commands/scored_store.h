// SPDX-License-Identifier: MIT
// Storing a sorted set that a command has made, as ZUNIONSTORE and its kind do.
#pragma once

#include <string>
#include <vector>

#include "server/command/command.h"

namespace ringkv::server {

struct ScoredMember {
  std::string name;
  double score;
};

// By score and, where scores are equal, by name.
void SortScored(std::vector<ScoredMember>* members);

// At the first argument, whatever was there; without members nothing is there. Replies how many there are. The members
// must be sorted. `event` is what subscribers are told where there are any.
void StoreScored(DataCall& call, const std::vector<ScoredMember>& members, const storage::KeyEvent& event);

}  // namespace ringkv::server

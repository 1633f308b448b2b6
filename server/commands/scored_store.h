// SPDX-License-Identifier: MIT
// Stores the resulting sorted set of a command such as ZUNIONSTORE.
#pragma once

#include <string>
#include <vector>

#include "server/command/command.h"

namespace ringkv::server {

struct ScoredMember {
  std::string name;
  double score;
};

// Sorts by score, then by name.
void SortScored(std::vector<ScoredMember>* members);

// Stores the sorted members at the key, replacing any value, or deletes the key if there are none. Replies
// their number. `event`: the keyspace notification if there are members.
void StoreScored(DataCall& call, std::string_view key, const std::vector<ScoredMember>& members,
                 const storage::KeyEvent& event);

}  // namespace ringkv::server

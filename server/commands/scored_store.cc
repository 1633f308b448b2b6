// SPDX-License-Identifier: MIT
#include "server/commands/scored_store.h"

#include <algorithm>

#include "server/commands/store_collection.h"
#include "storage/entry/packed.h"
#include "storage/types/score_code.h"

namespace ringkv::server {

void SortScored(std::vector<ScoredMember>* members) {
  std::sort(members->begin(), members->end(), [](const ScoredMember& a, const ScoredMember& b) {
    return a.score < b.score || (a.score == b.score && a.name < b.name);
  });
}

void StoreScored(DataCall& call, std::string_view key, const std::vector<ScoredMember>& members,
                 const storage::KeyEvent& event) {
  std::string packed;
  storage::AppendPackedHead(&packed, members.size());
  for (const ScoredMember& each : members) storage::AppendScored(&packed, each.name, each.score);
  StoreCollection(call, key, {storage::ValueType::kSortedSet, storage::CollectionForm::kPacked}, packed, members.size(),
                  event);
}

}  // namespace ringkv::server

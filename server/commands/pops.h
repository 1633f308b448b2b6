// SPDX-License-Identifier: MIT
// Taking elements out of collections: what the commands that wait for an element have in common with those that don't.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/command/command.h"
#include "server/commands/scored_store.h"

namespace ringkv::server {

// What LMPOP, ZMPOP and those that wait ask for.
struct PopQuery {
  size_t first = 0;  // the keys are the arguments [first, end)
  size_t end = 0;
  bool first_end = false;  // LEFT or MIN, and not RIGHT or MAX
  size_t count = 1;
};

// From the argument that says how many keys there are. Nothing with the error written.
std::optional<PopQuery> ParsePopQuery(DataCall& call, size_t number_at, std::string_view first_end,
                                      std::string_view last_end);

// LEFT or RIGHT; false if it is neither.
bool TakeEnd(Arguments& args, bool* is_front);

// Each takes out of a list that is there.
void ReplyElement(DataCall& call, storage::Place& place, bool from_front);
void ReplyElements(DataCall& call, storage::Place& place, size_t count, bool from_front);
// To the list at the second argument, which may be the same.
void MoveElement(DataCall& call, storage::Place& from, bool from_front, bool to_front);

// Takes all that a collection has in one step: subscribers are told the event, then that the key is gone.
void TakeAll(DataCall& call, storage::Place& place, const storage::KeyEvent& event);

std::vector<ScoredMember> PopMembers(DataCall& call, storage::Place& place, size_t count, bool highest);
// As ZMPOP and BZMPOP answer.
void ReplyPopped(DataCall& call, std::string_view key, const std::vector<ScoredMember>& popped);

}  // namespace ringkv::server

// SPDX-License-Identifier: MIT
// Pops from collections: common code of the blocking and the non-blocking commands.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/command/command.h"
#include "server/commands/scored_store.h"

namespace ringkv::server {

// The arguments of LMPOP, ZMPOP and their blocking variants.
struct PopQuery {
  size_t first = 0;  // the keys are the arguments [first, end)
  size_t end = 0;
  bool first_end = false;  // LEFT or MIN, and not RIGHT or MAX
  size_t count = 1;
};

// Parses the arguments from numkeys on. On failure writes the error and returns none.
std::optional<PopQuery> ParsePopQuery(DataCall& call, size_t number_at, std::string_view first_end,
                                      std::string_view last_end);

// Parses LEFT or RIGHT; false if it is neither.
bool TakeEnd(Arguments& args, bool* is_front);

// Each pops from a list that exists.
void ReplyElement(DataCall& call, storage::Place& place, bool from_front);
void ReplyElements(DataCall& call, storage::Place& place, size_t count, bool from_front);
// Pushes to the list at the second argument, which may be the same.
void MoveElement(DataCall& call, storage::Place& from, bool from_front, bool to_front);

// The condition of a blocked move, as KeyWaitPlan has it: that many elements in the source. The destination is a key of
// the request, too, but nothing is looked for in it.
std::string ElementsSoughtIn(std::string_view source, size_t least);

// Pops all elements of a collection at once: sends the event, then the deletion of the key.
void TakeAll(DataCall& call, storage::Place& place, const storage::KeyEvent& event);

std::vector<ScoredMember> PopMembers(DataCall& call, storage::Place& place, size_t count, bool highest);
// The reply of ZMPOP and BZMPOP.
void ReplyPopped(DataCall& call, std::string_view key, const std::vector<ScoredMember>& popped);

}  // namespace ringkv::server

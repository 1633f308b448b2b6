// SPDX-License-Identifier: MIT
// What the value of a string must be, or not be, for a command to do something: the words of Redis 8.4.
#pragma once

#include <string_view>

#include "server/command/command.h"

namespace ringkv::server {

struct ValueCondition {
  std::string_view word = {};  // empty: nothing is asked for
  std::string_view operand = {};

  static bool IsWord(std::string_view text);

  // Takes one of the words with its operand.
  bool Take(Arguments& args);
  // Whether its operand can be what the word asks for; else the error is written.
  bool IsSound(DataCall& call) const;
  // A key that isn't there has no value: it is equal to nothing.
  bool Holds(const storage::Place& place) const;

 private:
  bool is_by_digest() const { return word.size() > 2 && word[2] == 'D'; }
};

}  // namespace ringkv::server

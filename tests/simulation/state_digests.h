// SPDX-License-Identifier: MIT
// What the data was behind a group of a history, wherever and whenever somebody looked: all must have seen the same.
// So a primary is the model of its replicas, and of itself after a restart, for values of every type.
//
// Threads: confined.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "storage/base/lsn.h"

namespace ringkv::test {

class StateDigests {
 public:
  // False if somebody saw other data there.
  bool Note(const std::string& history, storage::Lsn last, uint64_t digest) {
    return seen_.try_emplace({history, last}, digest).first->second == digest;
  }

 private:
  std::map<std::pair<std::string, storage::Lsn>, uint64_t> seen_;
};

}  // namespace ringkv::test

// SPDX-License-Identifier: MIT
// What clients that keep copies of keys are told, in either protocol.
//
// Threads: a value.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/lsn.h"

namespace ringkv::server {

struct InvalidationMessage {
  std::string keys = {};  // an array in either protocol; empty: everything has changed
  storage::Lsn lsn = 0;   // of the changes: nobody hears of them before they are safe

  static constexpr std::string_view kPush = ">2\r\n$10\r\ninvalidate\r\n";
  static constexpr std::string_view kMessage = "*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n";

  std::string_view HeadFor(int protocol) const { return protocol >= 3 ? kPush : kMessage; }
  std::string_view BodyFor(int protocol) const {
    if (!keys.empty()) return keys;
    return protocol >= 3 ? "_\r\n" : "$-1\r\n";
  }
};

inline std::string EncodeKeys(const std::vector<std::string_view>& keys) {
  std::string out = "*" + std::to_string(keys.size()) + "\r\n";
  for (const std::string_view key : keys) {
    out.append("$").append(std::to_string(key.size())).append("\r\n").append(key).append("\r\n");
  }
  return out;
}

}  // namespace ringkv::server

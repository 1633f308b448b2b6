// SPDX-License-Identifier: MIT
// The reply to AUTH in a handshake between nodes.
#pragma once

#include <string>
#include <vector>

#include "storage/base/result.h"

namespace ringkv::cluster {

// `request`: that was sent; its last word is the password.
inline storage::Status CheckAuthReply(const std::vector<std::string>& request, const std::string& line) {
  if (!line.starts_with('-')) return {};
  // A server that knows no AUTH quotes what it was sent, and the answer goes into logs.
  const bool quotes_it = line.find(request.back()) != std::string::npos;
  return quotes_it ? storage::Fail("AUTH was refused") : storage::Fail("AUTH was answered: " + line.substr(1));
}

}  // namespace ringkv::cluster

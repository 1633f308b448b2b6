// SPDX-License-Identifier: MIT
// The parts of a request's address, and forms, which look like its query.
//
// Threads: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ringkv::server::http {

// Any bytes, each %xx as one. None if a % has no two hexadecimal digits behind it.
std::optional<std::string> PercentDecode(std::string_view text, bool plus_is_blank);
// What may stand in a path or query as it is stays; the rest becomes %XX.
std::string PercentEncode(std::string_view bytes);

// name=value&name=value; a name without a value has an empty one.
class Fields {
 public:
  static std::optional<Fields> Parse(std::string_view text);

  // The first of this name; null if there is none.
  const std::string* Find(std::string_view name) const;
  // A name that isn't among these; null if there is none.
  const std::string* FindOther(const std::vector<std::string_view>& known) const;

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

}  // namespace ringkv::server::http

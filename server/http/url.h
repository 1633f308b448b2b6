// SPDX-License-Identifier: MIT
// Request targets, percent-encoding, and the fields of queries and forms.
//
// Threads: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ringkv::server::http {

struct TargetParts {
  std::optional<std::string_view> authority;  // of a target in absolute form (RFC 9112, 3.2.2): host and port
  std::string_view path;                      // "/" if the target has an authority only
  std::string_view query;                     // behind the question mark
};
// Views into the target.
TargetParts SplitTarget(std::string_view target);

// Decodes each %xx. None if a % is not followed by two hexadecimal digits.
std::optional<std::string> PercentDecode(std::string_view text, bool plus_is_blank);
// Encodes all bytes that are not allowed in a path or query as %XX.
std::string PercentEncode(std::string_view bytes);

// name=value&name=value; a name without a value has an empty one.
class Fields {
 public:
  static std::optional<Fields> Parse(std::string_view text);

  // The first field of this name; null if there is none.
  const std::string* Find(std::string_view name) const;
  // A field name that occurs more than once; null if there is none.
  const std::string* FindTwice() const;
  // A field name that is not in the list; null if there is none.
  const std::string* FindOther(const std::vector<std::string_view>& known) const;

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

}  // namespace ringkv::server::http

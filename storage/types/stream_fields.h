// SPDX-License-Identifier: MIT
// The fields of a new stream entry: names and values in turn, each a text (see PutText).
#pragma once

#include <cstddef>
#include <string_view>

#include "storage/base/byte_codec.h"

namespace ringkv::storage {

class StreamFields {
 public:
  // `packed` must be valid.
  explicit StreamFields(std::string_view packed) : packed_(packed) {}
  // Whether untrusted bytes are valid fields, at least one.
  static bool AreSound(std::string_view packed) {
    size_t texts = 0;
    ByteReader reader(packed);
    for (; reader.ok() && !reader.AtEnd(); ++texts) reader.Text();
    return reader.ok() && texts > 0 && texts % 2 == 0;
  }

  size_t count() const {
    size_t fields = 0;
    ForEach([&](std::string_view, std::string_view) { ++fields; });
    return fields;
  }
  // The size of all names and values.
  size_t text_bytes() const {
    size_t bytes = 0;
    ForEach([&](std::string_view name, std::string_view value) { bytes += name.size() + value.size(); });
    return bytes;
  }
  // Calls `visit(name, value)`.
  template <typename Visitor>
  void ForEach(Visitor&& visit) const {
    for (ByteReader reader(packed_); !reader.AtEnd();) {
      const std::string_view name = reader.Text();
      visit(name, reader.Text());
    }
  }

 private:
  std::string_view packed_;
};

}  // namespace ringkv::storage

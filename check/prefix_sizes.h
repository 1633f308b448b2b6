// SPDX-License-Identifier: MIT
// Counts keys and bytes per key prefix. A prefix ends with the n-th separator.
#pragma once

#include <iosfwd>
#include <map>
#include <string>

#include "check/data_visitor.h"

namespace ringkv::check {

class PrefixSizes final : public DataVisitor {
 public:
  // `depth` is n, and at least 1.
  PrefixSizes(char separator, size_t depth) : separator_(separator), depth_(depth) {}

  void Key(const storage::BlockEntry& key) override { Count(key.key, key.value.size()); }
  // For a log: the bytes of each write to a key with the prefix.
  void Effect(const storage::EffectRecord& record) override;

  // The largest prefixes, at most `most`, in descending order.
  void Print(std::ostream& out, size_t most) const;

 private:
  struct Sizes {
    uint64_t count = 0;
    uint64_t key_bytes = 0;
    uint64_t value_bytes = 0;
  };

  // Above this number of prefixes, the remaining ones are counted together.
  static constexpr size_t kMostPrefixes = 1'000'000;

  void Count(std::string_view key, size_t value_bytes);
  std::string_view PrefixOf(std::string_view key) const;

  const char separator_;
  const size_t depth_;
  std::map<std::string, Sizes, std::less<>> sizes_;
  Sizes without_;
  Sizes others_;
};

}  // namespace ringkv::check

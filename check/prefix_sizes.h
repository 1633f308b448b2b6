// SPDX-License-Identifier: MIT
// How many keys and bytes there are for each prefix of the keys: what stands before the n-th separator, and that.
#pragma once

#include <iosfwd>
#include <map>
#include <string>

#include "check/data_visitor.h"

namespace ringkv::check {

class PrefixSizes final : public DataVisitor {
 public:
  // `depth` is n, at least 1.
  PrefixSizes(char separator, size_t depth) : separator_(separator), depth_(depth) {}

  void Key(const storage::BlockEntry& key) override { Count(key.key, key.value.size()); }
  // In a log: what each write of the prefix has cost.
  void Effect(const storage::EffectRecord& record) override;

  // The largest first, at most `most` of them.
  void Print(std::ostream& out, size_t most) const;

 private:
  struct Sizes {
    uint64_t count = 0;
    uint64_t key_bytes = 0;
    uint64_t value_bytes = 0;
  };

  // Beyond so many prefixes the rest is counted together.
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

// SPDX-License-Identifier: MIT
// Effects as bytes, as they stand in the log (docs/formats/log.md): a tag, the database, the key, and what the effect's
// `Fields` lists.
#pragma once

#include <string>
#include <string_view>

#include "storage/base/byte_codec.h"
#include "storage/effects/effect_list.h"

namespace ringkv::storage {

// Texts point into the decoded bytes. Effects on whole databases and on the node have no key; the latter have no
// database either, and say 0.
struct EffectRecord {
  DbIndex db = 0;
  std::string_view key;
  AnyEffect effect;
};

class FieldWriter {
 public:
  explicit FieldWriter(std::string* out) : out_(out) {}

  void operator()(std::string_view text) const { PutText(out_, text); }
  void operator()(uint64_t number) const { PutVarint(out_, number); }
  void operator()(int64_t number) const { PutFixed(out_, number); }
  void operator()(double number) const { PutFixed(out_, number); }
  void operator()(const StreamId& id) const {
    PutVarint(out_, id.ms);
    PutVarint(out_, id.seq);
  }
  void operator()(bool flag) const { out_->push_back(flag ? 1 : 0); }
  void operator()(StringForm form) const { out_->push_back(static_cast<char>(form)); }
  void operator()(ValueKind kind) const { out_->push_back(static_cast<char>(kind.bits())); }
  void operator()(EraseReason reason) const { out_->push_back(static_cast<char>(reason)); }
  void operator()(DbIndex db) const { PutVarint(out_, db); }
  // The tag says whether there is one.
  void Expiry(UnixMs expiry) const {
    if (expiry != kNoExpiry) PutFixed(out_, expiry);
  }

 private:
  std::string* out_;
};

template <typename Effect>
constexpr uint8_t TagOf(const Effect& effect) {
  if constexpr (kRowOf<Effect>.tag_with_expiry != 0) {
    if (effect.expiry != kNoExpiry) return kRowOf<Effect>.tag_with_expiry;
  }
  return kRowOf<Effect>.tag;
}

template <typename Effect>
void EncodeEffect(std::string* out, DbIndex db, std::string_view key, const Effect& effect) {
  out->push_back(static_cast<char>(TagOf(effect)));
  PutVarint(out, db);
  if constexpr (!KeylessEffect<Effect>) PutText(out, key);
  Effect::Fields(effect, FieldWriter(out));
}

template <DatabaseEffect Effect>
void EncodeEffect(std::string* out, DbIndex db, const Effect& effect) {
  EncodeEffect(out, db, {}, effect);
}
template <NodeEffect Effect>
void EncodeEffect(std::string* out, const Effect& effect) {
  EncodeEffect(out, 0, {}, effect);
}

// The next effect; makes the reader fail if it is invalid.
EffectRecord DecodeEffect(ByteReader* from);

}  // namespace ringkv::storage

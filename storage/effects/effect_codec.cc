// SPDX-License-Identifier: MIT
#include "storage/effects/effect_codec.h"

#include <array>
#include <limits>

namespace ringkv::storage {
namespace {

// The number, or a failed reader and 0 if it is greater than `most`.
uint64_t AtMost(uint64_t most, uint64_t number, ByteReader* from) {
  if (number <= most) return number;
  from->Bytes(UINT64_MAX);
  return 0;
}

DbIndex ReadDatabase(ByteReader* from) {
  return static_cast<DbIndex>(AtMost(std::numeric_limits<DbIndex>::max(), from->Varint(), from));
}

class FieldReader {
 public:
  FieldReader(ByteReader* from, bool has_expiry) : from_(from), has_expiry_(has_expiry) {}

  void operator()(std::string_view& text) const { text = from_->Text(); }
  void operator()(uint64_t& number) const { number = from_->Varint(); }
  void operator()(int64_t& number) const { number = from_->Fixed<int64_t>(); }
  void operator()(double& number) const { number = from_->Fixed<double>(); }
  void operator()(StreamId& id) const {
    id.ms = from_->Varint();
    id.seq = from_->Varint();
  }
  void operator()(bool& flag) const { flag = Byte(1) != 0; }
  void operator()(StringForm& form) const { form = static_cast<StringForm>(Byte(uint8_t(StringForm::kCopied))); }
  void operator()(ValueKind& kind) const { kind = ValueKind(Byte(kKindBits)); }
  void operator()(EraseReason& reason) const { reason = static_cast<EraseReason>(Byte(uint8_t(EraseReason::kMoved))); }
  void operator()(DbIndex& db) const { db = ReadDatabase(from_); }
  void Expiry(UnixMs& expiry) const {
    if (has_expiry_) expiry = from_->Fixed<UnixMs>();
  }

 private:
  static constexpr uint8_t kKindBits = 0x3f;

  uint8_t Byte(uint8_t most) const { return static_cast<uint8_t>(AtMost(most, from_->Fixed<uint8_t>(), from_)); }

  ByteReader* from_;
  bool has_expiry_;
};

template <typename Effect, bool kHasExpiry>
void DecodeInto(ByteReader* from, EffectRecord* record) {
  Effect effect;
  if constexpr (!KeylessEffect<Effect>) record->key = from->Text();
  Effect::Fields(effect, FieldReader(from, kHasExpiry));
  record->effect = effect;
}

using Decoder = void (*)(ByteReader*, EffectRecord*);

template <typename Effect>
constexpr void EnterDecoders(const EffectRow<Effect>& row, std::array<Decoder, kEffectTags>* by_tag) {
  (*by_tag)[row.tag] = DecodeInto<Effect, false>;
  if (row.tag_with_expiry != 0) (*by_tag)[row.tag_with_expiry] = DecodeInto<Effect, true>;
}

constexpr std::array<Decoder, kEffectTags> kDecoders = [] {
  std::array<Decoder, kEffectTags> by_tag{};
  std::apply([&](const auto&... rows) { (EnterDecoders(rows, &by_tag), ...); }, kEffects);
  return by_tag;
}();

}  // namespace

EffectRecord DecodeEffect(ByteReader* from) {
  const auto tag = from->Fixed<uint8_t>();
  EffectRecord record;
  record.db = ReadDatabase(from);
  const Decoder decode = tag < kDecoders.size() ? kDecoders[tag] : nullptr;
  if (decode == nullptr) {
    from->Bytes(UINT64_MAX);
  } else {
    decode(from, &record);
  }
  return record;
}

}  // namespace ringkv::storage

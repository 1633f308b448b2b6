// SPDX-License-Identifier: MIT
// Effects as bytes, as they stand in the log (docs/formats/log.md).
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "storage/byte_codec.h"
#include "storage/effects.h"

namespace ringkv::storage {

using AnyEffect =
    std::variant<StringPut, StringPatch, CollectionPut, HashPut, HashErase, ListPush, ListInsert, ListTake, ListSet,
                 ListRemove, SetAdd, SetErase, SortedSetPut, SortedSetErase, StreamAppend, StreamErase, StreamTrim,
                 StreamSetIds, StreamGroupPut, StreamGroupErase, StreamConsumerPut, StreamConsumerErase, StreamPend,
                 StreamAcknowledge, ExpirySet, Erase, DatabaseFlush, DatabaseSwap>;

// Texts point into what was decoded. Effects on whole databases have no key.
struct EffectRecord {
  DbIndex db = 0;
  std::string_view key;
  AnyEffect effect;
};

void EncodeEffect(std::string* out, DbIndex db, std::string_view key, const StringPut& effect);
void EncodeEffect(std::string* out, DbIndex db, std::string_view key, const StringPatch& effect);
void EncodeEffect(std::string* out, DbIndex db, std::string_view key, const CollectionPut& effect);
template <CollectionEffect Effect>
void EncodeEffect(std::string* out, DbIndex db, std::string_view key, const Effect& effect);
void EncodeEffect(std::string* out, DbIndex db, std::string_view key, const ExpirySet& effect);
void EncodeEffect(std::string* out, DbIndex db, std::string_view key, const Erase& effect);
void EncodeEffect(std::string* out, DbIndex db, const DatabaseFlush& effect);
void EncodeEffect(std::string* out, DbIndex db, const DatabaseSwap& effect);

// The next effect; spoils the reader if there is none that makes sense.
EffectRecord DecodeEffect(ByteReader* from);

}  // namespace ringkv::storage

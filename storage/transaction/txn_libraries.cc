// SPDX-License-Identifier: MIT
// Changes of the libraries of functions. The transaction holds the locks of all partitions.
#include <memory>
#include <utility>

#include "storage/effects/effect_codec.h"
#include "storage/transaction/txn.h"

namespace ringkv::storage {

template <LibraryEffect Effect>
void Txn::ChangeLibraries(LibrarySet set, const Effect& effect) {
  RINGKV_CHECK(holds_all_ && !is_undoable_);
  new_libraries_ = std::make_shared<const LibrarySet>(std::move(set));
  Partition& first = store_.partition(0);
  first.mutex.AssertHeld();
  ++first.changes;
  if (MustRecord()) EncodeEffect(&records_, effect);
}

void Txn::Do(const LibraryPut& effect) {
  LibrarySet set = *ReadLibraries();
  set.insert_or_assign(std::string(effect.name), std::make_shared<const std::string>(effect.code));
  ChangeLibraries(std::move(set), effect);
}

void Txn::Do(const LibraryErase& effect) {
  LibrarySet set = *ReadLibraries();
  const auto library = set.find(effect.name);
  if (library == set.end()) return;
  set.erase(library);
  ChangeLibraries(std::move(set), effect);
}

void Txn::Do(const LibrariesFlush& effect) {
  if (!ReadLibraries()->empty()) ChangeLibraries({}, effect);
}

void Txn::PublishLibraries(Lsn lsn) {
  // Unrecorded changes have no LSN to wait for.
  const Lsn before = store_.libraries().Get().lsn;
  store_.libraries().Replace({lsn != 0 ? lsn : before, std::move(new_libraries_)});
  new_libraries_.reset();
}

std::shared_ptr<const LibrarySet> Txn::ReadLibraries() {
  if (new_libraries_ != nullptr) return new_libraries_;
  LibrariesAt now = store_.libraries().Get();
  DependOn(now.lsn);
  return std::move(now.set);
}

}  // namespace ringkv::storage

// SPDX-License-Identifier: MIT
// Changes of the libraries of functions. The transaction holds the locks of all partitions.
#include <memory>
#include <utility>

#include "storage/effects/effect_codec.h"
#include "storage/transaction/txn.h"

namespace ringkv::storage {

template <LibraryEffect Effect>
void Txn::NoteLibraryChange(const Effect& effect) {
  RINGKV_CHECK(holds_all_ && !is_undoable_);
  Partition& first = store_.partition(0);
  first.mutex.AssertHeld();
  ++first.changes;
  if (MustRecord()) EncodeEffect(&records_, effect);
}

LibrarySet& Txn::ChangeableLibraries() {
  if (new_libraries_ == nullptr || std::exchange(new_libraries_were_read_, false)) {
    new_libraries_ = std::make_shared<LibrarySet>(*LookAtLibraries());
  }
  return *new_libraries_;
}

void Txn::Do(const LibraryPut& effect) {
  ChangeableLibraries().insert_or_assign(std::string(effect.name), std::make_shared<const std::string>(effect.code));
  NoteLibraryChange(effect);
}

void Txn::Do(const LibraryErase& effect) {
  if (!LookAtLibraries()->contains(effect.name)) return;
  LibrarySet& libraries = ChangeableLibraries();
  libraries.erase(libraries.find(effect.name));
  NoteLibraryChange(effect);
}

void Txn::Do(const LibrariesFlush& effect) {
  if (LookAtLibraries()->empty()) return;
  new_libraries_ = std::make_shared<LibrarySet>();
  new_libraries_were_read_ = false;
  NoteLibraryChange(effect);
}

void Txn::PublishLibraries(Lsn lsn) {
  // Unrecorded changes have no LSN to wait for.
  const Lsn before = store_.libraries().Get().lsn;
  store_.libraries().Replace({lsn != 0 ? lsn : before, std::move(new_libraries_)});
  new_libraries_.reset();
  new_libraries_were_read_ = false;
}

std::shared_ptr<const LibrarySet> Txn::ReadLibraries() {
  new_libraries_were_read_ = new_libraries_ != nullptr;
  return LookAtLibraries();
}

std::shared_ptr<const LibrarySet> Txn::LookAtLibraries() {
  if (new_libraries_ != nullptr) return new_libraries_;
  LibrariesAt now = store_.libraries().Get();
  DependOn(now.lsn);
  return std::move(now.set);
}

}  // namespace ringkv::storage

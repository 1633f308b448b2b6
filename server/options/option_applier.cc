// SPDX-License-Identifier: MIT
#include "server/options/option_applier.h"

#include "server/options/option_table.h"

namespace ringkv::server {
namespace {

struct ActsOnItsPart {
  const OptionParts& parts;
  const Options& options;

  void operator()(std::monostate) const {}
  template <class Part>
  void operator()(void (*act)(Part&, const Options&)) const {
    act(std::get<Part&>(parts), options);
  }
};

}  // namespace

void OptionApplier::Apply(const OptionRow& row) {
  storage::MutexLock lock(mutex_);
  std::visit(ActsOnItsPart{parts_, options_}, row.apply);
}

std::string OptionApplier::Obtain(const OptionRow& row, std::string_view value) {
  storage::MutexLock lock(mutex_);
  return row.obtain != nullptr ? row.obtain(parts_, options_, value) : "";
}

std::string OptionApplier::ObtainTogether(const OptionRow& row, std::span<const OptionChange> changes) {
  storage::MutexLock lock(mutex_);
  return row.obtain_together(parts_, options_, changes);
}

bool OptionApplier::ActsOnFiles(const OptionRow& row) { return std::holds_alternative<ActOn<DataKeeper>>(row.apply); }

void OptionApplier::ApplyAll() {
  for (const OptionRow& row : OptionRows()) Apply(row);
}

}  // namespace ringkv::server

// SPDX-License-Identifier: MIT
#include "server/options/option_table.h"

#include <vector>

#include "server/base/text.h"
#include "server/options/option_topics.h"

namespace ringkv::server {

std::span<const OptionRow> OptionRows() {
  static const std::vector<OptionRow> rows = [] {
    std::vector<OptionRow> all;
    for (const auto topic :
         {NetworkOptions(), TlsOptions(), HttpOptions(), ClientOptions(), ProcessOptions(), HostOptions(),
          KeyspaceOptions(), EncodingOptions(), ObservationOptions(), PersistenceOptions(), ReplicationOptions(),
          CoordinatorOptions(), ClusterOptions(), ScriptOptions(), IdleOptions(), RefusedOptions()}) {
      all.insert(all.end(), topic.begin(), topic.end());
    }
    return all;
  }();
  return rows;
}

const OptionRow* FindOption(std::string_view name) {
  for (const OptionRow& row : OptionRows()) {
    if (EqualsIgnoringCase(row.name, name) || (!row.alias.empty() && EqualsIgnoringCase(row.alias, name))) return &row;
  }
  return nullptr;
}

void SetDefaults(Options& options) {
  options.kept.Clear();
  options.renamed_commands.clear();
  options.users.clear();
  for (const OptionRow& row : OptionRows()) {
    if (KindOf(row) == OptionKind::kActs) SetOption(options, row, row.default_value);
  }
}

std::string IdleOptionsIn(const Options& options) {
  std::string names;
  for (const OptionRow& row : OptionRows()) {
    if (KindOf(row) != OptionKind::kIdle || !options.kept.Get(row.name)) continue;
    names += (names.empty() ? "" : ", ") + std::string(row.name);
  }
  return names;
}

}  // namespace ringkv::server

// SPDX-License-Identifier: MIT
#include "server/options/option_table.h"

#include <vector>

#include "server/base/text.h"

namespace ringkv::server {

std::span<const OptionRow> OptionRows() {
  static const std::vector<OptionRow> rows = [] {
    std::vector<OptionRow> all;
    for (const auto topic :
         {NetworkOptions(), HttpOptions(), ClientOptions(), ProcessOptions(), KeyspaceOptions(), EncodingOptions(),
          ObservationOptions(), PersistenceOptions(), ReplicationOptions(), ClusterOptions()}) {
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
  for (const OptionRow& row : OptionRows()) SetOption(options, row, row.default_value);
}

}  // namespace ringkv::server

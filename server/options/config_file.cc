// SPDX-License-Identifier: MIT
#include "server/options/config_file.h"

#include <algorithm>
#include <cstdlib>

#include "server/base/text.h"
#include "server/options/config_line.h"
#include "server/options/config_reader.h"
#include "server/options/option_table.h"

namespace ringkv::server {

using storage::Fail;
using storage::Result;

Result<bool> ReadConfigLines(std::istream& lines, const std::string& name, Options& options) {
  return ConfigReader(options).ReadStream(lines, name);
}

Result<bool> ReadEnvironment(Options& options) {
  for (const OptionRow& row : OptionRows()) {
    std::string variable = "RINGKV_" + UpperCase(row.name);
    std::replace(variable.begin(), variable.end(), '-', '_');
    const char* value = std::getenv(variable.c_str());
    if (value == nullptr) continue;
    // Kubernetes sets RINGKV_PORT=tcp://10.0.0.1:6379 where a service is called ringkv.
    if (row.type == OptionType::kInteger && std::string_view(value).starts_with("tcp://")) continue;
    if (const std::optional<std::string> wrong = CheckOption(row, value)) {
      return Fail("environment: " + BadValue(row, value, variable, *wrong));
    }
    SetOption(options, row, value);
  }
  return true;
}

}  // namespace ringkv::server

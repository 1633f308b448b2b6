// SPDX-License-Identifier: MIT
// Any line of words must be taken or refused with a text, never crash; what is taken can be shown and taken again.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "server/command/syntax_tree.h"
#include "server/options/option_table.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ringkv::server;
  if (size == 0) return 0;
  static Options options;
  const std::string value(reinterpret_cast<const char*>(data + 1), size - 1);
  const OptionRow& row = OptionRows()[data[0] % OptionRows().size()];
  if (!CheckOption(row, value)) {
    SetOption(options, row, value);
    const std::string shown = OptionValue(options, row);
    if (CheckOption(row, shown)) std::abort();
  }
  if (size < 200) ParseSyntax(value);
  return 0;
}

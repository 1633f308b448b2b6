// SPDX-License-Identifier: MIT
// Small changes of a row, for tables whose rows are made by functions.
#pragma once

#include "server/options/option_row.h"

namespace ringkv::server {

constexpr OptionRow AtTheStart(OptionRow row) {
  row.changeable = false;
  return row;
}

constexpr OptionRow Secret(OptionRow row) {
  row.is_secret = true;
  return row;
}

constexpr OptionRow Bytes(OptionRow row) {
  row.type = OptionType::kMemory;
  return row;
}

}  // namespace ringkv::server

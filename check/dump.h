// SPDX-License-Identifier: MIT
// What a visitor is shown, as text for other programs.
#pragma once

#include <iosfwd>
#include <memory>

#include "check/data_visitor.h"

namespace ringkv::check {

enum class DumpFormat : uint8_t {
  kResp,  // commands that make the same data, for `redis-cli --pipe`; a group of several effects as MULTI ... EXEC
  // An object on each line. A text that is not UTF-8 is given in hexadecimal digits, under its name with "_hex".
  kJson,
};

// `out` must outlive the dump.
std::unique_ptr<DataVisitor> MakeDump(DumpFormat format, std::ostream& out);

}  // namespace ringkv::check

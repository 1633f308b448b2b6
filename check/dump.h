// SPDX-License-Identifier: MIT
// Writes the data that a visitor receives as text for other programs.
#pragma once

#include <iosfwd>
#include <memory>

#include "check/data_visitor.h"

namespace ringkv::check {

enum class DumpFormat : uint8_t {
  kResp,  // commands that recreate the data, for `redis-cli --pipe`; a group of several effects is MULTI ... EXEC
  // One JSON object per line. Bytes that are not UTF-8 are hexadecimal digits, in a field whose name ends in "_hex".
  kJson,
};

// `out` must outlive the dump.
std::unique_ptr<DataVisitor> MakeDump(DumpFormat format, std::ostream& out);

}  // namespace ringkv::check

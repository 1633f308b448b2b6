// SPDX-License-Identifier: MIT
// Parses and prints moments in UTC, such as "2026-11-21T10:00:00.250Z".
#pragma once

#include <optional>
#include <string>

#include "storage/base/clock.h"
#include "storage/base/lsn.h"

namespace ringkv::check {

std::string FormatMoment(storage::UnixMs time);
// Parses a moment. The T may be a blank; fraction and Z are optional. "@1700000000.5" is seconds since 1970.
std::optional<storage::UnixMs> ParseMoment(const std::string& text);

}  // namespace ringkv::check

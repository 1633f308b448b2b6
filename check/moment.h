// SPDX-License-Identifier: MIT
// Moments as people write them: in UTC, "2026-11-21T10:00:00.250Z".
#pragma once

#include <optional>
#include <string>

#include "storage/base/clock.h"
#include "storage/base/lsn.h"

namespace ringkv::check {

std::string FormatMoment(storage::UnixMs time);
// Of such a text; a blank may stand for the T, the fraction and the Z may be missing. "@1700000000.5" is seconds since
// 1970.
std::optional<storage::UnixMs> ParseMoment(const std::string& text);

}  // namespace ringkv::check

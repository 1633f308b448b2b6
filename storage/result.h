// SPDX-License-Identifier: MIT
// Failures of the world (a file, a line in it) as values.
#pragma once

#include <string>
#include <tl/expected.hpp>

namespace ringkv::storage {

// `text` says what could not be done, on what, and why, in one line.
struct Error {
  std::string text;
};

template <typename T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> Fail(std::string text) { return tl::unexpected<Error>(Error{std::move(text)}); }

}  // namespace ringkv::storage

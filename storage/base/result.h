// SPDX-License-Identifier: MIT
// Failures of the world (a file, a line in it) as values.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>

namespace ringkv::storage {

enum class ErrorKind : uint8_t {
  kSystem,       // the operating system said no, or what was asked for isn't there
  kDamaged,      // a file doesn't hold what was written
  kNewerFormat,  // a file of a later version
};

// `text` says what could not be done, on what, and why, in one line.
struct Error {
  std::string text;
  ErrorKind kind = ErrorKind::kSystem;
};

template <typename T>
using Result = tl::expected<T, Error>;
using Status = tl::expected<void, Error>;

inline tl::unexpected<Error> Fail(std::string text, ErrorKind kind = ErrorKind::kSystem) {
  return tl::unexpected<Error>(Error{std::move(text), kind});
}

}  // namespace ringkv::storage

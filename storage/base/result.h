// SPDX-License-Identifier: MIT
// Errors as values: of files, of lines in them, of the system.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>

namespace ringkv::storage {

enum class ErrorKind : uint8_t {
  kSystem,       // an error of the operating system, or a missing file
  kDamaged,      // a file is not as it was written
  kNewerFormat,  // a file of a later version
  kOvertaken,    // nothing is wrong; repeat the operation
};

// `text`: the failed operation, its object and the reason, in one line.
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

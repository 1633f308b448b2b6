// SPDX-License-Identifier: MIT
#include "transport/tls_error.h"

#include <openssl/err.h>

namespace ringkv::transport {

std::string TakeTlsError() {
  constexpr size_t kLongestLine = 256;
  const unsigned long error = ERR_peek_error();  // the first one: its cause
  if (error == 0) return "unknown error";
  char line[kLongestLine];
  ERR_error_string_n(error, line, sizeof line);
  ERR_clear_error();
  return line;
}

}  // namespace ringkv::transport

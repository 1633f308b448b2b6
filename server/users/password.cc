// SPDX-License-Identifier: MIT
#include "server/users/password.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <span>
#include <stdexcept>

namespace ringkv::server {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr size_t kHashBytes = 32;

std::string HexOf(std::span<const unsigned char> bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const unsigned char byte : bytes) {
    text += kHexDigits[byte >> 4];
    text += kHexDigits[byte & 15];
  }
  return text;
}

}  // namespace

std::string HashOfPassword(std::string_view password) {
  std::array<unsigned char, kHashBytes> hash{};
  if (::EVP_Digest(password.data(), password.size(), hash.data(), nullptr, ::EVP_sha256(), nullptr) != 1) {
    throw std::runtime_error("OpenSSL cannot compute a SHA-256");
  }
  return HexOf(hash);
}

bool IsPasswordHash(std::string_view text) {
  return text.size() == kHashBytes * 2 && text.find_first_not_of(kHexDigits) == std::string_view::npos;
}

std::string RandomPassword(size_t bits) {
  const size_t digits = (bits + 3) / 4;
  std::array<unsigned char, 512> bytes{};
  if (::RAND_bytes(bytes.data(), static_cast<int>((digits + 1) / 2)) != 1) {
    throw std::runtime_error("OpenSSL has no random bytes");
  }
  return HexOf(std::span(bytes).first((digits + 1) / 2)).substr(0, digits);
}

bool SecretsEqual(std::string_view given, std::string_view expected) {
  return given.size() == expected.size() && ::CRYPTO_memcmp(given.data(), expected.data(), given.size()) == 0;
}

}  // namespace ringkv::server

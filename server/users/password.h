// SPDX-License-Identifier: MIT
// Passwords are kept and compared as their SHA-256, as redis-server keeps them.
#pragma once

#include <string>
#include <string_view>

namespace ringkv::server {

constexpr std::string_view kDefaultUser = "default";  // whom new connections are

// 64 hexadecimal digits in lower case.
std::string HashOfPassword(std::string_view password);
bool IsPasswordHash(std::string_view text);
// Random bits as hexadecimal digits, from the generator of the operating system by way of OpenSSL; the last digit is
// cut to what `bits` leaves of it. `bits` is at most 4096.
std::string RandomPassword(size_t bits);
// Compares in a time that depends on the lengths only.
bool SecretsEqual(std::string_view given, std::string_view expected);

}  // namespace ringkv::server

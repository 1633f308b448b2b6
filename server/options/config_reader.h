// SPDX-License-Identifier: MIT
// Reads configuration lines, one after the other, into options: values, included files, and the directives of
// redis.conf that are no options. Errors name the place.
//
// Threads: confined.
#pragma once

#include <iosfwd>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "server/config/options.h"
#include "storage/base/result.h"

namespace ringkv::server {

class ConfigReader {
 public:
  // `options` must outlive the reader.
  explicit ConfigReader(Options& options) : options_(options) {}

  // The words of one line; there is at least one. `depth`: of files that include each other.
  storage::Result<bool> Apply(const std::string& where, const std::vector<std::string>& words, int depth = 0);
  storage::Result<bool> ReadStream(std::istream& stream, const std::string& name, int depth = 0);
  storage::Result<bool> ReadFile(const std::string& path, int depth = 0);

 private:
  storage::Result<bool> Include(const std::string& where, const std::vector<std::string>& words, int depth);
  storage::Result<bool> Rename(const std::string& where, const std::vector<std::string>& words);
  storage::Result<bool> SetUser(const std::string& where, const std::vector<std::string>& words);
  storage::Result<bool> SetValue(const std::string& where, const std::vector<std::string>& words);

  Options& options_;
  std::set<std::string_view> seen_;
};

// What may be shown of a word that should be a name: behind it, as in masterauth=secret, may stand a secret.
std::string ShownName(std::string_view word);

}  // namespace ringkv::server

// SPDX-License-Identifier: MIT
#include "server/process/process_title.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "server/base/text.h"
#include "server/config/own_ports.h"

namespace ringkv::server {
namespace {

// Where clients reach the server.
std::string ListenAddress(const Options& options) {
  std::string path = options.unixsocket.Get();
  if (PortOfClients(options) == 0 && !path.empty()) return path;
  const std::string hosts = options.bind.Get();
  const std::vector<std::string_view> words = Words(hosts);
  return (words.empty() ? "*" : std::string(words[0])) + ":" + std::to_string(PortOfClients(options));
}

std::optional<std::string> ValueOf(std::string_view variable, std::string_view program, const std::string& config_file,
                                   const Options& options) {
  if (variable == "title") return std::string(program);
  if (variable == "listen-addr") return ListenAddress(options);
  if (variable == "server-mode") return options.cluster_enabled != 0 ? "[cluster]" : "";
  if (variable == "port") return std::to_string(options.port);
  if (variable == "tls-port") return std::to_string(options.tls_port);
  if (variable == "unixsocket") return options.unixsocket.Get();
  if (variable == "config-file") return config_file;
  return std::nullopt;
}

void MoveEnvironment() {
  std::vector<std::pair<std::string, std::string>> variables;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    const std::string_view text(*variable);
    const size_t equals = text.find('=');
    if (equals != std::string_view::npos) variables.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  ::clearenv();
  for (const auto& [name, value] : variables) ::setenv(name.c_str(), value.c_str(), 1);
}

}  // namespace

std::optional<std::string> MakeTitle(std::string_view title_template, std::string_view program,
                                     const std::string& config_file, const Options& options) {
  std::string title;
  while (!title_template.empty()) {
    const size_t open = std::min(title_template.find('{'), title_template.size());
    title += title_template.substr(0, open);
    title_template.remove_prefix(open);
    if (title_template.empty()) break;
    const size_t close = title_template.find('}');
    if (close == std::string_view::npos) return std::nullopt;
    const auto value = ValueOf(title_template.substr(1, close - 1), program, config_file, options);
    if (!value) return std::nullopt;
    title += *value;
    title_template.remove_prefix(close + 1);
  }
  title.erase(title.find_last_not_of(' ') + 1);
  return title;
}

void ProcessTitle::TakeArguments(char** arguments, const std::string& config_file) {
  char* end = arguments[0] + std::strlen(arguments[0]) + 1;
  const auto extend = [&end](char** texts) {
    for (char** text = texts; text != nullptr && *text != nullptr; ++text) {
      if (*text == end) end += std::strlen(*text) + 1;
    }
  };
  extend(arguments + 1);
  extend(environ);
  program_ = arguments[0];
  config_file_ = config_file;
  MoveEnvironment();
  room_ = arguments[0];
  size_ = static_cast<size_t>(end - room_);
}

void ProcessTitle::Show(const Options& options) {
  if (room_ == nullptr || options.set_proc_title == 0) return;
  const auto title = MakeTitle(options.proc_title_template.Get(), program_, config_file_, options);
  if (!title) return;
  std::memset(room_, 0, size_);
  title->copy(room_, size_ - 1);
}

}  // namespace ringkv::server

// SPDX-License-Identifier: MIT
// What lists of processes show of this one: the title that proc-title-template makes.
//
// Threads: TakeArguments before threads run; Show under a lock of the caller.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "server/config/options.h"

namespace ringkv::server {

// The title; trailing blanks are left out. Nothing for a template with unknown variables.
std::optional<std::string> MakeTitle(std::string_view title_template, std::string_view program,
                                     const std::string& config_file, const Options& options);

class ProcessTitle {
 public:
  // Takes the memory of the arguments and the environment, which the system shows; the environment is copied first.
  void TakeArguments(char** arguments, const std::string& config_file);
  // Does nothing without set-proc-title, or if no memory was taken.
  void Show(const Options& options);

 private:
  char* room_ = nullptr;
  size_t size_ = 0;
  std::string program_;
  std::string config_file_;
};

}  // namespace ringkv::server

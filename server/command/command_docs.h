// SPDX-License-Identifier: MIT
// Descriptions of rows for COMMAND, COMMAND DOCS and the README.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "resp/reply_writer.h"
#include "server/command/command_table.h"

namespace ringkv::server {

void ReplyCommandInfo(const CommandEntry& entry, resp::ReplyWriter& reply);
void ReplyCommandDocs(const CommandEntry& entry, resp::ReplyWriter& reply);
// The flags of a key in one request.
void ReplyKeyFlags(const KeySpec& spec, std::span<const std::string_view> argv, resp::ReplyWriter& reply);

// The ACL categories of a command, without the @: from its flags, its group and what the row adds.
std::vector<std::string_view> CategoriesOf(const Command& row);
bool HasCategory(const Command& row, std::string_view category);
// All ACL categories, in the order in which Redis lists them.
std::span<const std::string_view> CategoryNames();
std::string_view GroupName(Group group);

}  // namespace ringkv::server

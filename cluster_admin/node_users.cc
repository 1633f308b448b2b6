// SPDX-License-Identifier: MIT
#include "cluster_admin/node_users.h"

#include <algorithm>
#include <cctype>
#include <memory>
#include <string_view>

#include "cluster_admin/node_client.h"

namespace ringkv::cluster_admin {
namespace {

using storage::Fail;
using storage::Result;

// A word of a line, in quotes where it has anything that could mean more.
std::string Quoted(std::string_view word) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text = "\"";
  for (const unsigned char c : word) {
    if (c == '"' || c == '\\') text += '\\';
    if (std::isprint(c) != 0) {
      text += static_cast<char>(c);
    } else {
      text.append("\\x").append(1, kHex[c >> 4]).append(1, kHex[c & 15]);
    }
  }
  return text + "\"";
}

std::string Line(const std::string& option, std::string_view value) { return option + " " + Quoted(value) + "\n"; }

// A line of ACL LIST, whose words have no blanks.
std::string UserLine(std::string_view words) {
  std::string line;
  while (!words.empty()) {
    const size_t end = std::min(words.find(' '), words.size());
    if (end > 0) line += (line.empty() ? "" : " ") + Quoted(words.substr(0, end));
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return line + "\n";
}

Result<std::string> UsersOf(const cluster::Node& node) {
  const Result<std::unique_ptr<NodeClient>> client = NodeClient::Connect(node.host, node.port);
  if (!client) return tl::unexpected(client.error());
  std::string lines;
  for (const char* option : {"masteruser", "masterauth"}) {
    const Result<resp::Reply> value = (*client)->Ask({"CONFIG", "GET", option});
    if (!value) return Fail("node '" + node.id + "': " + value.error().text);
    const bool is_given = value->members.size() == 2 && !value->members[1].text.empty();
    if (is_given) lines += Line(option, value->members[1].text);
  }
  const Result<resp::Reply> users = (*client)->Ask({"ACL", "LIST"});
  if (!users) return Fail("node '" + node.id + "': " + users.error().text);
  for (const resp::Reply& user : users->members) lines += UserLine(user.text);
  return lines;
}

}  // namespace

Result<std::string> UsersOfNewCluster() {
  const Credentials& own = NodeClient::credentials();
  if (own.password.empty()) return std::string();
  if (!own.user.empty() && own.user != "default") {
    return Fail("a new cluster has no user '" + own.user +
                "': create it with the password of the default user, and make others by ACL SETUSER");
  }
  return Line("requirepass", own.password) + Line("masterauth", own.password);
}

Result<std::string> UsersLike(std::span<const cluster::Node> nodes) {
  Result<std::string> first = UsersOf(nodes.front());
  if (first) return first;
  for (const cluster::Node& node : nodes.subspan(1)) {
    if (Result<std::string> users = UsersOf(node)) return users;
  }
  return first;
}

}  // namespace ringkv::cluster_admin

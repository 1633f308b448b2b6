// SPDX-License-Identifier: MIT
#include "server/command/command_docs.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "server/command/syntax_tree.h"

namespace ringkv::server {
namespace {

struct FlagName {
  uint32_t flag;
  std::string_view name;
};

constexpr FlagName kFlagNames[] = {
    {kWrite, "write"},
    {kReadOnly, "readonly"},
    {kDenyOom, "denyoom"},
    {kAdmin, "admin"},
    {kPubSub, "pubsub"},
    {kNoScript, "noscript"},
    {kBlocking, "blocking"},
    {kLoading, "loading"},
    {kStale, "stale"},
    {kSkipMonitor, "skip_monitor"},
    {kSkipSlowLog, "skip_slowlog"},
    {kAsks, "asking"},
    {kFast, "fast"},
    {kNoAuth, "no_auth"},
    {kNoMandatoryKeys, "no_mandatory_keys"},
    {kNoAsyncLoading, "no_async_loading"},
    {kNoMulti, "no_multi"},
    {kAllowBusy, "allow_busy"},
};

constexpr FlagName kKeyFlagNames[] = {
    {kKeyRW, "RW"},         {kKeyRO, "RO"},
    {kKeyOW, "OW"},         {kKeyRM, "RM"},
    {kKeyAccess, "access"}, {kKeyUpdate, "update"},
    {kKeyInsert, "insert"}, {kKeyDelete, "delete"},
    {kKeyNot, "not_key"},   {kKeyIncomplete, "incomplete"},
};

// The order in which Redis lists them.
constexpr std::string_view kCategoryOrder[] = {
    "keyspace", "read",   "write",       "set",       "sortedset",  "list",        "hash",
    "string",   "bitmap", "hyperloglog", "geo",       "stream",     "pubsub",      "admin",
    "fast",     "slow",   "blocking",    "dangerous", "connection", "transaction", "scripting"};

void ReplyFlagNames(uint16_t flags, bool varies, resp::ReplyWriter& reply) {
  std::vector<std::string_view> names;
  for (const FlagName& each : kKeyFlagNames) {
    if ((flags & each.flag) != 0) names.push_back(each.name);
  }
  if (varies) names.push_back("variable_flags");
  reply.Set(static_cast<int64_t>(names.size()));
  for (const std::string_view name : names) reply.Simple(name);
}

void ReplyUnknown(resp::ReplyWriter& reply) {
  reply.Bulk("unknown");
  reply.Bulk("spec");
  reply.Map(0);
}

void ReplyKeySpec(const KeySpec& spec, resp::ReplyWriter& reply) {
  reply.Map(spec.note.empty() ? 3 : 4);
  if (!spec.note.empty()) {
    reply.Bulk("notes");
    reply.Bulk(spec.note);
  }
  reply.Bulk("flags");
  ReplyFlagNames(spec.flags, spec.flags_of != nullptr, reply);
  reply.Bulk("begin_search");
  reply.Map(2);
  reply.Bulk("type");
  if (spec.search == KeySearch::kUnknown) {
    ReplyUnknown(reply);
    reply.Bulk("find_keys");
    reply.Map(2);
    reply.Bulk("type");
    return ReplyUnknown(reply);
  }
  const bool has_keyword = spec.search == KeySearch::kKeyword;
  const bool is_counted = spec.search == KeySearch::kCounted;
  reply.Bulk(has_keyword ? "keyword" : "index");
  reply.Bulk("spec");
  reply.Map(has_keyword ? 2 : 1);
  if (has_keyword) {
    reply.Bulk("keyword");
    reply.Bulk(spec.keyword);
  }
  reply.Bulk(has_keyword ? "startfrom" : "index");
  reply.Integer(is_counted ? spec.first - 1 : spec.first);
  reply.Bulk("find_keys");
  reply.Map(2);
  reply.Bulk("type");
  if (is_counted) {
    reply.Bulk("keynum");
    reply.Bulk("spec");
    reply.Map(3);
    reply.Bulk("keynumidx");
    reply.Integer(0);
    reply.Bulk("firstkey");
    reply.Integer(1);
    reply.Bulk("keystep");
    return reply.Integer(spec.step);
  }
  reply.Bulk("range");
  reply.Bulk("spec");
  reply.Map(3);
  reply.Bulk("lastkey");
  reply.Integer(spec.last < 0 ? spec.last : spec.last - spec.first);
  reply.Bulk("keystep");
  reply.Integer(spec.step);
  reply.Bulk("limit");
  reply.Integer(spec.part);
}

void ReplyArguments(const std::vector<SyntaxNode>& nodes, const Command& row, resp::ReplyWriter& reply) {
  reply.Array(static_cast<int64_t>(nodes.size()));
  for (const SyntaxNode& node : nodes) {
    const bool has_flags = node.is_optional || node.is_repeated;
    const bool is_key = node.kind == SyntaxNode::Kind::kKey;
    reply.Map(2 + (is_key ? 1 : 0) + (node.token.empty() ? 0 : 1) + (has_flags ? 1 : 0) +
              (node.children.empty() ? 0 : 1));
    reply.Bulk("name");
    reply.Bulk(node.name);
    reply.Bulk("type");
    reply.Bulk(SyntaxKindName(node.kind));
    if (is_key) {
      reply.Bulk("key_spec_index");
      reply.Integer(row.more_keys.first != 0 && node.key_index > 0 ? 1 : 0);
    }
    if (!node.token.empty()) {
      reply.Bulk("token");
      reply.Bulk(node.token);
    }
    if (has_flags) {
      reply.Bulk("flags");
      reply.Set((node.is_optional ? 1 : 0) + (node.is_repeated ? 1 : 0) + (node.repeats_token ? 1 : 0));
      if (node.is_optional) reply.Simple("optional");
      if (node.is_repeated) reply.Simple("multiple");
      if (node.repeats_token) reply.Simple("multiple_token");
    }
    if (!node.children.empty()) {
      reply.Bulk("arguments");
      ReplyArguments(node.children, row, reply);
    }
  }
}

}  // namespace

std::string_view GroupName(Group group) {
  switch (group) {
    case Group::kGeneric: return "generic";
    case Group::kString: return "string";
    case Group::kBitmap: return "bitmap";
    case Group::kHash: return "hash";
    case Group::kList: return "list";
    case Group::kSet: return "set";
    case Group::kSortedSet: return "sorted-set";
    case Group::kStream: return "stream";
    case Group::kHyperLogLog: return "hyperloglog";
    case Group::kGeo: return "geo";
    case Group::kPubSub: return "pubsub";
    case Group::kConnection: return "connection";
    case Group::kServer: return "server";
    case Group::kTransactions: return "transactions";
    case Group::kScripting: return "scripting";
    case Group::kCluster: return "cluster";
  }
  return "";
}

std::span<const std::string_view> CategoryNames() { return kCategoryOrder; }

std::vector<std::string_view> CategoriesOf(const Command& row) {
  std::vector<std::string_view> own = Words(row.categories);
  if (row.Is(kWrite)) own.push_back("write");
  if (row.Is(kReadOnly) && row.group != Group::kScripting) own.push_back("read");
  if (row.Is(kAdmin)) own.insert(own.end(), {"admin", "dangerous"});
  if (row.Is(kPubSub)) own.push_back("pubsub");
  if (row.Is(kBlocking)) own.push_back("blocking");
  own.push_back(row.Is(kFast) ? "fast" : "slow");
  if (!row.is_container) {
    switch (row.group) {
      case Group::kGeneric:
        // One that names categories belongs to those: SORT to the types that it sorts, WAIT to connections.
        if (row.categories.empty()) own.push_back("keyspace");
        break;
      case Group::kString: own.push_back("string"); break;
      case Group::kBitmap: own.push_back("bitmap"); break;
      case Group::kHash: own.push_back("hash"); break;
      case Group::kList: own.push_back("list"); break;
      case Group::kSet: own.push_back("set"); break;
      case Group::kSortedSet: own.push_back("sortedset"); break;
      case Group::kStream: own.push_back("stream"); break;
      case Group::kHyperLogLog: own.push_back("hyperloglog"); break;
      case Group::kGeo: own.push_back("geo"); break;
      case Group::kConnection: own.push_back("connection"); break;
      case Group::kTransactions: own.push_back("transaction"); break;
      case Group::kScripting: own.push_back("scripting"); break;
      case Group::kCluster:
      case Group::kPubSub:
      case Group::kServer: break;
    }
  }
  std::vector<std::string_view> ordered;
  for (const std::string_view category : kCategoryOrder) {
    if (std::find(own.begin(), own.end(), category) != own.end()) ordered.push_back(category);
  }
  return ordered;
}

bool HasCategory(const Command& row, std::string_view category) {
  const std::vector<std::string_view> all = CategoriesOf(row);
  return std::any_of(all.begin(), all.end(), [&](std::string_view each) { return EqualsIgnoringCase(each, category); });
}

void ReplyKeyFlags(const KeySpec& spec, std::span<const std::string_view> argv, resp::ReplyWriter& reply) {
  const unsigned flags = spec.flags_of != nullptr ? spec.flags_of(argv) : spec.flags;
  ReplyFlagNames(static_cast<uint16_t>(flags & ~unsigned{kKeyIncomplete}), false, reply);  // of a request all are known
}

// Clients that don't know of key specifications are told of keys at fixed places only.
int LastFixedKey(const Command& row) {
  if (row.keys.search != KeySearch::kIndex) return 0;
  const bool more_are_fixed = row.more_keys.first != 0 && row.more_keys.search == KeySearch::kIndex;
  return more_are_fixed ? row.more_keys.last : row.keys.last;
}

void ReplyCommandInfo(const CommandEntry& entry, resp::ReplyWriter& reply) {
  const Command& row = *entry.row;
  reply.Array(10);
  reply.Bulk(entry.full_name);
  reply.Integer(row.arity);
  std::vector<std::string_view> flags;
  for (const FlagName& each : kFlagNames) {
    if (row.Is(each.flag)) flags.push_back(each.name);
  }
  const bool is_fixed = row.keys.search == KeySearch::kIndex;
  const auto is_index = [](const KeySpec& spec) { return spec.search == KeySearch::kIndex; };
  if (!is_index(row.keys) || !is_index(row.more_keys) || !is_index(row.last_keys)) flags.push_back("movablekeys");
  reply.Set(static_cast<int64_t>(flags.size()));
  for (const std::string_view flag : flags) reply.Simple(flag);
  reply.Integer(is_fixed ? row.keys.first : 0);
  reply.Integer(LastFixedKey(row));
  reply.Integer(is_fixed ? row.keys.step : 0);
  const std::vector<std::string_view> categories = CategoriesOf(row);
  reply.Set(static_cast<int64_t>(categories.size()));
  for (const std::string_view category : categories) reply.Simple("@" + std::string(category));
  const std::vector<std::string_view> tips = Words(row.tips);
  reply.Set(static_cast<int64_t>(tips.size()));
  for (const std::string_view tip : tips) reply.Bulk(tip);
  const KeySpec* const specs[] = {&row.keys, &row.more_keys, &row.last_keys};
  const auto is_there = [](const KeySpec* spec) { return spec->first != 0; };
  reply.Set(std::count_if(std::begin(specs), std::end(specs), is_there));
  for (const KeySpec* spec : specs) {
    if (is_there(spec)) ReplyKeySpec(*spec, reply);
  }
  reply.Set(static_cast<int64_t>(entry.subcommands.size()));
  for (const CommandEntry* subcommand : entry.subcommands) ReplyCommandInfo(*subcommand, reply);
}

namespace {

// "7.2.0 This; 7.4.0 That", in pairs.
std::vector<std::pair<std::string_view, std::string_view>> Additions(std::string_view history) {
  std::vector<std::pair<std::string_view, std::string_view>> additions;
  while (!history.empty()) {
    const std::string_view one = history.substr(0, history.find(';'));
    history.remove_prefix(std::min(history.size(), one.size() + 2));
    additions.emplace_back(one.substr(0, one.find(' ')), one.substr(one.find(' ') + 1));
  }
  return additions;
}

}  // namespace

void ReplyCommandDocs(const CommandEntry& entry, resp::ReplyWriter& reply) {
  const Command& row = *entry.row;
  const std::vector<SyntaxNode> syntax = row.is_container ? std::vector<SyntaxNode>() : ParseSyntax(row.syntax);
  const auto additions = Additions(row.history);
  reply.Map(4 + (additions.empty() ? 0 : 1) + (syntax.empty() ? 0 : 1) + (entry.subcommands.empty() ? 0 : 1));
  reply.Bulk("summary");
  reply.Bulk(row.summary);
  reply.Bulk("since");
  reply.Bulk(row.since);
  reply.Bulk("group");
  reply.Bulk(GroupName(row.group));
  reply.Bulk("complexity");
  reply.Bulk(row.complexity);
  if (!additions.empty()) {
    reply.Bulk("history");
    reply.Set(static_cast<int64_t>(additions.size()));
    for (const auto& [version, addition] : additions) {
      reply.Array(2);
      reply.Bulk(version);
      reply.Bulk(addition);
    }
  }
  if (!syntax.empty()) {
    reply.Bulk("arguments");
    ReplyArguments(syntax, row, reply);
  }
  if (!entry.subcommands.empty()) {
    reply.Bulk("subcommands");
    reply.Map(static_cast<int64_t>(entry.subcommands.size()));
    for (const CommandEntry* subcommand : entry.subcommands) {
      reply.Bulk(subcommand->full_name);
      ReplyCommandDocs(*subcommand, reply);
    }
  }
}

}  // namespace ringkv::server

// SPDX-License-Identifier: MIT
#include "server/commands/client_filter.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <string>

#include "server/command/error_replies.h"
#include "server/composition/server.h"
#include "server/session/client_directory.h"

namespace ringkv::server {
namespace {

struct FilterParser {
  AdminCall& call;
  const IdRule& id_rule;
  bool is_negated = false;

  bool Fail(std::string_view error) {
    call.reply.Error(error);
    return false;
  }
  bool FailWith(std::string_view error, std::string_view value, std::string_view end = {}) {
    return Fail(std::string(error).append(value).append(end));
  }
};

// --- reading --------------------------------------------------------------------------------------------------------

bool IsFilterWord(std::string_view word);

// One ID and those that follow, up to the next filter.
bool ParseIds(FilterParser& parser, ClientTraits* traits) {
  Arguments& args = parser.call.args;
  do {
    const std::optional<int64_t> id = resp::ParseInteger(args.Next());
    if (!id || *id < parser.id_rule.least) return parser.Fail(parser.id_rule.error);
    traits->ids.push_back(static_cast<uint64_t>(*id));
  } while (!args.AtEnd() && !IsFilterWord(args.Peek()));
  return true;
}

bool ParseKind(FilterParser& parser, ClientTraits* traits) {
  static constexpr struct {
    std::string_view word;
    ClientKind kind;
  } kKinds[] = {{"normal", ClientKind::kNormal}, {"replica", ClientKind::kReplica}, {"slave", ClientKind::kReplica},
                {"pubsub", ClientKind::kPubSub}, {"master", ClientKind::kNobody},   {"primary", ClientKind::kNobody}};
  const std::string_view word = parser.call.args.Next();
  const auto* found = std::find_if(std::begin(kKinds), std::end(kKinds),
                                   [&](const auto& each) { return EqualsIgnoringCase(each.word, word); });
  if (found == std::end(kKinds)) return parser.FailWith("ERR Unknown client type '", word, "'");
  traits->kind = found->kind;
  return true;
}

bool ParseUser(FilterParser& parser, ClientTraits* traits) {
  const std::string_view name = parser.call.args.Next();
  if (parser.call.server.users().Find(name) == nullptr) return parser.FailWith("ERR No such user '", name, "'");
  traits->user = name;
  return true;
}

template <std::optional<std::string_view> ClientTraits::*kField>
bool ParseText(FilterParser& parser, ClientTraits* traits) {
  traits->*kField = parser.call.args.Next();
  return true;
}

bool ParseDb(FilterParser& parser, ClientTraits* traits) {
  const std::optional<int64_t> db = resp::ParseInteger(parser.call.args.Next());
  if (!db) return parser.Fail(errors::kBadDbIndex);
  if (*db < 0 || *db >= parser.call.server.options().databases) return parser.Fail(errors::kDbOutOfRange);
  traits->db = static_cast<storage::DbIndex>(*db);
  return true;
}

// Letters of which each must be known.
bool ParseLetters(FilterParser& parser, std::string_view known, std::string_view what,
                  std::optional<std::string_view>* letters) {
  const std::string_view value = parser.call.args.Next();
  if (value.find_first_not_of(known) != std::string_view::npos) {
    const std::string filter = parser.is_negated ? "the NOT-" + UpperCase(what) + " filter" : "the provided filter";
    return parser.Fail("ERR Unknown " + std::string(what) + " found in " + filter + ": " + std::string(value));
  }
  *letters = value;
  return true;
}

bool ParseFlags(FilterParser& parser, ClientTraits* traits) {
  return ParseLetters(parser, "AbcdeiMNOPrSuUxtTRBI", "flags", &traits->flags);
}
bool ParseCapabilities(FilterParser& parser, ClientTraits* traits) {
  return ParseLetters(parser, "r", "capa", &traits->capabilities);
}

// --- asking ---------------------------------------------------------------------------------------------------------

ClientKind KindOf(const ClientCard& card) {
  if (card.is_replica) return ClientKind::kReplica;
  return card.is_subscriber() ? ClientKind::kPubSub : ClientKind::kNormal;
}

// Of "ip:port" or "[ip]:port".
std::string_view IpOf(std::string_view address) {
  address = address.substr(0, address.rfind(':'));
  if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
  return address;
}

bool HasAll(std::string_view letters, std::string_view wanted) {
  return std::all_of(wanted.begin(), wanted.end(),
                     [&](char letter) { return letters.find(letter) != std::string_view::npos; });
}

// Whether a client has the trait; none if nobody asks for it.
template <typename Wanted, typename Ask>
std::optional<bool> IfAsked(const std::optional<Wanted>& wanted, Ask&& ask) {
  return wanted ? std::optional<bool>(ask(*wanted)) : std::nullopt;
}

struct TraitRow {
  std::string_view word;
  bool (*parse)(FilterParser&, ClientTraits*);
  std::optional<bool> (*has)(const ClientTraits&, const ClientCard&);
};

using Traits = const ClientTraits&;
using Card = const ClientCard&;
constexpr TraitRow kTraits[] = {
    {"ID", ParseIds,
     [](Traits t, Card card) {
       const bool is_asked = !t.ids.empty();
       return is_asked ? std::optional(std::find(t.ids.begin(), t.ids.end(), card.id) != t.ids.end()) : std::nullopt;
     }},
    {"TYPE", ParseKind,
     [](Traits t, Card card) { return IfAsked(t.kind, [&](ClientKind kind) { return KindOf(card) == kind; }); }},
    {"USER", ParseUser,
     [](Traits t, Card card) { return IfAsked(t.user, [&](auto user) { return card.user.Get() == user; }); }},
    {"ADDR", ParseText<&ClientTraits::address>,
     [](Traits t, Card card) { return IfAsked(t.address, [&](auto address) { return card.address == address; }); }},
    {"LADDR", ParseText<&ClientTraits::local_address>,
     [](Traits t, Card card) {
       return IfAsked(t.local_address, [&](auto address) { return card.local_address == address; });
     }},
    {"IP", ParseText<&ClientTraits::ip>,
     [](Traits t, Card card) { return IfAsked(t.ip, [&](auto ip) { return IpOf(card.address) == ip; }); }},
    {"NAME", ParseText<&ClientTraits::name>,
     [](Traits t, Card card) { return IfAsked(t.name, [&](auto name) { return card.name.Get() == name; }); }},
    {"LIB-NAME", ParseText<&ClientTraits::library_name>,
     [](Traits t, Card card) {
       return IfAsked(t.library_name, [&](auto name) { return card.library_name.Get() == name; });
     }},
    {"LIB-VER", ParseText<&ClientTraits::library_version>,
     [](Traits t, Card card) {
       return IfAsked(t.library_version, [&](auto version) { return card.library_version.Get() == version; });
     }},
    {"DB", ParseDb, [](Traits t, Card card) { return IfAsked(t.db, [&](auto db) { return card.db == db; }); }},
    {"FLAGS", ParseFlags,
     [](Traits t, Card card) { return IfAsked(t.flags, [&](auto flags) { return HasAll(FlagsOf(card), flags); }); }},
    {"CAPA", ParseCapabilities,
     [](Traits t, Card card) {
       return IfAsked(t.capabilities, [&](auto wanted) { return HasAll(CapabilitiesOf(card), wanted); });
     }},
};

const TraitRow* FindTrait(std::string_view word) {
  const auto* found = std::find_if(std::begin(kTraits), std::end(kTraits),
                                   [&](const TraitRow& row) { return EqualsIgnoringCase(row.word, word); });
  return found == std::end(kTraits) ? nullptr : found;
}

constexpr std::string_view kNot = "NOT-";
bool IsNegated(std::string_view word) {
  return word.size() > kNot.size() && EqualsIgnoringCase(word.substr(0, kNot.size()), kNot);
}

bool IsFilterWord(std::string_view word) {
  static constexpr std::array<std::string_view, 3> kWithoutTrait = {"MAXAGE", "IDLE", "SKIPME"};
  if (FindTrait(IsNegated(word) ? word.substr(kNot.size()) : word) != nullptr) return true;
  return std::any_of(kWithoutTrait.begin(), kWithoutTrait.end(),
                     [&](std::string_view each) { return EqualsIgnoringCase(each, word); });
}

// A number of seconds, which the errors call `name`.
bool ParseSeconds(FilterParser& parser, std::string_view name, int64_t* seconds) {
  const std::optional<int64_t> number = resp::ParseInteger(parser.call.args.Next());
  if (!number) return parser.FailWith("ERR ", name, " is not an integer or out of range");
  if (*number < 1) return parser.FailWith("ERR ", name, " should be greater than 0");
  *seconds = *number;
  return true;
}

bool ParseOne(FilterParser& parser, ClientFilter* filter) {
  Arguments& args = parser.call.args;
  if (args.TakeWithValue("MAXAGE")) return ParseSeconds(parser, "maxage", &filter->least_age);
  if (args.TakeWithValue("IDLE")) return ParseSeconds(parser, "idle", &filter->least_idle);
  if (args.TakeWithValue("SKIPME")) {
    const std::string_view word = args.Next();
    filter->skips_me = EqualsIgnoringCase(word, "yes");
    return filter->skips_me || EqualsIgnoringCase(word, "no") || parser.Fail(errors::kSyntax);
  }
  parser.is_negated = IsNegated(args.Peek());
  const TraitRow* row = FindTrait(parser.is_negated ? args.Peek().substr(kNot.size()) : args.Peek());
  if (row == nullptr || args.Left() < 2) return parser.Fail(errors::kSyntax);
  args.Skip(1);
  return row->parse(parser, parser.is_negated ? &filter->unwanted : &filter->wanted);
}

}  // namespace

bool ClientFilter::Matches(const ClientCard& card, int64_t now_ms) const {
  if ((now_ms - card.connected_ms) / 1000 < least_age || (now_ms - card.last_used_ms) / 1000 < least_idle) return false;
  return std::all_of(std::begin(kTraits), std::end(kTraits), [&](const TraitRow& row) {
    return row.has(wanted, card).value_or(true) && !row.has(unwanted, card).value_or(false);
  });
}

bool ParseClientFilter(AdminCall& call, const IdRule& rule, ClientFilter* filter) {
  FilterParser parser{call, rule};
  while (!call.args.AtEnd()) {
    if (!ParseOne(parser, filter)) return false;
  }
  return true;
}

}  // namespace ringkv::server

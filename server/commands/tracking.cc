// SPDX-License-Identifier: MIT
// CLIENT TRACKING and its siblings: clients that keep copies of keys hear when these change.
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/command/error_replies.h"
#include "server/commands/families.h"
#include "server/composition/server.h"
#include "server/session/client_tracking.h"
#include "server/session/session.h"

namespace ringkv::server {
namespace {

constexpr std::string_view kOverlap = "Prefixes for a single client must not overlap.";

// What CLIENT TRACKING asks for.
struct Wish {
  TrackingMode mode;
  std::shared_ptr<const ClientCard> redirect;
  std::vector<std::string_view> prefixes;
};

// Writes the error.
bool ParseRedirect(AdminCall& call, Wish& wish) {
  const std::string_view word = call.args.Next();
  const auto fail = [&](std::string_view error) {
    call.reply.Error(error);
    return false;
  };
  if (wish.redirect != nullptr) return fail("ERR A client can only redirect to a single other client");
  const std::optional<int64_t> id = resp::ParseInteger(word);
  if (!id) return fail(errors::kNotInteger);
  wish.redirect = call.server.clients().Find(static_cast<uint64_t>(*id));
  if (wish.redirect == nullptr) return fail("ERR The client ID you want redirect to does not exist");
  wish.mode.redirect = wish.redirect->id;
  return true;
}

// Likewise.
bool ParseWish(AdminCall& call, Wish& wish) {
  Arguments& args = call.args;
  TrackingMode& mode = wish.mode;
  args.Skip(2);
  while (!args.AtEnd()) {
    if (args.TakeWithValue("REDIRECT")) {
      if (!ParseRedirect(call, wish)) return false;
    } else if (args.TakeWithValue("PREFIX")) {
      wish.prefixes.push_back(args.Next());
    } else if (args.Take("BCAST")) {
      mode.is_broadcast = true;
    } else if (args.Take("OPTIN")) {
      mode.opts_in = true;
    } else if (args.Take("OPTOUT")) {
      mode.opts_out = true;
    } else if (args.Take("NOLOOP")) {
      mode.skips_own = true;
    } else {
      call.reply.Error(errors::kSyntax);
      return false;
    }
  }
  return true;
}

// Why the client can't have it; empty if it can.
std::string_view WhyNot(const Wish& wish, const TrackingMode& now) {
  const TrackingMode& mode = wish.mode;
  if (!mode.is_broadcast && !wish.prefixes.empty()) return "ERR PREFIX option requires BCAST mode to be enabled";
  if (now.is_on && now.is_broadcast != mode.is_broadcast) {
    return "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it "
           "with a different mode.";
  }
  if (mode.is_broadcast && (mode.opts_in || mode.opts_out)) return "ERR OPTIN and OPTOUT are not compatible with BCAST";
  if (mode.opts_in && mode.opts_out) return "ERR You can't specify both OPTIN mode and OPTOUT mode";
  if ((mode.opts_in && now.opts_out) || (mode.opts_out && now.opts_in)) {
    return "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it "
           "with a different mode.";
  }
  return {};
}

std::string Overlap(std::string_view prefix, std::string_view kind, std::string_view other) {
  return "ERR Prefix '" + std::string(prefix) + "' overlaps with " + std::string(kind) + " prefix '" +
         std::string(other) + "'. " + std::string(kOverlap);
}

bool AreNested(std::string_view one, std::string_view other) {
  return one.starts_with(other) || other.starts_with(one);
}

// Likewise, for prefixes.
std::string WhyOverlapping(const Wish& wish, const Session& session) {
  const std::vector<std::string_view>& prefixes = wish.prefixes;
  for (size_t i = 0; i < prefixes.size(); ++i) {
    for (const std::string& known : session.tracked_prefixes) {
      if (AreNested(prefixes[i], known)) return Overlap(prefixes[i], "an existing", known);
    }
    for (size_t j = i + 1; j < prefixes.size(); ++j) {
      if (AreNested(prefixes[i], prefixes[j])) return Overlap(prefixes[i], "another provided", prefixes[j]);
    }
  }
  return {};
}

// Every change of a key costs something for the prefixes that there are.
std::string WhyTooMany(const Session& session, const Wish& wish) {
  constexpr size_t kMost = 1000;
  if (session.tracked_prefixes.size() + wish.prefixes.size() <= kMost) return {};
  return "ERR a client can track " + std::to_string(kMost) + " prefixes at most";
}

void Track(AdminCall& call) {
  const std::string_view state = call.args[2];
  Wish wish;
  if (!ParseWish(call, wish)) return;
  Session& session = call.session;
  if (EqualsIgnoringCase(state, "off")) {
    EndTracking(session, call.thread, call.server.tracking());
    return call.reply.Ok();
  }
  if (!EqualsIgnoringCase(state, "on")) return call.reply.Error(errors::kSyntax);
  const std::string_view why = WhyNot(wish, session.tracking);
  if (!why.empty()) return call.reply.Error(why);
  std::string refusal = WhyTooMany(session, wish);
  if (refusal.empty()) refusal = WhyOverlapping(wish, session);
  if (!refusal.empty()) return call.reply.Error(refusal);
  if (wish.mode.is_broadcast && wish.prefixes.empty()) wish.prefixes.emplace_back();
  BeginTracking(session, call.thread, call.server.tracking(), wish.mode, std::move(wish.redirect), wish.prefixes);
  call.reply.Ok();
}

void Caching(AdminCall& call) {
  TrackingMode& mode = call.session.tracking;
  if (!mode.is_on) {
    return call.reply.Error(
        "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled");
  }
  if (EqualsIgnoringCase(call.args[2], "yes")) {
    if (!mode.opts_in) {
      return call.reply.Error("ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.");
    }
  } else if (EqualsIgnoringCase(call.args[2], "no")) {
    if (!mode.opts_out) {
      return call.reply.Error("ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.");
    }
  } else {
    return call.reply.Error(errors::kSyntax);
  }
  mode.is_caching = true;
  mode.ends_caching = call.in_transaction;  // else with the next command
  mode.Update();
  call.reply.Ok();
}

int64_t RedirectOf(const TrackingMode& mode) { return mode.is_on ? static_cast<int64_t>(mode.redirect) : -1; }

void GetRedirect(AdminCall& call) { call.reply.Integer(RedirectOf(call.session.tracking)); }

std::vector<std::string_view> FlagsOf(const TrackingMode& mode) {
  std::vector<std::string_view> flags = {mode.is_on ? "on" : "off"};
  if (mode.is_broadcast) flags.push_back("bcast");
  if (mode.opts_in) flags.push_back("optin");
  if (mode.opts_in && mode.is_caching) flags.push_back("caching-yes");
  if (mode.opts_out) flags.push_back("optout");
  if (mode.opts_out && mode.is_caching) flags.push_back("caching-no");
  if (mode.skips_own) flags.push_back("noloop");
  if (mode.is_broken) flags.push_back("broken_redirect");
  return flags;
}

void TrackingInfo(AdminCall& call) {
  resp::ReplyWriter& reply = call.reply;
  const std::vector<std::string_view> flags = FlagsOf(call.session.tracking);
  reply.Map(3);
  reply.Bulk("flags");
  reply.Set(static_cast<int64_t>(flags.size()));
  for (const std::string_view flag : flags) reply.Bulk(flag);
  reply.Bulk("redirect");
  reply.Integer(RedirectOf(call.session.tracking));
  reply.Bulk("prefixes");
  reply.Array(static_cast<int64_t>(call.session.tracked_prefixes.size()));
  for (const std::string& prefix : call.session.tracked_prefixes) reply.Bulk(prefix);
}

constexpr uint32_t kOwn = kNoScript | kLoading | kStale;

constexpr Command kTrackingCommands[] = {
    {.name = "caching",
     .parent = "client",
     .arity = 3,
     .flags = kOwn,
     .traits = kChangesSession,
     .group = Group::kConnection,
     .since = "6.0.0",
     .syntax = "<YES | NO>",
     .summary = "Says whether the keys of the next command are kept (OPTIN, OPTOUT).",
     .run = Admin(Caching)},
    {.name = "getredir",
     .parent = "client",
     .arity = 2,
     .flags = kOwn,
     .traits = kOnlyShows,
     .group = Group::kConnection,
     .since = "6.0.0",
     .summary = "Returns the id of the connection that hears of changed keys in place of this one.",
     .run = Admin(GetRedirect)},
    {.name = "tracking",
     .parent = "client",
     .arity = -3,
     .flags = kOwn,
     .traits = kChangesSession,
     .group = Group::kConnection,
     .since = "6.0.0",
     .complexity = "O(N) in the number of prefixes",
     .syntax = "<ON | OFF> [REDIRECT client-id] [PREFIX prefix [PREFIX prefix ...]] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]",
     .summary = "Has this connection told when keys change that it has read, or that begin with a prefix.",
     .run = Admin(Track)},
    {.name = "trackinginfo",
     .parent = "client",
     .arity = 2,
     .flags = kOwn,
     .traits = kOnlyShows,
     .group = Group::kConnection,
     .since = "6.2.0",
     .summary = "Returns how this connection tracks keys.",
     .run = Admin(TrackingInfo)},
};
static_assert(RowsAreSound(kTrackingCommands));

}  // namespace

std::span<const Command> TrackingCommands() { return kTrackingCommands; }

}  // namespace ringkv::server

// SPDX-License-Identifier: MIT
// INCREX: a counter with bounds and a lifetime, for limits of a rate.
#include <cfloat>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>

#include "server/command/error_replies.h"
#include "server/command/expiry_time.h"
#include "server/command/long_double.h"
#include "server/command/typed_key.h"
#include "server/commands/families.h"
#include "storage/effects/key_event.h"

namespace ringkv::server {
namespace {

namespace events = storage::events;
using storage::Intent;
using storage::Place;
using storage::StringForm;
using storage::StringPut;

struct IncrExOptions {
  bool is_float = false;
  std::optional<std::string_view> amount;
  std::optional<std::string_view> lower;
  std::optional<std::string_view> upper;
  bool saturates = false;  // goes to the bound that it would pass; else it stays
  Lifetime lifetime = {};
  bool persists = false;
  bool keeps_expiry = false;  // ENX: if the key has one
};

bool TakeOnce(Arguments& args, std::string_view word, std::optional<std::string_view>* value) {
  if (*value || !args.TakeWithValue(word)) return false;
  *value = args.Next();
  return true;
}

// False on anything that doesn't belong together.
bool ParseIncrExOptions(Arguments& args, IncrExOptions* options) {
  while (!args.AtEnd()) {
    const bool has_lifetime = options->persists || options->lifetime.is_given();
    if (TakeOnce(args, "BYINT", &options->amount) || TakeOnce(args, "LBOUND", &options->lower) ||
        TakeOnce(args, "UBOUND", &options->upper)) {
      continue;
    }
    if (TakeOnce(args, "BYFLOAT", &options->amount)) {
      options->is_float = true;
    } else if (args.Take("SATURATE")) {
      options->saturates = true;
    } else if (args.Take("ENX")) {
      options->keeps_expiry = true;
    } else if (!has_lifetime && args.Take("PERSIST")) {
      options->persists = true;
    } else if (has_lifetime || !options->lifetime.Take(args)) {
      return false;
    }
  }
  return !options->persists || !options->keeps_expiry;
}

// --- the two kinds of numbers ---------------------------------------------------------------------------------------

struct Integers {
  using Number = int64_t;
  static constexpr int64_t kLeast = INT64_MIN;
  static constexpr int64_t kGreatest = INT64_MAX;
  static constexpr std::string_view kIsNone = " is not an integer or out of range";
  static constexpr std::string_view kCannotApply = "ERR applied increment would overflow";
  static constexpr StringForm kForm = StringForm::kPlain;

  static std::optional<int64_t> Parse(std::string_view text) { return resp::ParseInteger(text); }
  static bool IsInfinite(int64_t) { return false; }
  static bool IsBeyondReplies(int64_t) { return false; }
  // False when the result can't be told.
  static bool Add(int64_t a, int64_t b, int64_t* sum) { return !__builtin_add_overflow(a, b, sum); }
  static bool Subtract(int64_t a, int64_t b, int64_t* rest) { return !__builtin_sub_overflow(a, b, rest); }
  static std::string Text(int64_t value) { return std::to_string(value); }
  static void Reply(resp::ReplyWriter& reply, int64_t value) { reply.Integer(value); }
  static const storage::KeyEvent& event() { return events::kIncrBy; }
};

struct Floats {
  using Number = long double;
  // Numbers are exact as a long double is, and stay in the range of a double, which clients read.
  static constexpr long double kLeast = -DBL_MAX;
  static constexpr long double kGreatest = DBL_MAX;
  static constexpr std::string_view kIsNone = " is not a valid float";
  static constexpr std::string_view kCannotApply = "ERR applied increment would be Infinity";
  static constexpr StringForm kForm = StringForm::kText;

  static std::optional<long double> Parse(std::string_view text) { return ParseLongDouble(text); }
  static bool IsInfinite(long double value) { return std::isinf(value); }
  // INCRBYFLOAT may leave such a number.
  static bool IsBeyondReplies(long double value) { return std::isfinite(value) && std::fabs(value) > kGreatest; }
  static bool Add(long double a, long double b, long double* sum) {
    *sum = a + b;
    return std::fabs(*sum) <= kGreatest;
  }
  static bool Subtract(long double a, long double b, long double* rest) { return Add(a, -b, rest); }
  static std::string Text(long double value) { return FormatLongDouble(value); }
  static void Reply(resp::ReplyWriter& reply, long double value) {
    reply.Double(static_cast<double>(value), FormatLongDouble(value));
  }
  static const storage::KeyEvent& event() { return events::kIncrByFloat; }
};

// --- the increment --------------------------------------------------------------------------------------------------

// The number, or what stands for it if it isn't given; none with the error written, which calls it `name`.
template <typename Kind>
std::optional<typename Kind::Number> ParseNumber(DataCall& call, std::string_view name,
                                                 std::optional<std::string_view> text,
                                                 typename Kind::Number otherwise) {
  if (!text) return otherwise;
  const auto number = Kind::Parse(*text);
  if (!number) {
    call.reply.Error("ERR " + std::string(name) + std::string(Kind::kIsNone));
  } else if (Kind::IsBeyondReplies(*number)) {
    call.reply.Error("ERR " + std::string(name) + " is out of the range of a double");
    return std::nullopt;
  }
  return number;
}

template <typename Kind>
void ReplyBoth(DataCall& call, typename Kind::Number value, typename Kind::Number applied) {
  call.reply.Array(2);
  Kind::Reply(call.reply, value);
  Kind::Reply(call.reply, applied);
}

// Stores the sum with what the options say of its lifetime.
template <typename Kind>
bool Store(DataCall& call, const IncrExOptions& options, Place& place, typename Kind::Number sum) {
  storage::UnixMs expiry = place.expiry();
  const bool had_expiry = place && expiry != storage::kNoExpiry;
  const bool sets_expiry = options.lifetime.is_given() && !(options.keeps_expiry && had_expiry);
  if (sets_expiry) {
    const auto parsed = ParseExpiry(call, options.lifetime, "increx");
    if (!parsed) return false;
    expiry = *parsed;
  } else if (options.persists) {
    expiry = storage::kNoExpiry;
  }
  if (sets_expiry && options.lifetime.unit->is_absolute && call.txn.HasPassed(expiry)) {
    if (place) call.txn.Do(place, storage::Erase{}, events::kDel);
    return true;
  }
  call.txn.Do(place, StringPut{Kind::Text(sum), expiry, Kind::kForm}, Kind::event());
  if (sets_expiry) call.txn.Tell(place, events::kExpire);
  if (options.persists && had_expiry) call.txn.Tell(place, events::kPersist);
  return true;
}

template <typename Kind>
void Increase(DataCall& call, const IncrExOptions& options) {
  using Number = typename Kind::Number;
  const auto amount = ParseNumber<Kind>(call, "Increment", options.amount, 1);
  if (!amount) return;
  if (Kind::IsInfinite(*amount)) return call.reply.Error("ERR BYFLOAT increment cannot be Infinity");
  const auto lower = ParseNumber<Kind>(call, "LBOUND", options.lower, Kind::kLeast);
  if (!lower) return;
  const auto upper = ParseNumber<Kind>(call, "UBOUND", options.upper, Kind::kGreatest);
  if (!upper) return;
  if (*lower > *upper) return call.reply.Error("ERR LBOUND can't be greater than UBOUND");
  std::optional<Place> found = FindString(call, call.args[1], Intent::kWrite);
  if (!found) return;
  const auto text = *found ? std::optional(found->value()) : std::nullopt;
  const auto value = ParseNumber<Kind>(call, "value", text, 0);
  if (!value) return;
  if (Kind::IsInfinite(*value)) return call.reply.Error("ERR value cannot be Infinity");
  Number sum = 0;
  const bool fits = Kind::Add(*value, *amount, &sum);
  const bool is_above = fits ? sum > *upper : *amount > 0;
  const bool is_below = fits ? sum < *lower : *amount < 0;
  if ((is_above || is_below) && !options.saturates) return ReplyBoth<Kind>(call, *value, 0);
  if (is_above) sum = *upper;
  if (is_below) sum = *lower;
  Number applied = 0;
  if (!Kind::Subtract(sum, *value, &applied)) return call.reply.Error(Kind::kCannotApply);
  if (Store<Kind>(call, options, *found, sum)) ReplyBoth<Kind>(call, sum, applied);
}

void IncrEx(DataCall& call) {
  IncrExOptions options;
  call.args.Skip(1);
  if (!ParseIncrExOptions(call.args, &options)) return call.reply.Error(errors::kSyntax);
  if (options.keeps_expiry && !options.lifetime.is_given()) {
    return call.reply.Error("ERR ENX flag requires an expiration");
  }
  options.is_float ? Increase<Floats>(call, options) : Increase<Integers>(call, options);
}

constexpr Command kIncrExCommands[] = {
    {.name = "increx",
     .arity = -2,
     .flags = kWrite | kDenyOom | kFast,
     .keys = OneKey(kKeyRW | kKeyAccess | kKeyUpdate),
     .group = Group::kString,
     .since = "8.8.0",
     .syntax = "key [BYFLOAT increment | BYINT increment] [LBOUND lowerbound] [UBOUND upperbound] [SATURATE] "
               "[EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST] [ENX]",
     .summary = "Increments a number within bounds and sets the expiry of the key.",
     .run = Data(IncrEx)},
};
static_assert(RowsAreSound(kIncrExCommands));

}  // namespace

std::span<const Command> IncrExCommands() { return kIncrExCommands; }

}  // namespace ringkv::server

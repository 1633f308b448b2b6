// SPDX-License-Identifier: MIT
// Values of options, as texts and as numbers.
#include <algorithm>
#include <charconv>
#include <string>
#include <vector>

#include "resp/integer_text.h"
#include "server/base/text.h"
#include "server/options/option_table.h"

namespace ringkv::server {
namespace {

std::optional<int> ChoiceIndex(const OptionRow& row, std::string_view value) {
  const std::vector<std::string_view> choices = Words(row.choices);
  for (size_t i = 0; i < choices.size(); ++i) {
    if (EqualsIgnoringCase(choices[i], value)) return static_cast<int>(i);
  }
  return std::nullopt;
}

std::optional<int64_t> ParseOctal(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 8);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "5%" as -5; nothing if it is none.
std::optional<int64_t> ParsePercent(std::string_view text) {
  if (!text.ends_with('%')) return std::nullopt;
  const std::optional<int64_t> number = resp::ParseInteger(text.substr(0, text.size() - 1));
  return number && *number >= 0 ? std::optional<int64_t>(-*number) : std::nullopt;
}

// The number a value stands for, whatever the type; nothing if it is none.
std::optional<int64_t> NumberOf(const OptionRow& row, std::string_view value) {
  switch (row.type) {
    case OptionType::kInteger: return resp::ParseInteger(value);
    case OptionType::kOctal: return ParseOctal(value);
    case OptionType::kMemory:
      if (const std::optional<int64_t> percent = ParsePercent(value); percent && row.takes_percent) return percent;
      return ParseMemory(value);
    case OptionType::kBoolean:
      if (EqualsIgnoringCase(value, "yes")) return 1;
      if (EqualsIgnoringCase(value, "no")) return 0;
      return std::nullopt;
    case OptionType::kChoice: {
      const std::optional<int> index = ChoiceIndex(row, value);
      return index ? std::optional<int64_t>(*index) : std::nullopt;
    }
    case OptionType::kText: break;
  }
  return std::nullopt;
}

std::string JoinedChoices(const OptionRow& row) {
  std::string joined;
  for (const std::string_view choice : Words(row.choices)) {
    if (!joined.empty()) joined += ", ";
    joined += choice;
  }
  return joined;
}

std::string RangeError(const OptionRow& row) {
  return std::string(row.takes_auto ? "argument must be auto, or between " : "argument must be between ") +
         std::to_string(row.least) + " and " + std::to_string(row.most) + " inclusive";
}

std::string ShownText(const OptionRow& row, const std::string& value) {
  return row.normalized != nullptr ? row.normalized(value) : value;
}

std::string ShownNumber(const OptionRow& row, int64_t number) {
  switch (row.type) {
    case OptionType::kBoolean: return number != 0 ? "yes" : "no";
    case OptionType::kChoice: return std::string(Words(row.choices)[static_cast<size_t>(number)]);
    case OptionType::kOctal: {
      char digits[24];
      const auto end = std::to_chars(digits, digits + sizeof digits, number, 8).ptr;
      return std::string(digits, end);
    }
    case OptionType::kMemory: return number < 0 ? std::to_string(-number) + "%" : std::to_string(number);
    default: return std::to_string(number);
  }
}

// A value that has passed the check, as CONFIG GET shows it.
std::string Shown(const OptionRow& row, const std::string& value) {
  return row.type == OptionType::kText ? ShownText(row, value) : ShownNumber(row, *NumberOf(row, value));
}

// What is wrong with a text or a number, as redis-server says it.
std::optional<std::string> CheckType(const OptionRow& row, std::string_view value) {
  if (row.takes_auto && EqualsIgnoringCase(value, kAuto)) return std::nullopt;
  if (row.type == OptionType::kText) {
    const bool is_cut = !row.is_secret && value.find('\0') != std::string_view::npos;
    return is_cut ? std::optional<std::string>("argument can't hold a NUL byte") : std::nullopt;
  }
  const std::optional<int64_t> number = NumberOf(row, value);
  if (!number) {
    if (row.takes_auto) return RangeError(row);
    switch (row.type) {
      case OptionType::kBoolean: return "argument must be 'yes' or 'no'";
      case OptionType::kChoice: return "argument(s) must be one of the following: " + JoinedChoices(row);
      case OptionType::kMemory:
        return row.takes_percent ? "argument must be a memory or percent value" : "argument must be a memory value";
      default: return "argument couldn't be parsed into an integer";
    }
  }
  if (row.takes_percent && *number < 0) {
    if (*number < -100) return "percentage argument must be less or equal to 100";
    return std::nullopt;
  }
  if (*number < row.least || *number > row.most) return RangeError(row);
  return std::nullopt;
}

}  // namespace

std::string OptionValue(const Options& options, const OptionRow& row) {
  if (const auto* text = std::get_if<SharedText Options::*>(&row.field))
    return ShownText(row, (options.*(*text)).Get());
  if (const auto* number = std::get_if<SharedNumber Options::*>(&row.field)) {
    return ShownNumber(row, options.*(*number));
  }
  return Shown(row, options.kept.Get(row.name).value_or(std::string(row.default_value)));
}

std::string WrittenValue(const Options& options, const OptionRow& row) {
  return row.written != nullptr ? row.written(options) : OptionValue(options, row);
}

std::optional<std::string> CheckOption(const OptionRow& row, std::string_view value) {
  if (row.check != nullptr) {
    const std::string wrong = row.check(value);
    if (!wrong.empty()) return wrong;
  }
  if (std::optional<std::string> wrong = CheckType(row, value)) return wrong;
  const bool is_refused = !row.instead.empty() && Shown(row, std::string(value)) != row.default_value;
  return is_refused ? std::optional<std::string>(row.instead) : std::nullopt;
}

void SetOption(Options& options, const OptionRow& row, std::string_view value) {
  if (row.set != nullptr) {
    row.set(options, value);
  } else if (const auto* text = std::get_if<SharedText Options::*>(&row.field)) {
    (options.*(*text)).Set(std::string(value));
  } else if (const auto* number = std::get_if<SharedNumber Options::*>(&row.field)) {
    options.*(*number) = std::clamp(*NumberOf(row, value), row.taken_within.least, row.taken_within.most);
  } else {
    options.kept.Set(row.name, Shown(row, std::string(value)));
  }
}

std::optional<int64_t> ParseMemory(std::string_view text) {
  size_t digits = 0;
  while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') ++digits;
  const std::string_view unit = text.substr(digits);
  int64_t factor = 0;
  if (unit.empty() || EqualsIgnoringCase(unit, "b")) factor = 1;
  if (EqualsIgnoringCase(unit, "k")) factor = 1000;
  if (EqualsIgnoringCase(unit, "kb")) factor = 1024;
  if (EqualsIgnoringCase(unit, "m")) factor = 1000 * 1000;
  if (EqualsIgnoringCase(unit, "mb")) factor = 1024 * 1024;
  if (EqualsIgnoringCase(unit, "g")) factor = 1000 * 1000 * 1000;
  if (EqualsIgnoringCase(unit, "gb")) factor = int64_t{1024} * 1024 * 1024;
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, number);
  if (digits == 0 || factor == 0 || error != std::errc() || number > INT64_MAX / factor) return std::nullopt;
  return number * factor;
}

}  // namespace ringkv::server

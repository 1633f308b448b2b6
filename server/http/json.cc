// SPDX-License-Identifier: MIT
#include "server/http/json.h"

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "storage/base/base64.h"

namespace ringkv::server::http {
namespace {

using nlohmann::json;

constexpr size_t kDeepest = 4;

// Keeps the text of numbers, which only a listener to the parser is given.
class DocumentBuilder final : public nlohmann::json_sax<json> {
 public:
  explicit DocumentBuilder(size_t most) : most_(most) {}

  JsonFault fault() const { return fault_; }
  json TakeDocument() { return std::move(document_); }

  bool null() override { return Add(nullptr) != nullptr; }
  bool boolean(bool value) override { return Add(value) != nullptr; }
  // The parser calls this for what begins with a minus.
  bool number_integer(int64_t value) override { return Add(value == 0 ? "-0" : std::to_string(value)) != nullptr; }
  bool number_unsigned(uint64_t value) override { return Add(std::to_string(value)) != nullptr; }
  bool number_float(double, const std::string& text) override { return Add(text) != nullptr; }
  bool string(std::string& value) override { return Add(std::move(value)) != nullptr; }
  bool binary(json::binary_t&) override { return false; }
  bool start_object(size_t) override { return Open(json::object()); }
  bool start_array(size_t) override { return Open(json::array()); }
  bool key(std::string& name) override {
    name_ = std::move(name);
    return true;
  }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }
  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception& error) override {
    constexpr int kOutOfRange = 406;  // the library's number
    if (error.id == kOutOfRange) fault_ = JsonFault::kNumberTooLarge;
    return false;
  }

 private:
  // The new value in the document; null if the document is refused.
  json* Add(json value) {
    if (++there_ > most_) {
      fault_ = JsonFault::kTooMany;
      return nullptr;
    }
    if (open_.empty()) return &(document_ = std::move(value));
    if (open_.back()->is_array()) return &open_.back()->emplace_back(std::move(value));
    const auto [place, is_new] = open_.back()->emplace(name_, std::move(value));
    if (!is_new) fault_ = JsonFault::kNameTwice;
    return is_new ? &*place : nullptr;
  }
  bool Open(json empty) {
    if (open_.size() > kDeepest) return false;
    open_.push_back(Add(std::move(empty)));
    return open_.back() != nullptr;
  }
  bool Close() {
    open_.pop_back();
    return true;
  }

  const size_t most_;
  size_t there_ = 0;
  JsonFault fault_ = JsonFault::kNoJson;
  json document_;
  std::vector<json*> open_;  // from the outermost to where the next value goes
  std::string name_;         // of that value
};

}  // namespace

std::string ToJson(std::string_view bytes) {
  try {
    return json(bytes).dump();
  } catch (const json::type_error&) {  // how the library says that it is no UTF-8
    return "{\"base64\":\"" + storage::EncodeBase64(bytes) + "\"}";
  }
}

std::optional<std::string> BytesFromJson(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_object() || value.size() != 1) return std::nullopt;
  const auto encoded = value.find("base64");
  if (encoded == value.end() || !encoded->is_string()) return std::nullopt;
  return storage::DecodeBase64(encoded->get_ref<const std::string&>());
}

tl::expected<json, JsonFault> ParseJson(std::string_view text, size_t most) {
  DocumentBuilder builder(most);
  if (!json::sax_parse(text, &builder)) return tl::unexpected(builder.fault());
  return builder.TakeDocument();
}

}  // namespace ringkv::server::http

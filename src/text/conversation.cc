// SPDX-License-Identifier: Apache-2.0
#include "text/conversation.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "minimax/error.h"

namespace minimax::text {
namespace {

using base::Json;
using base::JsonArray;
using base::JsonObject;

std::string describe(const Json* value) {
  if (value == nullptr) {
    return "nothing";
  }
  if (value->is_array() && value->array().empty()) {
    return "an empty array";
  }
  return value->is_string() ? base::quote_json(base::printable(value->string(), 60))
                            : value->type_name();
}

[[noreturn]] void fail_expected(const std::string& where, std::string_view expected,
                                const Json* found) {
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{}: expected {}, found {}", where, expected, describe(found)));
}

void set_member(JsonObject& object, std::string_view key, Json value) {
  const auto it = std::ranges::find(object, key, &base::JsonMember::first);
  if (it == object.end()) {
    object.emplace_back(std::string(key), std::move(value));
  } else {
    it->second = std::move(value);
  }
}

class Normalizer {
 public:
  explicit Normalizer(const ConversationRules& rules) : rules_(rules) {}

  Json normalize(const Json& messages) {
    if (!messages.is_array() || messages.array().empty()) {
      fail_expected("messages", "an array of at least one message", &messages);
    }
    JsonArray result;
    result.reserve(messages.array().size());
    for (std::size_t i = 0; i < messages.array().size(); ++i) {
      where_ = fmt::format("messages[{}]", i);
      result.push_back(normalize_message(messages.array()[i]));
    }
    return result;
  }

 private:
  bool knows(std::string_view text) const {
    return rules_.known_strings != nullptr && rules_.known_strings->contains(text);
  }

  Json normalize_message(const Json& source) {
    if (!source.is_object()) {
      fail_expected(where_, "an object with role and content", &source);
    }
    Json copy = source;
    JsonObject& message = copy.object();
    const std::string role = normalize_role(copy.find("role"));
    set_member(message, "role", role);
    normalize_tool_calls(copy);
    if (role == "tool") {
      fill_in_name(copy);
    }
    const Json* calls = copy.find("tool_calls");
    const bool may_be_absent = role == "assistant" && calls != nullptr && !calls->is_null();
    Json content = normalize_content(copy, may_be_absent);
    set_member(message, "content", std::move(content));
    return copy;
  }

  std::string normalize_role(const Json* role) const {
    constexpr std::string_view kRoles[] = {"system", "user", "assistant", "tool"};
    if (role != nullptr && role->is_string()) {
      const std::string& name = role->string();
      if (std::ranges::find(kRoles, name) != std::end(kRoles) || knows(name)) {
        return name;
      }
      if (name == "developer" || name == "function") {
        return name == "developer" ? "system" : "tool";
      }
    }
    fail_expected(where_ + ".role", "system, developer, user, assistant, tool or function", role);
  }

  void normalize_tool_calls(Json& message) {
    const auto& members = message.object();
    const auto it = std::ranges::find(members, "tool_calls", &base::JsonMember::first);
    if (it == members.end() || it->second.is_null()) {
      return;
    }
    Json& calls = message.object()[static_cast<std::size_t>(it - members.begin())].second;
    if (!calls.is_array()) {
      fail_expected(where_ + ".tool_calls", "an array", &calls);
    }
    for (std::size_t i = 0; i < calls.array().size(); ++i) {
      normalize_tool_call(calls.array()[i], fmt::format("{}.tool_calls[{}]", where_, i));
    }
  }

  void normalize_tool_call(Json& call, const std::string& where) {
    if (!call.is_object()) {
      fail_expected(where, "an object", &call);
    }
    const auto it = std::ranges::find(call.object(), "function", &base::JsonMember::first);
    Json& function = it == call.object().end() ? call : it->second;
    const Json* name = function.find("name");
    if (name == nullptr || !name->is_string()) {
      fail_expected(where + ".function.name", "a string", name);
    }
    const Json* id = call.find("id");
    if (id != nullptr && id->is_string()) {
      names_by_id_[id->string()] = name->string();
    }
    const Json* arguments = function.find("arguments");
    if (arguments != nullptr && arguments->is_string() && rules_.takes_argument_objects) {
      parse_arguments(function.object(), arguments->string());
    }
  }

  // Text that is no JSON object stays text.
  static void parse_arguments(JsonObject& function, const std::string& text) {
    try {
      Json parsed =
          base::parse_json(text, "arguments", {.duplicate_keys = base::DuplicateKeys::kLastWins});
      if (parsed.is_object()) {
        set_member(function, "arguments", std::move(parsed));
      }
    } catch (const Error&) {
      return;
    }
  }

  void fill_in_name(Json& message) const {
    const Json* name = message.find("name");
    const Json* id = message.find("tool_call_id");
    if (name != nullptr || id == nullptr || !id->is_string()) {
      return;
    }
    const auto it = names_by_id_.find(id->string());
    if (it != names_by_id_.end()) {
      set_member(message.object(), "name", it->second);
    }
  }

  Json normalize_content(const Json& message, bool may_be_absent) const {
    const Json* content = message.find("content");
    const bool is_absent = content == nullptr || content->is_null();
    if (is_absent && !may_be_absent) {
      fail_expected(where_ + ".content", "a string or an array of parts", content);
    }
    if (is_absent) {
      return rules_.takes_null ? Json(nullptr) : wrap("", message);
    }
    if (content->is_string()) {
      return rules_.takes_strings ? *content : wrap(content->string(), message);
    }
    if (!content->is_array()) {
      fail_expected(where_ + ".content", "a string or an array of parts", content);
    }
    return normalize_parts(content->array(), message);
  }

  Json wrap(const std::string& text, const Json& message) const {
    if (rules_.takes_strings) {
      return text;
    }
    JsonObject part{{"type", "text"}, {"text", text}};
    if (const Json* name = message.find("name"); name != nullptr && name->is_string()) {
      part.emplace_back("name", *name);
    } else if (message.find("role")->string() == "tool") {
      part.emplace_back("name", "");
    }
    return JsonArray{std::move(part)};
  }

  Json normalize_parts(const JsonArray& parts, const Json& message) const {
    JsonArray result;
    std::string joined;
    bool is_first_text = true;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      Json part = normalize_part(parts[i], fmt::format("{}.content[{}]", where_, i));
      if (const Json* text = part.find("text"); text != nullptr && text->is_string()) {
        joined += is_first_text ? "" : "\n";
        joined += text->string();
        is_first_text = false;
      }
      result.push_back(std::move(part));
    }
    if (!rules_.takes_parts) {
      return joined;
    }
    return result.empty() ? wrap("", message) : Json(std::move(result));
  }

  Json normalize_part(const Json& part, const std::string& where) const {
    if (!part.is_object()) {
      fail_expected(where, "an object with a type", &part);
    }
    const Json* type = part.find("type");
    const bool takes_images = rules_.takes_parts && (knows("image") || knows("image_url"));
    const bool is_known_string = type != nullptr && type->is_string();
    const std::string name = is_known_string ? type->string() : "";
    if (name == "text") {
      const Json* text = part.find("text");
      if (text == nullptr || !text->is_string()) {
        fail_expected(where + ".text", "a string", text);
      }
      return part;
    }
    const bool is_image = name == "image" || name == "image_url";
    if (!is_image || !takes_images) {
      fail_expected(where + ".type", takes_images ? "\"text\" or \"image\"" : "\"text\"", type);
    }
    Json image = part;
    set_member(image.object(), "type", knows("image") ? "image" : "image_url");
    return image;
  }

  const ConversationRules& rules_;
  std::string where_;
  std::map<std::string, std::string> names_by_id_;
};

}  // namespace

base::Json normalize_conversation(const base::Json& messages, const ConversationRules& rules) {
  return Normalizer(rules).normalize(messages);
}

}  // namespace minimax::text

// SPDX-License-Identifier: Apache-2.0
#include "text/template_source.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "base/json.h"
#include "minimax/error.h"

namespace minimax::text {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMaxFileBytes = 64LL << 20;

constexpr const char* kSpecialTokens[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                          "pad_token", "cls_token", "mask_token"};

base::Json read_object(const fs::path& path) {
  const base::Json json = base::parse_json(base::read_file(path, kMaxFileBytes), path.string(),
                                           {.duplicate_keys = base::DuplicateKeys::kLastWins});
  base::JsonView(json, path.string()).as_object();
  return json;
}

bool has(const ChatTemplate::Variables& tokens, std::string_view name) {
  return std::ranges::any_of(tokens, [&](const auto& token) { return token.first == name; });
}

// A token is a string, or an object with the string as its content.
void add_special_tokens(const base::Json& config, ChatTemplate::Variables& tokens) {
  for (const char* name : kSpecialTokens) {
    const base::Json* value = has(tokens, name) ? nullptr : config.find(name);
    if (value != nullptr && value->is_object()) {
      value = value->find("content");
    }
    if (value != nullptr && value->is_string()) {
      tokens.emplace_back(name, value->string());
    }
  }
}

void add_template(const base::JsonView& value, const std::string& name, TemplateFiles& files) {
  files.templates.push_back(
      {name, fmt::format("{}: {}", value.source(), value.pointer()), value.as_string()});
}

// `chat_template` is one template, or a list of {name, template}.
void add_templates_of(const base::Json& config, const fs::path& path, TemplateFiles& files) {
  const std::optional<base::JsonView> value =
      base::JsonView(config, path.string()).get("chat_template");
  if (!value) {
    return;
  }
  if (!value->value().is_array()) {
    add_template(*value, "default", files);
    return;
  }
  for (const base::JsonView& entry : value->elements()) {
    add_template(entry.require("template"), entry.require("name").as_string(), files);
  }
}

// Runs `action`; an Error becomes a problem.
void attempt(TemplateFiles& files, const auto& action) {
  try {
    action();
  } catch (const Error& error) {
    files.templates.clear();
    files.problems.emplace_back(error.what());
  }
}

}  // namespace

TemplateFiles find_templates(const fs::path& directory) {
  TemplateFiles files;
  base::Json config = base::JsonObject{};
  const fs::path config_path = directory / "tokenizer_config.json";
  if (fs::exists(config_path)) {
    config = read_object(config_path);
  }
  add_special_tokens(config, files.special_tokens);
  const fs::path tokens_path = directory / "special_tokens_map.json";
  if (fs::exists(tokens_path)) {
    add_special_tokens(read_object(tokens_path), files.special_tokens);
  }
  const fs::path jinja_path = directory / "chat_template.jinja";
  const fs::path json_path = directory / "chat_template.json";
  if (fs::exists(jinja_path)) {
    attempt(files, [&] {
      files.templates.push_back(
          {"default", jinja_path.string(), base::read_file(jinja_path, kMaxFileBytes)});
    });
  } else if (fs::exists(json_path)) {
    attempt(files, [&] { add_templates_of(read_object(json_path), json_path, files); });
  }
  if (files.templates.empty()) {
    attempt(files, [&] { add_templates_of(config, config_path, files); });
  }
  return files;
}

BuiltinFormat guess_format(const fs::path& directory) {
  try {
    const base::Json config = read_object(directory / "config.json");
    const base::Json* type = config.find("model_type");
    const std::string name = type != nullptr && type->is_string() ? type->string() : "";
    if (name == "minimax_m1") {
      return BuiltinFormat::kM1;
    }
    if (name.find("vl") != std::string::npos) {
      return BuiltinFormat::kVl01;
    }
  } catch (const Error&) {
    return BuiltinFormat::kText01;  // whoever loads the model reports the file
  }
  return BuiltinFormat::kText01;
}

}  // namespace minimax::text

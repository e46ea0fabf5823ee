// SPDX-License-Identifier: Apache-2.0
#include "text/chat_template.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/check.h"
#include "base/file.h"
#include "text/conversation.h"
#include "text/jinja/analysis.h"
#include "text/jinja/from_json.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/parser.h"
#include "text/template_source.h"

namespace minimax::text {
namespace {

using base::Json;
using base::JsonArray;
using base::JsonObject;

/// A template that parsed, and the forms of content that it turned out to take.
struct LoadedTemplate {
  std::string name;
  std::string origin;
  std::string source;
  jinja::Ast ast;
  jinja::Facts facts;
  bool takes_strings = true;
  bool takes_parts = true;
};

/// The variables of one rendering. What they point to must outlive it.
struct Input {
  const Json* messages = nullptr;
  const RenderOptions* options = nullptr;
  const ChatTemplate::Variables* special_tokens = nullptr;
  jinja::Limits limits;
};

std::tm local_time() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm parts{};
  ::localtime_r(&now, &parts);
  return parts;
}

jinja::Value json_or_none(jinja::Heap& heap, const Json* json) {
  return json == nullptr ? jinja::Value(jinja::None{}) : jinja::from_json(heap, *json);
}

std::vector<TextSegment> run(const LoadedTemplate& loaded, const Input& input) {
  const RenderOptions& options = *input.options;
  jinja::Interpreter interpreter(loaded.ast, input.limits,
                                 options.now ? *options.now : local_time());
  jinja::Heap& heap = interpreter.heap();
  for (const auto& [name, value] : *input.special_tokens) {
    interpreter.define(name, jinja::view_text(heap, value, jinja::Mark::kTemplate));
  }
  for (const auto& [name, value] : options.extra) {
    interpreter.define(name, jinja::from_json(heap, value));
  }
  interpreter.define("messages", jinja::from_json(heap, *input.messages));
  interpreter.define("tools", json_or_none(heap, options.tools));
  interpreter.define("documents", json_or_none(heap, options.documents));
  interpreter.define("add_generation_prompt", options.add_generation_prompt);
  return jinja::to_segments(interpreter.render());
}

// Bytes of text and number of values, for the budget.
void measure(const Json& json, std::int64_t& bytes, std::int64_t& values) {
  ++values;
  if (json.is_string()) {
    bytes += static_cast<std::int64_t>(json.string().size());
  } else if (json.is_array()) {
    for (const Json& item : json.array()) {
      measure(item, bytes, values);
    }
  } else if (json.is_object()) {
    for (const auto& [key, value] : json.object()) {
      bytes += static_cast<std::int64_t>(key.size());
      measure(value, bytes, values);
    }
  }
}

// Long conversations may use more than the fixed budget, in proportion.
jinja::Limits limits_for(const Json& messages, const RenderOptions& options) {
  std::int64_t bytes = 0;
  std::int64_t values = 0;
  for (const Json* json : {&messages, options.tools, options.documents}) {
    if (json != nullptr) {
      measure(*json, bytes, values);
    }
  }
  jinja::Limits limits;
  limits.steps += values * 200 + bytes;
  limits.memory_bytes = std::max(limits.memory_bytes, bytes * 8 + values * 1000);
  return limits;
}

void check_extra_names(const JsonObject& extra, const ChatTemplate::Variables& special_tokens) {
  constexpr std::string_view kReserved[] = {"messages",
                                            "tools",
                                            "documents",
                                            "add_generation_prompt",
                                            "chat_template",
                                            "conversation",
                                            "tokenize",
                                            "continue_final_message",
                                            "padding",
                                            "truncation",
                                            "max_length",
                                            "return_tensors",
                                            "return_dict",
                                            "tokenizer_kwargs",
                                            "return_assistant_tokens_mask",
                                            "raise_exception",
                                            "strftime_now",
                                            "namespace",
                                            "range",
                                            "dict",
                                            "loop",
                                            "caller",
                                            "self"};
  for (const auto& [name, value] : extra) {
    const bool is_token =
        std::ranges::find(special_tokens, name, &std::pair<std::string, std::string>::first) !=
        special_tokens.end();
    const bool is_reserved = is_token || std::ranges::find(kReserved, name) != std::end(kReserved);
    base::check(!is_reserved, ErrorCode::kInvalidArgument, [&] {
      return fmt::format("chat_template_kwargs.{}: the name is reserved", base::printable(name));
    });
  }
}

void check_array(const Json* json, std::string_view name) {
  base::check(
      json == nullptr || json->is_null() || json->is_array(), ErrorCode::kInvalidArgument,
      [&] { return fmt::format("{}: expected an array, found {}", name, json->type_name()); });
}

constexpr std::string_view kProbe = "PROBE of the content";

// Whether the text of a user's message arrives in the prompt as it is.
bool takes_content(const LoadedTemplate& loaded, const Json& content,
                   const ChatTemplate::Variables& special_tokens) {
  const Json messages(JsonArray{JsonObject{{"role", "user"}, {"content", content}}});
  const RenderOptions options;
  try {
    const std::string text =
        join_segments(run(loaded, {&messages, &options, &special_tokens, jinja::Limits{}}));
    const bool shows_structure =
        text.find("'type'") != std::string::npos || text.find("\"type\"") != std::string::npos;
    return text.find(kProbe) != std::string::npos && !shows_structure;
  } catch (const Error&) {
    return false;
  }
}

LoadedTemplate load(const NamedTemplate& source, const ChatTemplate::Variables& special_tokens) {
  LoadedTemplate loaded{source.name, source.origin, source.source, jinja::parse(source.source),
                        {},          true,          true};
  loaded.facts = jinja::analyse(loaded.ast);
  const Json part = JsonObject{{"type", "text"}, {"text", kProbe}};
  loaded.takes_strings = takes_content(loaded, kProbe, special_tokens);
  loaded.takes_parts = takes_content(loaded, JsonArray{part}, special_tokens);
  if (!loaded.takes_strings && !loaded.takes_parts) {
    // It shows neither, perhaps because it wants more than one message: content stays as it is.
    loaded.takes_strings = true;
    loaded.takes_parts = true;
  }
  return loaded;
}

}  // namespace

class ChatTemplate::Implementation {
 public:
  std::vector<LoadedTemplate> templates;
  Variables special_tokens;
  std::vector<std::string> warnings;

  const LoadedTemplate& choose(const RenderOptions& options) const {
    const auto find = [&](std::string_view name) {
      return std::ranges::find(templates, name, &LoadedTemplate::name);
    };
    auto chosen = templates.end();
    if (!options.template_name.empty()) {
      chosen = find(options.template_name);
    } else {
      chosen = options.tools != nullptr ? find("tool_use") : templates.end();
      chosen = chosen == templates.end() ? find("default") : chosen;
    }
    base::check(chosen != templates.end(), ErrorCode::kInvalidArgument, [&] {
      return fmt::format("chat template: expected one of [{}], found \"{}\"",
                         fmt::join(names(), ", "), base::printable(options.template_name));
    });
    return *chosen;
  }

  std::vector<std::string> names() const {
    std::vector<std::string> result;
    for (const LoadedTemplate& loaded : templates) {
      result.push_back(loaded.name);
    }
    return result;
  }

  /// Loads what parses; a template that does not goes to `warnings`.
  void load_all(const TemplateFiles& files) {
    warnings = files.problems;
    for (const NamedTemplate& source : files.templates) {
      try {
        templates.push_back(load(source, special_tokens));
      } catch (const Error& error) {
        warnings.push_back(fmt::format("{}: {}", source.origin, error.what()));
      }
    }
  }
};

ChatTemplate::ChatTemplate(std::unique_ptr<Implementation> implementation)
    : implementation_(std::move(implementation)) {}

ChatTemplate::~ChatTemplate() = default;
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;

ChatTemplate ChatTemplate::from_source(std::string_view source, const Variables& special_tokens) {
  auto implementation = std::make_unique<Implementation>();
  implementation->special_tokens = special_tokens;
  try {
    implementation->templates.push_back(
        load({"default", "chat template", std::string(source)}, special_tokens));
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("chat template: {}", error.what()));
  }
  return ChatTemplate(std::move(implementation));
}

ChatTemplate ChatTemplate::from_templates(const TemplateFiles& files, const std::string& source,
                                          const ChatTemplateOptions& options) {
  auto implementation = std::make_unique<Implementation>();
  implementation->special_tokens = files.special_tokens;
  implementation->load_all(files);
  auto& warnings = implementation->warnings;
  const bool has_default =
      std::ranges::find(implementation->templates, std::string("default"), &LoadedTemplate::name) !=
      implementation->templates.end();
  if (!has_default && warnings.empty()) {
    warnings.push_back(fmt::format("{}: no chat template", source));
  }
  if (options.broken == BrokenTemplate::kRefuse && !warnings.empty()) {
    throw Error(ErrorCode::kCorruptFile, warnings.front());
  }
  if (!has_default) {
    warnings.back() += "; the built-in MiniMax format is used instead";
    const BuiltinFormat format = options.fallback.value_or(BuiltinFormat::kText01);
    implementation->templates.push_back(
        load({"default", "built-in chat template", std::string(builtin_template(format))},
             implementation->special_tokens));
  }
  return ChatTemplate(std::move(implementation));
}

ChatTemplate ChatTemplate::from_directory(const std::filesystem::path& directory,
                                          const ChatTemplateOptions& options) {
  ChatTemplateOptions guided = options;
  if (!guided.fallback) {
    guided.fallback = guess_format(directory);
  }
  return from_templates(find_templates(directory), directory.string(), guided);
}

std::vector<TextSegment> ChatTemplate::render(const Json& messages,
                                              const RenderOptions& options) const {
  check_extra_names(options.extra, implementation_->special_tokens);
  check_array(options.tools, "tools");
  check_array(options.documents, "documents");
  const LoadedTemplate& loaded = implementation_->choose(options);
  const Json conversation = normalize_conversation(
      messages, {.takes_strings = loaded.takes_strings,
                 .takes_parts = loaded.takes_parts,
                 .takes_null = loaded.facts.asks_for_none,
                 .takes_argument_objects = loaded.facts.takes_argument_objects,
                 .known_strings = &loaded.facts.strings});
  try {
    return run(loaded, {&conversation, &options, &implementation_->special_tokens,
                        limits_for(conversation, options)});
  } catch (const jinja::RaisedError&) {
    throw;
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{}: {}", loaded.origin, error.what()));
  }
}

std::string_view ChatTemplate::source() const { return implementation_->choose({}).source; }

const std::vector<std::string>& ChatTemplate::warnings() const { return implementation_->warnings; }

std::vector<std::string> ChatTemplate::names() const { return implementation_->names(); }

std::string join_segments(const std::vector<TextSegment>& segments) {
  std::string text;
  for (const TextSegment& segment : segments) {
    text += segment.text;
  }
  return text;
}

}  // namespace minimax::text

// SPDX-License-Identifier: Apache-2.0
#include "server/structured_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "engine/tokenizer.h"
#include "grammar/gbnf.h"
#include "grammar/json_schema.h"
#include "grammar/matcher.h"
#include "grammar/regex.h"
#include "server/api_error.h"
#include "server/text_fields.h"

namespace minimax::server {
namespace {

constexpr std::int64_t kCacheBytes = std::int64_t{256} << 20;
constexpr std::int64_t kMaxChoices = 4096;

auto read_vocabulary(const ServedModel& model) {
  grammar::VocabularyParts parts;
  parts.tokens.resize(static_cast<std::size_t>(model.config.vocab_size));
  for (std::int32_t id = 0; id < model.config.vocab_size; ++id) {
    parts.tokens[static_cast<std::size_t>(id)] = token_bytes(*model.tokenizer, id);
    if (model.tokenizer->impl().tokenizer.is_special(id)) {
      parts.special_tokens.push_back(id);
    }
  }
  for (const std::int32_t id : model.defaults.eos_token_id) {
    std::erase(parts.special_tokens, id);
    parts.end_tokens.push_back(id);
  }
  return std::make_shared<const grammar::Vocabulary>(std::move(parts));
}

// Holds one answer to a grammar. The engine may ask again for a place that lies before the last
// one, when tokens that were drafted have been thrown away.
class GrammarProcessor {
 public:
  GrammarProcessor(const Structure& structure, std::int64_t prompt_tokens)
      : matchers_{grammar::Matcher(structure)},
        prompt_tokens_(static_cast<std::size_t>(prompt_tokens)),
        mask_(static_cast<std::size_t>(structure->vocabulary().mask_words())) {}

  void operator()(std::span<const std::int32_t> input_ids, std::span<float> scores) {
    follow(input_ids.subspan(prompt_tokens_));
    matchers_.back().fill_mask(mask_);
    for (std::size_t id = 0; id < scores.size(); ++id) {
      const bool is_allowed = id / 32 < mask_.size() && (mask_[id / 32] >> (id % 32) & 1U) != 0;
      if (!is_allowed) {
        scores[id] = -std::numeric_limits<float>::infinity();
      }
    }
  }

 private:
  void follow(std::span<const std::int32_t> answer) {
    const auto same =
        static_cast<std::size_t>(std::ranges::mismatch(tokens_, answer).in1 - tokens_.begin());
    tokens_.resize(same);
    matchers_.erase(matchers_.begin() + static_cast<std::ptrdiff_t>(same) + 1, matchers_.end());
    for (const std::int32_t token : answer.subspan(same)) {
      grammar::Matcher next = matchers_.back();
      if (!next.accept(token)) {
        throw Error(ErrorCode::kUnsupported, "the answer left its grammar");
      }
      tokens_.push_back(token);
      matchers_.push_back(std::move(next));
    }
  }

  std::vector<std::int32_t> tokens_;        // of the answer, as far as it was followed
  std::vector<grammar::Matcher> matchers_;  // before each of them, and behind the last one
  std::size_t prompt_tokens_;
  std::vector<std::uint32_t> mask_;
};

}  // namespace

StructuredOutput::StructuredOutput(const ServedModel& model)
    : cache_(read_vocabulary(model), kCacheBytes) {}

Structure StructuredOutput::json_object() const {
  return cache_.get("json_object:", [] { return grammar::json_object_grammar(); });
}

Structure StructuredOutput::schema(const base::Json& schema, const std::string& field) const {
  return cache_.get("schema:" + base::write_json(schema),
                    [&] { return grammar::json_schema_grammar(base::JsonView(schema, field)); });
}

Structure StructuredOutput::regex(const std::string& pattern) const {
  return cache_.get("regex:" + pattern, [&] { return grammar::regex_grammar(pattern); });
}

Structure StructuredOutput::gbnf(const std::string& text) const {
  return cache_.get("gbnf:" + text, [&] { return grammar::parse_gbnf(text); });
}

Structure StructuredOutput::choice(const Fields& fields, const char* name) const {
  fields.array(name, kMaxChoices);
  const std::vector<std::string> texts = read_strings(fields, name);
  if (texts.empty()) {
    fields.refuse(name, "at least one choice");
  }
  return cache_.get("choice:" + base::write_json(fields.require(name)),
                    [&] { return grammar::choice_grammar(texts); });
}

Structure StructuredOutput::call(const Tools& tools) const {
  const base::Json schema = call_schema(tools);
  return cache_.get("call:" + base::write_json(schema), [&] {
    grammar::Grammar grammar = grammar::json_schema_grammar(base::JsonView(schema, "tools"));
    const grammar::NodeId call = grammar.reference(grammar.root());
    const grammar::NodeId end = grammar.literal(kCallEnd);
    grammar.set_root(grammar.add_rule("calls", grammar.sequence({call, end})));
    return grammar;
  });
}

Structure StructuredOutput::read_member(const Fields& fields, const char* name,
                                        std::string_view kind) const {
  const base::Json* value = fields.find(name);
  if (value == nullptr) {
    return nullptr;
  }
  if (kind == "regex") {
    return regex(fields.require_string(name));
  }
  if (kind == "grammar") {
    return gbnf(fields.require_string(name));
  }
  if (kind == "choice") {
    return choice(fields, name);
  }
  if (kind == "json_object") {
    return fields.boolean(name, false) ? json_object() : nullptr;
  }
  // A schema; clients that have it as text send the text.
  return value->is_string() ? schema(parse_body(value->string()), fields.path(name))
                            : schema(*value, fields.path(name));
}

Structure StructuredOutput::read_format(const Fields& format) const {
  const std::string& type = format.require_string("type");
  if (type == "text") {
    return nullptr;
  }
  if (type != "json_object" && type != "json_schema") {
    format.refuse("type", "\"text\", \"json_object\" or \"json_schema\"");
  }
  if (const base::Json* wrapped = format.object("json_schema")) {
    const Fields inside(*wrapped, format.path("json_schema"));
    return schema(inside.require("schema"), inside.path("schema"));
  }
  if (format.find("schema") != nullptr) {
    return schema(format.require("schema"), format.path("schema"));
  }
  if (type == "json_schema") {
    format.require("json_schema");
  }
  return json_object();
}

Structure StructuredOutput::read(const Fields& fields) const {
  if (const base::Json* format = fields.object("response_format")) {
    if (Structure structure = read_format(Fields(*format, "response_format"))) {
      return structure;
    }
  }
  if (const base::Json* outputs = fields.object("structured_outputs")) {
    const Fields inside(*outputs, "structured_outputs");
    for (const char* kind : {"json", "regex", "choice", "grammar", "json_object"}) {
      if (Structure structure = read_member(inside, kind, kind)) {
        return structure;
      }
    }
  }
  constexpr std::pair<const char*, const char*> kOlder[] = {
      {"json_schema", "json"},   {"grammar", "grammar"},      {"guided_json", "json"},
      {"guided_regex", "regex"}, {"guided_choice", "choice"}, {"guided_grammar", "grammar"}};
  for (const auto& [name, kind] : kOlder) {
    if (Structure structure = read_member(fields, name, kind)) {
      return structure;
    }
  }
  return nullptr;
}

serving::ProcessorFactory structure_processors(const Structure& structure,
                                               std::int64_t prompt_tokens) {
  if (structure == nullptr) {
    return {};
  }
  return [structure, prompt_tokens] {
    return std::vector<LogitsProcessor>{GrammarProcessor(structure, prompt_tokens)};
  };
}

}  // namespace minimax::server

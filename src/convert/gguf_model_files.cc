// SPDX-License-Identifier: Apache-2.0
#include "convert/gguf_model_files.h"

#include <optional>
#include <string_view>
#include <utility>

#include "base/json.h"
#include "engine/gguf_generation.h"
#include "engine/gguf_tokenizer.h"
#include "minimax/error.h"
#include "model/config.h"
#include "text/template_source.h"

namespace minimax::convert {
namespace {

using base::Json;
using base::JsonArray;
using base::JsonObject;

std::string to_text(const Json& json) {
  return base::write_json(json, base::JsonStyle::kIndented) + "\n";
}

// transformers takes the end tokens from here, too, as soon as there is such a file.
JsonObject generation_config(const io::GgufMetadata& metadata, const Json& config) {
  JsonObject json;
  for (const char* key : {"bos_token_id", "eos_token_id", "pad_token_id"}) {
    if (const Json* id = config.find(key); id != nullptr && !id->is_null()) {
      json.emplace_back(key, *id);
    }
  }
  const Json fields = engine::generation_json_from_gguf(metadata);
  json.insert(json.end(), fields.object().begin(), fields.object().end());
  return json;
}

JsonObject tokenizer_config(const MiniMaxConfig& config, const text::TemplateFiles& templates,
                            bool lists_templates) {
  JsonObject json{{"tokenizer_class", "PreTrainedTokenizerFast"},
                  {"clean_up_tokenization_spaces", false},
                  {"model_max_length", config.max_position_embeddings}};
  for (const auto& [name, token] : templates.special_tokens) {
    json.emplace_back(name, token);
  }
  if (lists_templates) {
    JsonArray list;
    for (const text::NamedTemplate& one : templates.templates) {
      list.emplace_back(JsonObject{{"name", one.name}, {"template", one.source}});
    }
    json.emplace_back("chat_template", std::move(list));
  }
  return json;
}

void add_tokenizer(const io::GgufMetadata& metadata, const MiniMaxConfig& config,
                   std::vector<TextFile>& files) {
  const text::Tokenizer tokenizer = engine::tokenizer_from_gguf(metadata).tokenizer;
  const text::TemplateFiles templates = engine::templates_from_gguf(metadata, tokenizer);
  const bool is_single =
      templates.templates.size() == 1 && templates.templates.front().name == "default";
  const bool lists_templates = !templates.templates.empty() && !is_single;
  files.push_back({"tokenizer.json", tokenizer.to_tokenizer_json()});
  files.push_back(
      {"tokenizer_config.json", to_text(tokenizer_config(config, templates, lists_templates))});
  if (is_single) {
    files.push_back({"chat_template.jinja", templates.templates.front().source});
  }
}

}  // namespace

ModelFiles model_files_of_gguf(const io::GgufMetadata& metadata, const MiniMaxConfig& config,
                               std::vector<std::string>& warnings) {
  ModelFiles files{.config = model::config_to_json(config), .others = {}};
  files.others.push_back(
      {"generation_config.json", to_text(generation_config(metadata, files.config))});
  try {
    add_tokenizer(metadata, config, files.others);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kUnsupported) {
      throw;
    }
    warnings.push_back(std::string("the result gets no tokenizer: ") + error.what());
  }
  return files;
}

}  // namespace minimax::convert

// SPDX-License-Identifier: Apache-2.0
// Answers that keep to a schema, an expression or a grammar: the fields of requests that ask for
// them, and the processors that hold the model to them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "grammar/grammar_cache.h"
#include "grammar/vocabulary.h"
#include "server/fields.h"
#include "server/served_model.h"
#include "server/tools.h"
#include "serving/request.h"

namespace minimax::server {

/// Of one request. Empty: the answer may be anything.
using Structure = std::shared_ptr<const grammar::CompiledGrammar>;

/// What is compiled for a model, kept for later requests. Thread safety: const members may be
/// called from several threads.
class StructuredOutput {
 public:
  /// Reads the whole vocabulary: once for a model.
  explicit StructuredOutput(const ServedModel& model);

  /// One of: `response_format` (json_object, json_schema), `structured_outputs` with json, regex,
  /// choice, grammar or json_object, and the older `json_schema`, `grammar` and `guided_json`,
  /// `guided_regex`, `guided_choice`, `guided_grammar`.
  /// Throws: ApiError{400} naming the field, Error{kInvalidArgument} telling what is not supported.
  Structure read(const Fields& fields) const;

  /// `format` is {"type": ..., ...} as in `response_format`, with the schema in "json_schema" or
  /// beside the type. Throws: as above.
  Structure read_format(const Fields& format) const;

  /// One call of the tools, with arguments as their schemas say, behind kCallBeginning.
  /// Throws: Error{kInvalidArgument} telling what of the schemas is not supported.
  Structure call(const Tools& tools) const;

 private:
  Structure json_object() const;
  Structure schema(const base::Json& schema, const std::string& field) const;
  Structure regex(const std::string& pattern) const;
  Structure gbnf(const std::string& text) const;
  Structure choice(const Fields& fields, const char* name) const;
  Structure read_member(const Fields& fields, const char* name, std::string_view kind) const;

  mutable grammar::GrammarCache cache_;
};

/// Makes the processors of the answers to a prompt of that length. Empty for no structure.
serving::ProcessorFactory structure_processors(const Structure& structure,
                                               std::int64_t prompt_tokens);

}  // namespace minimax::server

// SPDX-License-Identifier: Apache-2.0
// What the parts of json_schema.h share: one schema on its way to a grammar.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/json.h"
#include "grammar/grammar.h"
#include "grammar/json_values.h"

namespace minimax::grammar {

/// Throws: Error{kInvalidArgument} "source: pointer: message".
[[noreturn]] void fail_schema(const base::JsonView& schema, const std::string& message);

/// Whether the keyword constrains nothing: a title, a description, x-... and the like.
bool is_annotation(std::string_view keyword);

/// Throws: Error{kInvalidArgument} naming a keyword that is not supported, with those that are.
void check_keywords(const base::JsonView& schema);

class SchemaCompiler {
 public:
  explicit SchemaCompiler(const base::JsonView& document)
      : document_(document), grammar_(document.source()), json_(grammar_) {}

  Grammar compile();

  Grammar& grammar() { return grammar_; }
  JsonRules& json() { return json_; }

  /// The answers that satisfy a schema inside of the document. `depth` counts the schemas around.
  NodeId convert(const base::JsonView& schema, int depth);

  /// Keeps a schema that stands nowhere in the document; messages name the place of `origin`.
  base::JsonView keep(base::Json schema, const base::JsonView& origin);

 private:
  struct PendingRule {
    RuleId rule;
    base::JsonView schema;
  };

  NodeId convert_object_schema(const base::JsonView& schema, int depth);
  NodeId convert_reference(const base::JsonView& schema);
  NodeId convert_values(const base::JsonView& schema);
  NodeId convert_any_of(const base::JsonView& schema, const std::string& keyword, int depth);
  NodeId convert_types(const base::JsonView& schema, int depth);
  NodeId convert_type(const base::JsonView& schema, const std::string& type, int depth);
  base::JsonView merge_all_of(const base::JsonView& schema);
  base::Json merged(const base::JsonView& a, const base::JsonView& b);
  base::Json flat(const base::JsonView& schema);
  base::JsonView target_of(const base::JsonView& schema, const std::string& reference);

  const base::JsonView& document_;
  Grammar grammar_;
  JsonRules json_;
  std::unordered_map<const base::Json*, RuleId> rules_;  // of the targets of references
  std::vector<PendingRule> pending_;
  std::deque<base::Json> kept_;
  int merges_ = 0;
};

/// Both schemas at once, where that is one plain schema.
/// Throws: Error{kInvalidArgument} naming the keyword that stands against it.
base::Json merge_schemas(const base::JsonView& a, const base::JsonView& b);

// One type each, of schemas without references and combinations.
NodeId convert_string(SchemaCompiler& compiler, const base::JsonView& schema);
NodeId convert_number(SchemaCompiler& compiler, const base::JsonView& schema,
                      const std::string& type);
NodeId convert_array(SchemaCompiler& compiler, const base::JsonView& schema, int depth);
NodeId convert_object(SchemaCompiler& compiler, const base::JsonView& schema, int depth);

/// The key of an object where it is none of the names given, with quotes.
NodeId other_key(SchemaCompiler& compiler, const std::vector<std::string>& names);

/// A bound that counts something, or `otherwise`.
std::int64_t count_of(const base::JsonView& schema, const char* keyword, std::int64_t otherwise);

}  // namespace minimax::grammar

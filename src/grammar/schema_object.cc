// SPDX-License-Identifier: Apache-2.0
// Objects of JSON schemas: the properties in the order in which the schema names them.
#include <fmt/format.h>

#include <algorithm>

#include "grammar/regex.h"
#include "grammar/schema_compiler.h"

namespace minimax::grammar {
namespace {

using base::Json;
using base::JsonMember;
using base::JsonView;

struct Property {
  NodeId member = 0;  // key, colon and value
  bool is_required = false;
};

JsonView child(const JsonView& schema, const std::string& key, const Json& value) {
  return JsonView(value, schema.source(), schema.pointer() + "/" + key);
}

class ObjectWriter {
 public:
  ObjectWriter(SchemaCompiler& compiler, const JsonView& schema, int depth)
      : compiler_(compiler),
        grammar_(compiler.grammar()),
        json_(compiler.json()),
        schema_(schema),
        depth_(depth) {}

  NodeId write() {
    read_required();
    read_properties();
    read_others();
    check_counts();
    return grammar_.sequence(
        {grammar_.literal("{"), json_.space(), members(), grammar_.literal("}")});
  }

 private:
  void read_required() {
    if (const auto list = schema_.get("required"); list.has_value()) {
      for (const JsonView& name : list->elements()) {
        required_.push_back(name.as_string());
      }
    }
  }

  bool is_required(const std::string& name) const {
    return std::find(required_.begin(), required_.end(), name) != required_.end();
  }

  NodeId member(NodeId key, NodeId value) {
    return grammar_.sequence({key, grammar_.literal(":"), json_.space(), value});
  }

  void add_property(const std::string& name, NodeId value) {
    names_.push_back(name);
    properties_.push_back({.member = member(grammar_.literal(base::quote_json(name)), value),
                           .is_required = is_required(name)});
  }

  void read_properties() {
    if (const auto list = schema_.get("properties"); list.has_value()) {
      for (const JsonMember& property : list->as_object()) {
        const JsonView view = child(*list, property.first, property.second);
        add_property(property.first, compiler_.convert(view, depth_ + 1));
      }
    }
    has_declared_ = !properties_.empty();
    for (const std::string& name : required_) {
      if (std::find(names_.begin(), names_.end(), name) == names_.end()) {
        add_property(name, value_of_undeclared(name));
      }
    }
  }

  NodeId value_of_undeclared(const std::string& name) {
    if (schema_.value().find("patternProperties") != nullptr) {
      fail_schema(schema_, fmt::format("required: {} is not among the properties",
                                       base::quote_json(name.substr(0, 80))));
    }
    const Json* additional = schema_.value().find("additionalProperties");
    return additional == nullptr
               ? json_.value()
               : compiler_.convert(child(schema_, "additionalProperties", *additional), depth_ + 1);
  }

  // The members that `properties` does not name.
  void read_others() {
    const Json* additional = schema_.value().find("additionalProperties");
    const Json* patterns = schema_.value().find("patternProperties");
    if (patterns != nullptr && patterns->is_object() && !patterns->object().empty()) {
      read_pattern(patterns->object(), additional);
      return;
    }
    const bool is_open =
        additional != nullptr ? !additional->is_bool() || additional->boolean() : !has_declared_;
    if (!is_open) {
      return;
    }
    const NodeId value =
        additional == nullptr
            ? json_.value()
            : compiler_.convert(child(schema_, "additionalProperties", *additional), depth_ + 1);
    other_ = member(key_of_others(), value);
  }

  void read_pattern(const base::JsonObject& patterns, const Json* additional) {
    const JsonView place =
        child(schema_, "patternProperties", *schema_.value().find("patternProperties"));
    const bool is_closed =
        additional == nullptr || (additional->is_bool() && !additional->boolean());
    if (patterns.size() != 1 || !properties_.empty() || !is_closed) {
      fail_schema(place,
                  "only one pattern is supported, without properties, required and "
                  "additionalProperties beside it");
    }
    const auto& [pattern, value] = patterns[0];
    const RegexOptions options = {.source = place.source() + ": " + place.pointer(),
                                  .spelling = Spelling::kInJsonString,
                                  .match = RegexMatch::kPart};
    const NodeId key = grammar_.sequence(
        {grammar_.literal("\""), add_regex(grammar_, pattern, options), grammar_.literal("\"")});
    other_ = member(key, compiler_.convert(child(place, pattern, value), depth_ + 1));
  }

  NodeId key_of_others() {
    const Json* names = schema_.value().find("propertyNames");
    if (names == nullptr) {
      return names_.empty() ? json_.string() : other_key(compiler_, names_);
    }
    const JsonView view = child(schema_, "propertyNames", *names);
    if (!names_.empty()) {
      fail_schema(view, "propertyNames is not supported beside properties and required");
    }
    return names->is_object() ? compiler_.convert(string_schema(view), depth_ + 1) : json_.string();
  }

  JsonView string_schema(const JsonView& names) {
    base::JsonObject members = names.value().object();
    const bool has_type = names.value().find("type") != nullptr;
    if (!has_type && names.value().find("$ref") == nullptr) {
      members.emplace_back("type", "string");
    }
    return compiler_.keep(members, names);
  }

  // How many members there are can only be counted where all of them are of one kind.
  void check_counts() {
    min_ = count_of(schema_, "minProperties", 0);
    max_ = count_of(schema_, "maxProperties", kUnlimited);
    const auto count = static_cast<std::int64_t>(properties_.size());
    const auto required = std::count_if(properties_.begin(), properties_.end(),
                                        [](const Property& p) { return p.is_required; });
    const bool is_limited = max_ != kUnlimited && (other_.has_value() || max_ < count);
    if (count > 0 && (min_ > required || is_limited)) {
      fail_schema(schema_, "minProperties and maxProperties are not supported beside properties");
    }
  }

  NodeId members() {
    if (properties_.empty()) {
      return list_of_others();
    }
    const NodeId some = grammar_.sequence({first(0), json_.space()});
    const bool may_be_empty = std::none_of(properties_.begin(), properties_.end(),
                                           [](const Property& p) { return p.is_required; });
    return may_be_empty ? grammar_.optional(some) : some;
  }

  NodeId list_of_others() {
    const bool is_possible = max_ == kUnlimited || min_ <= max_;
    if (!other_.has_value() || max_ == 0) {
      return min_ == 0 ? grammar_.empty() : grammar_.alternatives({});
    }
    const std::int64_t more_max = max_ == kUnlimited ? kUnlimited : max_ - 1;
    const NodeId more =
        is_possible ? grammar_.repeat(next(*other_), std::max<std::int64_t>(min_ - 1, 0), more_max)
                    : grammar_.alternatives({});
    const NodeId some = grammar_.sequence({*other_, more, json_.space()});
    return min_ == 0 ? grammar_.optional(some) : some;
  }

  NodeId next(NodeId member) {
    return grammar_.sequence({grammar_.literal(","), json_.space(), member});
  }

  // The members from the first one that is there, which is at place `i` or later. Rules for what
  // follows a member and for the members keep the grammar linear in their number.
  NodeId first(std::size_t from) {
    std::vector<NodeId> choices;
    const std::vector<NodeId> rest = rules_behind();
    std::size_t i = from;
    bool is_over = false;
    for (; i < properties_.size() && !is_over; ++i) {
      choices.push_back(grammar_.sequence({properties_[i].member, rest[i + 1]}));
      is_over = properties_[i].is_required;
    }
    if (!is_over && other_.has_value()) {
      choices.push_back(
          grammar_.sequence({*other_, grammar_.repeat(next(*other_), 0, kUnlimited)}));
    }
    return grammar_.alternatives(choices);
  }

  // What follows when the members before place `i` are through and one of them is there.
  std::vector<NodeId> rules_behind() {
    std::vector<NodeId> behind(properties_.size() + 1);
    const auto first_required =
        static_cast<std::size_t>(std::find_if(properties_.begin(), properties_.end(),
                                              [](const Property& p) { return p.is_required; }) -
                                 properties_.begin());
    behind.back() =
        other_.has_value() ? grammar_.repeat(next(*other_), 0, kUnlimited) : grammar_.empty();
    for (std::size_t i = properties_.size(); i-- > 0;) {
      Property& property = properties_[i];
      // Used at the beginning, too, where all before it may be left out.
      const bool is_shared = i > 0 && i <= first_required;
      if (is_shared) {
        property.member = grammar_.reference(grammar_.add_rule(names_[i], property.member));
      }
      const NodeId here = next(property.member);
      NodeId rest = property.is_required
                        ? grammar_.sequence({here, behind[i + 1]})
                        : grammar_.sequence({grammar_.optional(here), behind[i + 1]});
      behind[i] =
          i % 16 == 0 || is_shared ? grammar_.reference(grammar_.add_rule("members", rest)) : rest;
    }
    return behind;
  }

  SchemaCompiler& compiler_;
  Grammar& grammar_;
  JsonRules& json_;
  const JsonView& schema_;
  int depth_;
  std::vector<std::string> required_;
  std::vector<std::string> names_;  // of properties_
  std::vector<Property> properties_;
  bool has_declared_ = false;
  std::optional<NodeId> other_;  // a member that is not among properties_
  std::int64_t min_ = 0;
  std::int64_t max_ = kUnlimited;
};

/// The tree of the names' characters; what leaves it is another key.
class OtherKeys {
 public:
  OtherKeys(SchemaCompiler& compiler, std::vector<std::string> names)
      : grammar_(compiler.grammar()), json_(compiler.json()), names_(std::move(names)) {
    std::sort(names_.begin(), names_.end());
    names_.erase(std::unique(names_.begin(), names_.end()), names_.end());
  }

  NodeId write() {
    const RuleId root = add_branch({.begin = 0, .end = names_.size(), .depth = 0});
    std::size_t done = 0;
    while (done < branches_.size()) {  // which grows on the way
      const Branch branch = branches_[done++];
      grammar_.define(branch.rule, body_of(branch));
    }
    return grammar_.sequence(
        {grammar_.literal("\""), grammar_.reference(root), grammar_.literal("\"")});
  }

 private:
  /// The names that agree in their first `depth` bytes.
  struct Branch {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::size_t depth = 0;
    RuleId rule = 0;
  };

  RuleId add_branch(Branch branch) {
    branch.rule = grammar_.declare("other key");
    branches_.push_back(branch);
    return branch.rule;
  }

  NodeId body_of(const Branch& branch) {
    std::vector<NodeId> choices;
    std::vector<CodePointRange> taken;
    const bool is_name = names_[branch.begin].size() == branch.depth;
    if (!is_name) {
      choices.push_back(grammar_.empty());
    }
    for (std::size_t i = branch.begin + (is_name ? 1 : 0); i < branch.end;) {
      std::size_t offset = branch.depth;
      const char32_t value = next_code_point(names_[i], offset);
      const std::string_view prefix = std::string_view(names_[i]).substr(0, offset);
      std::size_t end = i + 1;
      while (end < branch.end && names_[end].starts_with(prefix)) {
        ++end;
      }
      const RuleId rule = add_branch({.begin = i, .end = end, .depth = offset});
      const NodeId character =
          add_character(grammar_, CodePointSet({{value, value}}), Spelling::kInJsonString);
      choices.push_back(grammar_.sequence({character, grammar_.reference(rule)}));
      taken.push_back({value, value});
      i = end;
    }
    const CodePointSet others = CodePointSet(std::move(taken)).complement();
    choices.push_back(grammar_.sequence(
        {add_character(grammar_, others, Spelling::kInJsonString), json_.plain_characters()}));
    return grammar_.alternatives(choices);
  }

  Grammar& grammar_;
  JsonRules& json_;
  std::vector<std::string> names_;
  std::vector<Branch> branches_;
};

}  // namespace

NodeId other_key(SchemaCompiler& compiler, const std::vector<std::string>& names) {
  return OtherKeys(compiler, names).write();
}

NodeId convert_object(SchemaCompiler& compiler, const JsonView& schema, int depth) {
  return ObjectWriter(compiler, schema, depth).write();
}

}  // namespace minimax::grammar

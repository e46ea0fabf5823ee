// SPDX-License-Identifier: Apache-2.0
// The rules of JSON itself, as answers are written: between two tokens where JSON allows white
// space there is nothing, one blank, or a line end and up to 40 blanks and tabs; none stands before
// a comma or a colon, or around the whole.
#pragma once

#include "base/json.h"
#include "grammar/grammar.h"

namespace minimax::grammar {

/// Adds its rules to a grammar, which must outlive it; those that nothing refers to cost nothing.
class JsonRules {
 public:
  explicit JsonRules(Grammar& grammar);

  /// White space as above.
  NodeId space() { return grammar_.reference(space_); }
  /// One character of a string: itself or any escape; surrogates only in pairs.
  NodeId character() { return grammar_.reference(character_); }
  /// Characters with one spelling each (see add_character), any number of them.
  NodeId plain_characters() { return grammar_.reference(plain_characters_); }

  NodeId value() { return grammar_.reference(value_); }
  NodeId object() { return grammar_.reference(object_); }
  NodeId array() { return grammar_.reference(array_); }
  NodeId string() { return grammar_.reference(string_); }
  NodeId number() { return grammar_.reference(number_); }
  NodeId integer() { return grammar_.reference(integer_); }
  NodeId boolean();
  NodeId null() { return grammar_.literal("null"); }

  /// Exactly this value.
  NodeId constant(const base::Json& value);

  NodeId digits(char first, char last);

 private:
  void define_strings();
  void define_numbers();
  void define_containers();
  NodeId list_of(const char* open, NodeId item, const char* close);
  NodeId constant_list(const char* open, const std::vector<NodeId>& items, const char* close);

  Grammar& grammar_;
  RuleId space_;
  RuleId character_;
  RuleId plain_characters_;
  RuleId value_;
  RuleId object_;
  RuleId array_;
  RuleId string_;
  RuleId number_;
  RuleId integer_;
};

}  // namespace minimax::grammar

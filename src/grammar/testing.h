// SPDX-License-Identifier: Apache-2.0
// For tests: a small vocabulary, in which the first 256 ids are the bytes, and questions to a
// grammar.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "grammar/matcher.h"

namespace minimax::grammar {

/// The bytes, some words and pieces of JSON, "<end>" and "<special>".
std::shared_ptr<const Vocabulary> shared_test_vocabulary();

std::int32_t token_of(std::string_view text);

std::shared_ptr<const CompiledGrammar> gbnf(std::string_view text);

/// Whether the whole text is in the language.
bool matches(const std::shared_ptr<const CompiledGrammar>& grammar, std::string_view text);

/// The tokens of the mask.
std::set<std::string> allowed_tokens(Matcher& matcher);

/// The tokens that a copy of the matcher accepts.
std::set<std::string> tokens_that_are_accepted(const Matcher& matcher);

/// What compile() complains about, or "" where it does not.
std::string complaint_of_gbnf(std::string_view text);

}  // namespace minimax::grammar

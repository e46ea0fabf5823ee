// SPDX-License-Identifier: Apache-2.0
// JSON schemas as grammars. docs/structured_output.md lists what is supported and in which respects
// answers are narrower than the schema: every answer satisfies it, but not the other way round.
#pragma once

#include "base/json.h"
#include "grammar/grammar.h"

namespace minimax::grammar {

/// `schema` tells its source and place for messages.
/// Throws: Error{kInvalidArgument} "source: pointer: ...": a keyword that is not supported, a value
/// that a keyword does not take, a reference that leads nowhere or out of the document, schemas
/// more than 64 deep, and what Grammar refuses.
Grammar json_schema_grammar(const base::JsonView& schema);

/// Any JSON object.
Grammar json_object_grammar();

}  // namespace minimax::grammar

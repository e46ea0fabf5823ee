// SPDX-License-Identifier: Apache-2.0
// The operators of expressions, with Python's meaning for every pair of types.
#pragma once

#include "text/jinja/ast.h"
#include "text/jinja/value.h"

namespace minimax::text::jinja {

/// left op right for the operators of a Chain. Throws: Error{kInvalidArgument} for types that
/// have no such operator, for division by zero and for integers beyond 64 bits.
Value apply(Heap& heap, Operator op, const Value& left, const Value& right);

/// left op right for the operators of a Comparison.
bool holds(Heap& heap, Operator op, const Value& left, const Value& right);

/// -value and +value.
Value apply(UnaryOperator op, const Value& value);

/// `format % values`: values is a tuple, a dict, or one value.
const Text* format_percent(Heap& heap, const Text& format, const Value& values);

}  // namespace minimax::text::jinja

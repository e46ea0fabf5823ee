// SPDX-License-Identifier: Apache-2.0
// The parts of a regular expression that stand for one character out of a set.
#pragma once

#include "grammar/code_points.h"
#include "grammar/scanner.h"

namespace minimax::grammar {

/// What `.` does not match.
CodePointSet line_ends();

/// [...] or [^...]. Throws: Error{kInvalidArgument} with the column.
CodePointSet parse_class(Scanner& scanner);

/// A backslash and what belongs to it, outside of a class. Throws: Error{kInvalidArgument} with the
/// column, among others for back-references, word boundaries and properties.
CodePointSet parse_escape(Scanner& scanner);

}  // namespace minimax::grammar

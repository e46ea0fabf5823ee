// SPDX-License-Identifier: Apache-2.0
// What can be seen of a template without running it, for choosing the form in which it gets a
// conversation.
#pragma once

#include <set>
#include <string>

#include "text/jinja/ast.h"

namespace minimax::text::jinja {

struct Facts {
  /// All string literals, names of attributes among them.
  std::set<std::string, std::less<>> strings;
  /// It tells None from other values, so a missing content can be passed as None.
  bool asks_for_none = false;
  /// It expects the arguments of a tool call as an object (`arguments | tojson`), not as text.
  bool takes_argument_objects = true;
};

Facts analyse(const Ast& ast);

}  // namespace minimax::text::jinja

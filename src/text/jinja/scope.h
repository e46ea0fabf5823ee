// SPDX-License-Identifier: Apache-2.0
// Which names mean what, where. Loops, macros, `with` and captured blocks open a scope: what they
// set ends with them. Conditions do not.
#pragma once

#include <memory_resource>
#include <utility>
#include <vector>

#include "text/jinja/ast.h"
#include "text/jinja/value.h"

namespace minimax::text::jinja {

struct Scope {
  Scope(Heap& heap, Scope* around) : outer(around), variables(&heap) {}

  Scope* outer;
  std::pmr::vector<std::pair<Symbol, Value>> variables;
  bool is_captured = false;  // a macro remembers it: it cannot be used again

  const Value* find_here(Heap& heap, Symbol symbol) const;
  void set(Heap& heap, Symbol symbol, const Value& value);
};

/// The value that `symbol` has in `scope` or one around it, or null.
const Value* find(Heap& heap, const Scope& scope, Symbol symbol);

}  // namespace minimax::text::jinja

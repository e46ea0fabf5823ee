// SPDX-License-Identifier: Apache-2.0
#include "text/jinja/scope.h"

#include <algorithm>

namespace minimax::text::jinja {

const Value* Scope::find_here(Heap& heap, Symbol symbol) const {
  heap.spend_steps(static_cast<std::int64_t>(variables.size() >> 4));
  const auto it = std::ranges::find(variables, symbol, &std::pair<Symbol, Value>::first);
  return it == variables.end() ? nullptr : &it->second;
}

void Scope::set(Heap& heap, Symbol symbol, const Value& value) {
  heap.spend_steps(static_cast<std::int64_t>(variables.size() >> 4));
  const auto it = std::ranges::find(variables, symbol, &std::pair<Symbol, Value>::first);
  if (it == variables.end()) {
    variables.emplace_back(symbol, value);
  } else {
    it->second = value;
  }
}

const Value* find(Heap& heap, const Scope& scope, Symbol symbol) {
  for (const Scope* here = &scope; here != nullptr; here = here->outer) {
    if (const Value* found = here->find_here(heap, symbol); found != nullptr) {
      return found;
    }
  }
  return nullptr;
}

}  // namespace minimax::text::jinja

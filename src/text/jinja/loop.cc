// SPDX-License-Identifier: Apache-2.0
// Loops, and what templates can ask their loop.
#include <fmt/format.h>

#include "text/jinja/capture.h"
#include "text/jinja/interpreter.h"

namespace minimax::text::jinja {
namespace {

Value cycle(Runtime&, const Value& self, const Arguments& arguments) {
  const Loop& loop = *std::get<Loop*>(self);
  const auto count = static_cast<std::int64_t>(arguments.positional.size());
  if (count == 0) {
    fail("loop.cycle(): expected something to cycle through");
  }
  return arguments.positional[static_cast<std::size_t>(loop.index0 % count)];
}

Value changed(Runtime& runtime, const Value& self, const Arguments& arguments) {
  Loop& loop = *std::get<Loop*>(self);
  const Value now = make_list(runtime.heap(), arguments.positional, ListKind::kTuple);
  if (loop.has_changed_before && equal(runtime.heap(), loop.last_changed, now)) {
    return false;
  }
  loop.has_changed_before = true;
  loop.last_changed = now;
  return true;
}

Value undefined(Heap& heap, std::string_view name) {
  return Undefined{heap.make<UndefinedInfo>(UndefinedInfo{name, "", false})};
}

}  // namespace

Interpreter::Flow Interpreter::execute(const For& statement) {
  auto* loop = heap().make<Loop>(heap(), evaluate(*statement.iterable));
  loop->statement = &statement;
  loop->scope = scope_;
  return run_loop(*loop);
}

Interpreter::Flow Interpreter::run_loop(Loop& loop) {
  const For& statement = *loop.statement;
  auto* scope = heap().make<Scope>(heap(), loop.scope);
  Value item;
  while (advance(loop, item)) {
    if (scope->is_captured) {
      scope = heap().make<Scope>(heap(), loop.scope);
    }
    scope->variables.clear();
    const ScopeChange change(*this, scope);
    assign(statement.target, item);
    if (loop_symbol_ >= 0) {
      scope->set(heap(), loop_symbol_, &loop);
    }
    if (run(statement.body) == Flow::kBreak) {
      return Flow::kNext;
    }
  }
  if (loop.index0 < 0) {
    const ScopeChange change(*this, loop.scope);
    return run_inner(statement.otherwise);
  }
  return Flow::kNext;
}

// Goes to the next item; false at the end.
bool Interpreter::advance(Loop& loop, Value& item) {
  heap().spend_steps();
  if (loop.has_following) {
    item = loop.following;
    loop.has_following = false;
  } else if (!next_item(loop, item)) {
    return false;
  }
  ++loop.index0;
  loop.previous = loop.current;
  loop.current = item;
  return true;
}

// The next item that passes the loop's condition.
bool Interpreter::next_item(Loop& loop, Value& item) {
  const For& statement = *loop.statement;
  if (statement.condition == nullptr) {
    return loop.cursor.next(item);
  }
  while (loop.cursor.next(item)) {
    heap().spend_steps();
    const ScopeChange change(*this, heap().make<Scope>(heap(), loop.scope));
    assign(statement.target, item);
    if (truthy(evaluate(*statement.condition))) {
      return true;
    }
  }
  return false;
}

bool Interpreter::peek_following(Loop& loop) {
  if (!loop.has_following) {
    loop.has_following = next_item(loop, loop.following);
  }
  return loop.has_following;
}

std::int64_t Interpreter::loop_length(Loop& loop) {
  if (loop.length >= 0) {
    return loop.length;
  }
  const std::optional<std::int64_t> known =
      loop.statement->condition == nullptr ? find_length(heap(), loop.source) : std::nullopt;
  if (known) {
    loop.length = *known;
    return loop.length;
  }
  // A condition or a generator: walk to the end, and go on from what was found.
  Values rest(heap().scratch());
  Value item;
  while (next_item(loop, item)) {
    heap().spend_steps();
    rest.push_back(item);
  }
  loop.cursor = Cursor(heap(), make_list(heap(), rest));
  loop.length =
      loop.index0 + 1 + (loop.has_following ? 1 : 0) + static_cast<std::int64_t>(rest.size());
  return loop.length;
}

Value Interpreter::loop_attribute(Loop& loop, std::string_view name) {
  if (name == "index") {
    return loop.index0 + 1;
  }
  if (name == "index0") {
    return loop.index0;
  }
  if (name == "first") {
    return loop.index0 == 0;
  }
  if (name == "last") {
    return !peek_following(loop);
  }
  if (name == "length") {
    return loop_length(loop);
  }
  if (name == "revindex") {
    return loop_length(loop) - loop.index0;
  }
  if (name == "revindex0") {
    return loop_length(loop) - loop.index0 - 1;
  }
  if (name == "previtem") {
    return loop.index0 > 0 ? loop.previous : undefined(heap(), "there is no previous item");
  }
  if (name == "nextitem") {
    return peek_following(loop) ? loop.following : undefined(heap(), "there is no next item");
  }
  if (name == "depth") {
    return loop.depth0 + 1;
  }
  if (name == "depth0") {
    return loop.depth0;
  }
  if (name == "cycle" || name == "changed") {
    const Builtin function = name == "cycle" ? cycle : changed;
    return heap().make<Callable>(Callable{name, function, &loop, nullptr, nullptr});
  }
  return Undefined{heap().make<UndefinedInfo>(UndefinedInfo{name, "LoopContext", false})};
}

// `loop(items)`: the same loop over the items of one level further down.
Value Interpreter::call_loop(Loop& loop, const Arguments& arguments) {
  if (!loop.statement->is_recursive) {
    fail("the loop is not marked 'recursive'");
  }
  const Bound bound("loop", arguments, {"iterable"});
  const DepthGuard guard(heap());
  auto* inner = heap().make<Loop>(heap(), bound.require(0));
  inner->statement = loop.statement;
  inner->scope = loop.scope;
  inner->depth0 = loop.depth0 + 1;
  Capture capture(*this);
  run_loop(*inner);
  return capture.finish();
}

}  // namespace minimax::text::jinja

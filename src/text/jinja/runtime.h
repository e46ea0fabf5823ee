// SPDX-License-Identifier: Apache-2.0
// What filters, tests, methods and functions see of the rendering that calls them, and how they
// read their arguments.
#pragma once

#include <ctime>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "minimax/error.h"
#include "text/jinja/ast.h"
#include "text/jinja/value.h"

namespace minimax::text::jinja {

struct Scope;

/// The evaluated arguments of a call.
struct Arguments {
  explicit Arguments(Heap& heap) : positional(heap.scratch()), named(heap.scratch()) {}

  Values positional;
  std::pmr::vector<std::pair<std::string_view, Value>> named;
};

/// Something that a template can call: a builtin, perhaps bound to a value, or a macro.
struct Callable {
  std::string_view name;
  Builtin function = nullptr;
  Value self;
  const Macro* macro = nullptr;  // instead of `function`
  Scope* scope = nullptr;        // where the macro was defined
};

class Runtime {
 public:
  Runtime(const Limits& limits, const std::tm& now) : heap_(limits), now_(now) {}
  virtual ~Runtime() = default;
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  Heap& heap() { return heap_; }
  const std::tm& now() const { return now_; }

  /// Throws: Error{kInvalidArgument} where `callable` is none.
  virtual Value call(const Value& callable, const Arguments& arguments) = 0;

  /// `object.name` as the sandbox gives it; undefined where there is nothing of that name.
  Value attribute(const Value& object, const Text& name);
  /// `object[key]`.
  Value item(const Value& object, const Value& key);

 protected:
  /// `loop.name`.
  virtual Value loop_attribute(Loop& loop, std::string_view name) = 0;

 private:
  Value method_or_undefined(const Value& object, std::string_view name);

  Heap heap_;
  std::tm now_;
};

/// Arguments matched to the parameters of a builtin, by place and by name.
class Bound {
 public:
  /// Throws: Error{kInvalidArgument} for too many arguments or an unknown name.
  Bound(std::string_view function, const Arguments& arguments,
        std::initializer_list<std::string_view> parameters);

  /// Null where the argument was not given.
  const Value* get(std::size_t index) const { return values_[index]; }
  const Value& require(std::size_t index) const;
  Value get_or(std::size_t index, Value fallback) const;
  bool truthy_or(std::size_t index, bool fallback) const;
  std::int64_t integer_or(std::size_t index, std::int64_t fallback) const;
  const Text& require_text(std::size_t index) const;
  /// Null where the argument was not given or is None.
  const Text* get_text(std::size_t index) const;

 private:
  std::string_view function_;
  std::vector<std::string_view> parameters_;
  std::vector<const Value*> values_;
};

/// The text of `value`. Throws: Error{kInvalidArgument} "`what`: expected a string, found ...".
const Text& expect_text(const Value& value, std::string_view what);
std::int64_t expect_integer(const Value& value, std::string_view what);

/// What `raise_exception` throws. Its text goes to the user as it stands.
class RaisedError : public Error {
 public:
  explicit RaisedError(const std::string& message) : Error(ErrorCode::kInvalidArgument, message) {}
};

/// Throws Error{kInvalidArgument} for using a value that is not there.
[[noreturn]] void fail_undefined(const Undefined& undefined);

}  // namespace minimax::text::jinja

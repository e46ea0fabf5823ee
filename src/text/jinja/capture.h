// SPDX-License-Identifier: Apache-2.0
// What the interpreter changes for a while: where output goes, and which scope is the innermost.
#pragma once

#include <utility>

#include "text/jinja/interpreter.h"

namespace minimax::text::jinja {

/// Sends output to a string for as long as it lives.
class Interpreter::Capture {
 public:
  explicit Capture(Interpreter& interpreter)
      : interpreter_(interpreter),
        builder_(interpreter.heap()),
        outer_(std::exchange(interpreter.out_, &builder_)) {}
  ~Capture() { interpreter_.out_ = outer_; }
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  const Text* finish() { return builder_.finish(); }

 private:
  Interpreter& interpreter_;
  TextBuilder builder_;
  TextBuilder* outer_;
};

/// Makes `scope` the innermost one for as long as it lives.
class Interpreter::ScopeChange {
 public:
  ScopeChange(Interpreter& interpreter, Scope* scope)
      : interpreter_(interpreter), outer_(std::exchange(interpreter.scope_, scope)) {}
  ~ScopeChange() { interpreter_.scope_ = outer_; }
  ScopeChange(const ScopeChange&) = delete;
  ScopeChange& operator=(const ScopeChange&) = delete;

 private:
  Interpreter& interpreter_;
  Scope* outer_;
};

}  // namespace minimax::text::jinja

// SPDX-License-Identifier: Apache-2.0
// A pull parser for the JSON of checkpoint headers and indexes, which may hold a million entries.
// It decodes strings in place and builds no tree, so its memory is the text itself; for
// configuration files base/json.h is the better tool.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace minimax::io {

/// Moves once through a JSON text. All members throw Error{kCorruptFile} naming the source, the
/// subject, the byte and what was expected and found.
class JsonCursor {
 public:
  static constexpr int kMaxDepth = 64;  // of values that are skipped

  /// `text` is overwritten where strings hold escapes; it must outlive the cursor and all views
  /// that string() returns. Throws where it is not valid UTF-8.
  JsonCursor(std::span<char> text, std::string source);

  /// Names what is being read, for messages; the view must stay valid until the next call.
  void set_subject(std::string_view subject, std::string_view field = {}) {
    subject_ = subject;
    field_ = field;
  }

  /// Reads an object; `on_member(key)` must consume the member's value.
  template <class F>
  void each_member(F&& on_member) {
    expect('{', "an object");
    if (consume('}')) {
      return;
    }
    do {
      const std::string_view key = string();
      expect(':', "':'");
      on_member(key);
    } while (consume(','));
    expect('}', "',' or '}'");
  }

  /// Reads an array; `on_element()` must consume one element.
  template <class F>
  void each_element(F&& on_element) {
    expect('[', "an array");
    if (consume(']')) {
      return;
    }
    do {
      on_element();
    } while (consume(','));
    expect(']', "',' or ']'");
  }

  /// A string with its escapes decoded, as a view into the text.
  std::string_view string();

  /// An integer from 0 to 2^63 - 1, written without fraction and exponent.
  std::int64_t natural();

  /// Any value, checked for syntax and dropped.
  void skip_value();

  /// Requires that only blanks follow: spaces, or any white space of JSON if `any_space`.
  void expect_end(bool any_space);

  /// Throws "<source>: <subject>: <field>: expected <expected>, found <text here> at byte <n>".
  [[noreturn]] void fail(std::string_view expected) const;
  /// Throws "<source>: <subject>: <field>: <what>".
  [[noreturn]] void refuse(std::string_view what) const;

 private:
  void skip_space();
  void expect(char wanted, std::string_view description);
  bool consume(char wanted);
  std::size_t skip_digits();
  void skip_number();
  void skip_word(std::string_view word);
  void decode_escape(char*& out);
  std::uint32_t hex4();
  std::string where() const;

  std::span<char> text_;
  std::size_t position_ = 0;
  int depth_ = 0;
  std::string source_;
  std::string_view subject_;
  std::string_view field_;
};

}  // namespace minimax::io

// SPDX-License-Identifier: Apache-2.0
// From Oniguruma's reading of a pattern to PCRE2's. Both are backtracking engines of the Perl
// family; what differs is which characters the short classes hold.
#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "minimax/error.h"
#include "text/regex.h"
#include "text/unicode_tables.h"

namespace minimax::text {
namespace {

// White space by Unicode; PCRE2 adds U+180E.
constexpr std::string_view kSpaceMembers =
    R"(\x{9}-\x{D}\x{20}\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})";
// What \w holds beside letters, marks, decimal and letter numbers: circled and squared letters ...
constexpr std::string_view kOtherLetters =
    R"(\x{24B6}-\x{24E9}\x{1F130}-\x{1F149}\x{1F150}-\x{1F169}\x{1F170}-\x{1F189})";
// ... and superscript digits and common fractions.
constexpr std::string_view kOtherNumbers = R"(\x{B2}\x{B3}\x{B9}\x{BC}-\x{BE})";

class Translator {
 public:
  Translator(std::string_view pattern, const std::string& source)
      : pattern_(pattern), source_(source) {}

  std::string translate() {
    while (position_ < pattern_.size()) {
      const char c = pattern_[position_];
      if (c == '\\') {
        escape();
      } else if (in_class_) {
        class_member(c);
      } else if (c == '[') {
        open_class();
      } else {
        plain(c);
      }
    }
    return std::move(out_);
  }

 private:
  char peek(std::size_t distance) const {
    return position_ + distance < pattern_.size() ? pattern_[position_ + distance] : '\0';
  }

  void copy(std::size_t count) {
    out_ += pattern_.substr(position_, count);
    position_ += count;
  }

  [[noreturn]] void refuse(const char* what) const {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{}: {} at byte {} of the pattern {} is not supported", source_, what,
                            position_, base::printable(pattern_)));
  }

  void plain(char c) {
    if (c == '}' && peek(1) == '+') {
      refuse("a \"+\" behind {...}");  // possessive in PCRE2, a second repetition in Oniguruma
    }
    copy(1);
  }

  void open_class() {
    in_class_ = true;
    copy(peek(1) == '^' ? 2 : 1);
    if (peek(0) == ']') {
      copy(1);
    }
  }

  void class_member(char c) {
    if (c == '[' && peek(1) == ':') {
      posix_class();
      return;
    }
    if (c == '[' || (c == '&' && peek(1) == '&')) {
      refuse("a nested or intersected character class");
    }
    in_class_ = c != ']';
    copy(1);
  }

  // Of the classes in [:...:], those that are the same set or can be written as one.
  void posix_class() {
    const std::size_t end = std::min(pattern_.find(":]", position_), pattern_.size());
    const std::string_view name = pattern_.substr(position_ + 2, end - position_ - 2);
    if (name == "punct") {
      out_ += property("P") + property("S");
    } else if (name == "digit") {
      out_ += property("Nd");
    } else if (name == "space") {
      out_ += kSpaceMembers;
    } else if (name == "xdigit") {
      out_ += "0-9a-fA-F";
    } else {
      refuse("a POSIX class");
    }
    position_ = end + 2;
  }

  void escape() {
    const char kind = peek(1);
    switch (kind) {
      case 's':
        return members(std::string(kSpaceMembers), false);
      case 'S':
        return members(std::string(kSpaceMembers), true);
      case 'd':
        return members(property("Nd"), false);
      case 'D':
        return members(property("Nd"), true);
      case 'h':
        return members("0-9a-fA-F", false);
      case 'H':
        return members("0-9a-fA-F", true);
      case 'w':
        return members(word_members(), false);
      case 'W':
        return members(word_members(), true);
      case 'p':
      case 'P':
        return property_escape(kind == 'P');
      default:
        copy(2);
    }
  }

  // Writes a set in place of a two-letter escape.
  void members(const std::string& set, bool negated) {
    if (in_class_ && negated) {
      const bool is_nearly_the_same = peek(1) == 'S' || peek(1) == 'D';
      return is_nearly_the_same ? copy(2) : refuse("a complement inside a character class");
    }
    write_set(set, negated);
    position_ += 2;
  }

  void write_set(const std::string& set, bool negated) {
    out_ += in_class_ ? set : fmt::format("[{}{}]", negated ? "^" : "", set);
  }

  void property_escape(bool negated) {
    const std::size_t close = pattern_.find('}', position_);
    if (peek(2) != '{' || close == std::string_view::npos) {
      refuse("a property without braces");
    }
    const std::string_view name = pattern_.substr(position_ + 3, close - position_ - 3);
    // What is unassigned depends on the version of Unicode, and so does every complement.
    if (name == "C" || name == "Cn" || name.starts_with('^') || (in_class_ && negated)) {
      refuse("this use of a property");
    }
    write_set(property(name), negated);
    position_ = close + 1;
  }

  // \p{name} and the characters of that category which came after Unicode 14, the version of the
  // PCRE2 in Debian 12.
  static std::string property(std::string_view name) {
    // PCRE2 reads a bare script name as one of script extensions.
    const bool is_script = name.size() > 2 && name != "Any";
    std::string set = fmt::format("\\p{{{}{}}}", is_script ? "sc:" : "", name);
    for (const AddedRange& range : added_since_unicode_14()) {
      const std::string_view added = range.name;
      if (added == name || (added.size() == 2 && name.size() == 1 && added[0] == name[0])) {
        set += fmt::format("\\x{{{:X}}}-\\x{{{:X}}}", static_cast<std::uint32_t>(range.first),
                           static_cast<std::uint32_t>(range.last));
      }
    }
    return set;
  }

  // Oniguruma does not count superscripts and fractions in where \w stands in a class.
  std::string word_members() const {
    return property("L") + property("M") + property("Nd") + property("Nl") + property("Pc") +
           std::string(kOtherLetters) + std::string(in_class_ ? "" : kOtherNumbers);
  }

  std::string_view pattern_;
  const std::string& source_;
  std::size_t position_ = 0;
  bool in_class_ = false;
  std::string out_;
};

}  // namespace

std::string translate_pattern(std::string_view pattern, const std::string& source) {
  return Translator(pattern, source).translate();
}

}  // namespace minimax::text

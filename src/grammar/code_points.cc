// SPDX-License-Identifier: Apache-2.0
#include "grammar/code_points.h"

#include <algorithm>
#include <utility>

namespace minimax::grammar {
namespace {

constexpr char32_t kLastCodePoint = 0x10FFFF;

// Where the form of UTF-8 becomes one byte longer: the last code point of each length.
constexpr char32_t kLastOfLength[] = {0x7F, 0x7FF, 0xFFFF, kLastCodePoint};

/// Splits ranges until each is a product of byte ranges.
class Utf8Splitter {
 public:
  explicit Utf8Splitter(std::vector<Utf8Sequence>& out) : out_(out) {}

  void add(CodePointRange range) {
    std::vector<CodePointRange> pending = {range};
    while (!pending.empty()) {
      const CodePointRange current = pending.back();
      pending.pop_back();
      const char32_t cut = cut_after(current);
      if (cut == current.last) {
        emit(current);
      } else {
        pending.push_back({cut + 1, current.last});
        pending.push_back({current.first, cut});
      }
    }
  }

 private:
  // The last code point of the first part of the range; range.last where it is one product.
  static char32_t cut_after(CodePointRange range) {
    for (const char32_t last : kLastOfLength) {
      if (range.first <= last && range.last > last) {
        return last;
      }
    }
    // A continuation byte has six bits: below a digit that differs, all digits must be full.
    for (char32_t mask = 0x3F; mask <= 0x3FFFF; mask = (mask << 6) | 0x3F) {
      if (range.last <= 0x7F || (range.first & ~mask) == (range.last & ~mask)) {
        return range.last;
      }
      if ((range.first & mask) != 0) {
        return range.first | mask;
      }
      if ((range.last & mask) != mask) {
        return (range.last & ~mask) - 1;
      }
    }
    return range.last;
  }

  void emit(CodePointRange range) {
    std::string first;
    std::string last;
    append_utf8(range.first, first);
    append_utf8(range.last, last);
    Utf8Sequence sequence;
    sequence.length = static_cast<int>(first.size());
    for (std::size_t i = 0; i < first.size(); ++i) {
      sequence.first[i] = static_cast<std::uint8_t>(first[i]);
      sequence.last[i] = static_cast<std::uint8_t>(last[i]);
    }
    out_.push_back(sequence);
  }

  std::vector<Utf8Sequence>& out_;
};

}  // namespace

CodePointSet::CodePointSet(std::initializer_list<CodePointRange> ranges) : ranges_(ranges) {
  normalize();
}

CodePointSet::CodePointSet(std::vector<CodePointRange> ranges) : ranges_(std::move(ranges)) {
  normalize();
}

CodePointSet CodePointSet::all() { return CodePointSet({{0, kLastCodePoint}}); }

void CodePointSet::add(char32_t first, char32_t last) {
  ranges_.push_back({first, last});
  normalize();
}

void CodePointSet::add(const CodePointSet& other) {
  ranges_.insert(ranges_.end(), other.ranges_.begin(), other.ranges_.end());
  normalize();
}

CodePointSet CodePointSet::complement() const {
  CodePointSet result;
  char32_t next = 0;
  for (const CodePointRange& range : ranges_) {
    if (range.first > next) {
      result.ranges_.push_back({next, range.first - 1});
    }
    next = range.last + 1;
  }
  if (next <= kLastCodePoint) {
    result.ranges_.push_back({next, kLastCodePoint});
  }
  result.normalize();
  return result;
}

CodePointSet CodePointSet::intersection(const CodePointSet& other) const {
  CodePointSet either = complement();
  either.add(other.complement());
  return either.complement();
}

CodePointSet CodePointSet::without(const CodePointSet& other) const {
  return intersection(other.complement());
}

bool CodePointSet::contains(char32_t value) const {
  return std::any_of(ranges_.begin(), ranges_.end(), [&](const CodePointRange& range) {
    return range.first <= value && value <= range.last;
  });
}

void CodePointSet::normalize() {
  std::vector<CodePointRange> parts;
  for (const CodePointRange& range : ranges_) {
    const char32_t last = std::min(range.last, kLastCodePoint);
    if (range.first <= std::min<char32_t>(last, 0xD7FF)) {
      parts.push_back({range.first, std::min<char32_t>(last, 0xD7FF)});
    }
    if (std::max<char32_t>(range.first, 0xE000) <= last) {
      parts.push_back({std::max<char32_t>(range.first, 0xE000), last});
    }
  }
  std::sort(parts.begin(), parts.end(),
            [](const CodePointRange& a, const CodePointRange& b) { return a.first < b.first; });
  ranges_.clear();
  for (const CodePointRange& part : parts) {
    if (!ranges_.empty() && part.first <= ranges_.back().last + 1) {
      ranges_.back().last = std::max(ranges_.back().last, part.last);
    } else {
      ranges_.push_back(part);
    }
  }
}

std::vector<Utf8Sequence> utf8_sequences(const CodePointSet& set) {
  std::vector<Utf8Sequence> sequences;
  Utf8Splitter splitter(sequences);
  for (const CodePointRange& range : set.ranges()) {
    splitter.add(range);
  }
  return sequences;
}

void append_utf8(char32_t value, std::string& out) {
  const auto byte = [&](char32_t bits) { out += static_cast<char>(bits); };
  if (value <= 0x7F) {
    byte(value);
  } else if (value <= 0x7FF) {
    byte(0xC0 | (value >> 6));
    byte(0x80 | (value & 0x3F));
  } else if (value <= 0xFFFF) {
    byte(0xE0 | (value >> 12));
    byte(0x80 | ((value >> 6) & 0x3F));
    byte(0x80 | (value & 0x3F));
  } else {
    byte(0xF0 | (value >> 18));
    byte(0x80 | ((value >> 12) & 0x3F));
    byte(0x80 | ((value >> 6) & 0x3F));
    byte(0x80 | (value & 0x3F));
  }
}

char32_t next_code_point(std::string_view text, std::size_t& offset) {
  const auto lead = static_cast<unsigned char>(text[offset++]);
  if (lead < 0x80) {
    return lead;
  }
  const int length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4) {
    return kInvalidCodePoint;
  }
  char32_t value = lead & (0x7Fu >> length);
  for (int i = 1; i < length; ++i) {
    const auto byte = offset < text.size() ? static_cast<unsigned char>(text[offset]) : 0u;
    if ((byte & 0xC0u) != 0x80u) {
      return kInvalidCodePoint;
    }
    value = (value << 6) | (byte & 0x3Fu);
    ++offset;
  }
  const bool is_overlong = value <= kLastOfLength[length - 2];
  const bool is_scalar = value <= kLastCodePoint && (value < 0xD800 || value > 0xDFFF);
  return is_overlong || !is_scalar ? kInvalidCodePoint : value;
}

}  // namespace minimax::grammar

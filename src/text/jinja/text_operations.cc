// SPDX-License-Identifier: Apache-2.0
#include "text/jinja/text_operations.h"

#include <algorithm>

#include "text/jinja/search.h"
#include "text/jinja/unicode.h"
#include "text/utf8.h"

namespace minimax::text::jinja {
namespace {

constexpr std::size_t kRunBytes = 4096;

std::string_view code_point_at(std::string_view text, std::int64_t offset) {
  return text.substr(static_cast<std::size_t>(offset),
                     static_cast<std::size_t>(code_point_length(text, offset)));
}

std::int64_t leading_set(std::string_view text, std::string_view set) {
  std::int64_t at = 0;
  while (at < static_cast<std::int64_t>(text.size()) &&
         set.find(code_point_at(text, at)) != set.npos) {
    at += code_point_length(text, at);
  }
  return at;
}

std::int64_t trailing_set(std::string_view text, std::string_view set) {
  auto end = static_cast<std::int64_t>(text.size());
  while (end > 0) {
    const std::int64_t start = previous_code_point(text, end);
    if (set.find(code_point_at(text, start)) == set.npos) {
      break;
    }
    end = start;
  }
  return static_cast<std::int64_t>(text.size()) - end;
}

bool is_cased(char32_t c) { return is_upper(c) || is_lower(c) || is_title(c); }

// A capital sigma at the end of a word, which has a small form of its own.
bool is_final_sigma(const Text& text, std::int64_t at) {
  constexpr char32_t kSigma = 0x3A3;
  const std::int64_t after = at + code_point_length(text.bytes, at);
  if (decode_utf8(text.bytes, at).value != kSigma || at == 0) {
    return false;
  }
  const std::int64_t before = previous_code_point(text.bytes, at);
  return is_cased(decode_utf8(text.bytes, before).value) &&
         (after >= size_of(text) || !is_cased(decode_utf8(text.bytes, after).value));
}

// What is left to do with the next letter.
void append_cased(char32_t c, Case target, bool is_first, std::string& out) {
  switch (target) {
    case Case::kUpper:
      append_upper(c, out);
      break;
    case Case::kLower:
      append_lower(c, out);
      break;
    case Case::kSwapped:
      is_upper(c) ? append_lower(c, out) : append_upper(c, out);
      break;
    case Case::kCapitalized:
    case Case::kTitle:
      is_first ? append_title(c, out) : append_lower(c, out);
      break;
  }
}

Values split_on_space(Heap& heap, const Text& text, std::int64_t max_splits) {
  Values parts(heap.scratch());
  std::int64_t at = leading_space(text.bytes);
  while (at < size_of(text)) {
    heap.spend_steps();
    std::int64_t end = at;
    if (max_splits >= 0 && static_cast<std::int64_t>(parts.size()) == max_splits) {
      parts.emplace_back(slice_bytes(heap, text, at, size_of(text)));
      break;
    }
    while (end < size_of(text) && !is_space(decode_utf8(text.bytes, end).value)) {
      end += code_point_length(text.bytes, end);
    }
    parts.emplace_back(slice_bytes(heap, text, at, end));
    at = end + leading_space(text.bytes.substr(static_cast<std::size_t>(end)));
  }
  return parts;
}

Values split_on_space_from_right(Heap& heap, const Text& text, std::int64_t max_splits) {
  Values parts(heap.scratch());
  std::int64_t end = size_of(text) - trailing_space(text.bytes);
  while (end > 0) {
    heap.spend_steps();
    std::int64_t begin = end;
    const bool is_rest = max_splits >= 0 && static_cast<std::int64_t>(parts.size()) == max_splits;
    if (is_rest) {
      begin = 0;
    }
    while (!is_rest && begin > 0) {
      const std::int64_t previous = previous_code_point(text.bytes, begin);
      if (is_space(decode_utf8(text.bytes, previous).value)) {
        break;
      }
      begin = previous;
    }
    parts.emplace_back(slice_bytes(heap, text, begin, end));
    const auto before = text.bytes.substr(0, static_cast<std::size_t>(is_rest ? 0 : begin));
    end = static_cast<std::int64_t>(before.size()) - trailing_space(before);
  }
  std::ranges::reverse(parts);
  return parts;
}

// Where the separators stand, from the left.
std::pmr::vector<std::int64_t> find_all(Heap& heap, const Text& text, const Text& separator) {
  std::pmr::vector<std::int64_t> places(heap.scratch());
  for (std::int64_t at = find_bytes(heap, text.bytes, separator.bytes); at >= 0;
       at = find_bytes(heap, text.bytes, separator.bytes, at + size_of(separator))) {
    heap.spend_steps();
    places.push_back(at);
  }
  return places;
}

}  // namespace

const Text* strip(Heap& heap, const Text& text, const Text* characters, Sides sides) {
  std::int64_t begin = 0;
  std::int64_t end = size_of(text);
  if (sides != Sides::kRight) {
    begin = characters == nullptr ? leading_space(text.bytes)
                                  : leading_set(text.bytes, characters->bytes);
  }
  if (sides != Sides::kLeft) {
    const auto rest = text.bytes.substr(static_cast<std::size_t>(begin));
    end -= characters == nullptr ? trailing_space(rest) : trailing_set(rest, characters->bytes);
  }
  const std::int64_t looked_at = begin + size_of(text) - end;
  heap.spend_code_points(looked_at);
  heap.spend_bytes(characters == nullptr ? 0 : looked_at * size_of(*characters));
  return slice_bytes(heap, text, begin, end);
}

const Text* change_case(Heap& heap, const Text& text, Case target) {
  heap.spend_code_points(size_of(text));
  TextBuilder out(heap);
  bool starts_word = true;
  for (std::int64_t at = 0; at < size_of(text);) {
    // A piece of one mark at a time.
    const Mark mark = text.marks == nullptr ? text.mark : text.marks[at];
    std::string run;
    while (at < size_of(text) && run.size() < kRunBytes &&
           (text.marks == nullptr || text.marks[at] == mark)) {
      const CodePoint point = decode_utf8(text.bytes, at);
      const bool is_sigma = target != Case::kUpper && !starts_word && is_final_sigma(text, at);
      append_cased(is_sigma ? U'\u03C2' : point.value, target, starts_word, run);
      starts_word = target == Case::kTitle && !is_cased(point.value);
      at += point.length;
    }
    out.append(run, mark);
  }
  return out.finish();
}

bool has_only_case(Heap& heap, const Text& text, bool (*is_wanted)(char32_t),
                   bool (*is_other)(char32_t)) {
  heap.spend_code_points(size_of(text));
  bool found = false;
  for (std::int64_t at = 0; at < size_of(text);) {
    const CodePoint point = decode_utf8(text.bytes, at);
    if (is_other(point.value) || is_title(point.value)) {
      return false;
    }
    found = found || is_wanted(point.value);
    at += point.length;
  }
  return found;
}

Values split(Heap& heap, const Text& text, const SplitOptions& options) {
  if (options.separator == nullptr) {
    heap.spend_code_points(size_of(text));
    return options.from_right ? split_on_space_from_right(heap, text, options.max_splits)
                              : split_on_space(heap, text, options.max_splits);
  }
  const Text& separator = *options.separator;
  if (separator.bytes.empty()) {
    fail("split(): empty separator");
  }
  std::pmr::vector<std::int64_t> places = find_all(heap, text, separator);
  const auto limit = static_cast<std::size_t>(options.max_splits);
  if (options.max_splits >= 0 && places.size() > limit) {
    const auto surplus = static_cast<std::ptrdiff_t>(places.size() - limit);
    options.from_right ? places.erase(places.begin(), places.begin() + surplus)
                       : places.erase(places.end() - surplus, places.end());
  }
  Values parts(heap.scratch());
  std::int64_t begin = 0;
  for (const std::int64_t place : places) {
    parts.emplace_back(slice_bytes(heap, text, begin, place));
    begin = place + size_of(separator);
  }
  parts.emplace_back(slice_bytes(heap, text, begin, size_of(text)));
  return parts;
}

Values split_lines(Heap& heap, const Text& text, LineEnds ends) {
  Values lines(heap.scratch());
  std::int64_t begin = 0;
  heap.spend_code_points(size_of(text));
  for (std::int64_t at = 0; at < size_of(text);) {
    const CodePoint point = decode_utf8(text.bytes, at);
    const std::int64_t line_end = at;
    at += point.length;
    if (!is_line_break(point.value)) {
      continue;
    }
    const bool is_pair = point.value == U'\r' && at < size_of(text) &&
                         text.bytes[static_cast<std::size_t>(at)] == '\n';
    at += is_pair ? 1 : 0;
    heap.spend_steps();
    lines.emplace_back(slice_bytes(heap, text, begin, ends == LineEnds::kKept ? at : line_end));
    begin = at;
  }
  if (begin < size_of(text)) {
    lines.emplace_back(slice_bytes(heap, text, begin, size_of(text)));
  }
  return lines;
}

const Text* replace(Heap& heap, const Text& text, const Replacement& replacement) {
  const Text& from = replacement.from;
  TextBuilder out(heap);
  std::int64_t begin = 0;
  std::int64_t at = 0;
  std::int64_t left = replacement.max_count < 0 ? INT64_MAX : replacement.max_count;
  while (left > 0 && (at = find_bytes(heap, text.bytes, from.bytes, at)) >= 0) {
    heap.spend_steps();
    --left;
    out.append(*slice_bytes(heap, text, begin, at));
    out.append(replacement.to);
    begin = at + size_of(from);
    if (from.bytes.empty()) {  // between all characters, and at both ends
      if (at >= size_of(text)) {
        break;
      }
      at += code_point_length(text.bytes, at);
    } else {
      at = begin;
    }
  }
  out.append(*slice_bytes(heap, text, begin, size_of(text)));
  return out.finish();
}

const Text* pad(Heap& heap, const Text& text, const Padding& padding) {
  if (padding.fill.size() != 1) {
    fail("the fill character must be one ASCII character");
  }
  heap.spend_bytes(size_of(text));
  const std::int64_t missing = padding.width - count_code_points(text.bytes);
  if (missing <= 0) {
    return &text;
  }
  // CPython's rule for an odd number of fill characters.
  const std::int64_t half = missing / 2 + (missing & padding.width & 1);
  const std::int64_t left = padding.align == '<' ? 0 : (padding.align == '^' ? half : missing);
  TextBuilder out(heap);
  out.append_repeated(padding.fill[0], left, mark_of(text));
  out.append(text);
  out.append_repeated(padding.fill[0], missing - left, mark_of(text));
  return out.finish();
}

}  // namespace minimax::text::jinja

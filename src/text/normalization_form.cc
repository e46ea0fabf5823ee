// SPDX-License-Identifier: Apache-2.0
#include "text/normalization_form.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "text/scanner.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace minimax::text {
namespace {

// Below this, characters neither combine with what precedes them nor change by themselves ...
constexpr char32_t kFirstThatChanges = 0xA0;
// ... and below this they at least do not combine.
constexpr char32_t kFirstThatCombines = 0x300;

int utf8proc_options(UnicodeForm form) {
  switch (form) {
    case UnicodeForm::kNfc:
      return UTF8PROC_STABLE | UTF8PROC_COMPOSE;
    case UnicodeForm::kNfd:
      return UTF8PROC_STABLE | UTF8PROC_DECOMPOSE;
    case UnicodeForm::kNfkc:
      return UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT;
    case UnicodeForm::kNfkd:
      break;
  }
  return UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT;
}

int combining_class(std::int32_t c) { return utf8proc_get_property(c)->combining_class; }

// Sorts marks by class, keeping the order of equals.
void sort_marks(std::span<std::int32_t> marks) {
  struct Mark {
    int combining_class;
    std::size_t position;
    std::int32_t value;
  };
  std::vector<Mark> sorted;
  sorted.reserve(marks.size());
  for (std::size_t i = 0; i < marks.size(); ++i) {
    sorted.push_back({combining_class(marks[i]), i, marks[i]});
  }
  std::sort(sorted.begin(), sorted.end(), [](const Mark& a, const Mark& b) {
    return std::pair(a.combining_class, a.position) < std::pair(b.combining_class, b.position);
  });
  std::transform(sorted.begin(), sorted.end(), marks.begin(),
                 [](const Mark& mark) { return mark.value; });
}

// Sorts every run of marks. (utf8proc's own reordering takes quadratic time on long runs.)
void reorder_marks(std::vector<std::int32_t>& points) {
  auto begin = points.begin();
  while (begin != points.end()) {
    begin = std::find_if(begin, points.end(), [](auto c) { return combining_class(c) != 0; });
    const auto end =
        std::find_if(begin, points.end(), [](auto c) { return combining_class(c) == 0; });
    if (end - begin > 1) {
      sort_marks(std::span(begin, end));
    }
    begin = end;
  }
}

class FormNormalizer {
 public:
  FormNormalizer(std::string_view text, UnicodeForm form)
      : scanner_(text), options_(static_cast<utf8proc_option_t>(utf8proc_options(form))) {}

  std::vector<NormalizedChunk> run() {
    std::vector<NormalizedChunk> chunks;
    for (std::int64_t offset = 0; offset < scanner_.size();) {
      const ScannedCharacter first = scanner_.at(offset);
      const std::int64_t end = chunk_end(offset, first);
      const bool alone = end == offset + first.length;
      if (!is_inert(first.value) && !(alone && first.value < kFirstThatChanges)) {
        normalize(offset, end, chunks);
      }
      offset = end;
    }
    return chunks;
  }

 private:
  static bool is_inert(char32_t c) { return UnicodeTable::shared().has(c, kInertProperty); }

  // The start of the next character that does not combine with what precedes it.
  std::int64_t chunk_end(std::int64_t offset, const ScannedCharacter& first) const {
    std::int64_t end = offset + first.length;
    if (is_inert(first.value)) {
      return end;
    }
    for (;;) {
      const ScannedCharacter c = scanner_.at(end);
      if (c.value < kFirstThatCombines || is_inert(c.value)) {
        return end;  // also at the end of the text, where the value is 0
      }
      end += c.length;
    }
  }

  void normalize(std::int64_t begin, std::int64_t end, std::vector<NormalizedChunk>& chunks) {
    points_.clear();
    for (std::int64_t offset = begin; offset < end;) {
      const ScannedCharacter c = scanner_.at(offset);
      decompose(c.value);
      offset += c.length;
    }
    reorder_marks(points_);
    if ((options_ & UTF8PROC_COMPOSE) != 0) {
      points_.resize(static_cast<std::size_t>(utf8proc_normalize_utf32(
          points_.data(), static_cast<utf8proc_ssize_t>(points_.size()), options_)));
    }
    std::string out;
    for (const std::int32_t c : points_) {
      append_utf8(static_cast<char32_t>(c), out);
    }
    if (out != scanner_.slice(begin, end)) {
      chunks.push_back({begin, end, std::move(out)});
    }
  }

  void decompose(char32_t c) {
    std::array<utf8proc_int32_t, 32> buffer{};  // no character decomposes into more than 18
    int last_boundclass = 0;
    const auto count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), buffer.data(),
                                               buffer.size(), options_, &last_boundclass);
    const auto decomposed = std::span(buffer).first(static_cast<std::size_t>(
        std::clamp<utf8proc_ssize_t>(count, 0, static_cast<utf8proc_ssize_t>(buffer.size()))));
    points_.insert(points_.end(), decomposed.begin(), decomposed.end());
  }

  Scanner scanner_;
  utf8proc_option_t options_;
  std::vector<std::int32_t> points_;
};

}  // namespace

std::vector<NormalizedChunk> find_unnormalized(std::string_view text, UnicodeForm form) {
  return FormNormalizer(text, form).run();
}

}  // namespace minimax::text

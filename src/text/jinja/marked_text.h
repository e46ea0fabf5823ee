// SPDX-License-Identifier: Apache-2.0
// The strings of a template: UTF-8 in which every byte is known to come from the template or from
// the conversation, so that the tokenizer can tell markup from what users write.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/heap.h"
#include "text/text_segment.h"

namespace minimax::text::jinja {

/// Where a byte comes from: the template, or what was passed in.
enum class Mark : char { kTemplate, kInput };

struct TextBuffer;

/// An immutable string. The bytes belong to the heap, the template or the caller's JSON.
struct Text {
  std::string_view bytes = "";   // never a null pointer
  Mark mark = Mark::kTemplate;   // of all bytes, where `marks` is null
  const Mark* marks = nullptr;   // one for each byte, or null
  TextBuffer* buffer = nullptr;  // where the bytes can be appended to if they end at its end
};

inline std::int64_t size_of(const Text& text) {
  return static_cast<std::int64_t>(text.bytes.size());
}

/// Makes a string piece by piece. Appending to what another builder finished is amortised O(1)
/// for each byte added, which keeps `text = text + more` in a loop linear.
class TextBuilder {
 public:
  explicit TextBuilder(Heap& heap);
  /// Goes on behind `text`, in place where nobody else has done so.
  TextBuilder(Heap& heap, const Text& text);

  void append(const Text& text);
  void append(std::string_view bytes, Mark mark = Mark::kTemplate);
  void append_repeated(char c, std::int64_t count, Mark mark = Mark::kTemplate);
  std::int64_t size() const;

  /// The string. Requires: nothing is appended through this builder afterwards.
  const Text* finish();

 private:
  char* extend(std::int64_t bytes, Mark mark);
  void grow(std::int64_t needed);
  void materialise_marks();

  Heap& heap_;
  TextBuffer* buffer_;
  std::int64_t begin_ = 0;  // where this string starts in the buffer
};

/// Bytes [begin, end) of `text`, sharing its memory. Requires: 0 <= begin <= end <= size.
const Text* slice_bytes(Heap& heap, const Text& text, std::int64_t begin, std::int64_t end);

const Text* concatenate(Heap& heap, const Text& left, const Text& right);

/// A copy of `bytes` with one mark.
const Text* make_text(Heap& heap, std::string_view bytes, Mark mark = Mark::kTemplate);

/// A string that uses `bytes` in place. Requires: they outlive the heap.
const Text* view_text(Heap& heap, std::string_view bytes, Mark mark);

/// The mark of a piece that is made from `text` as a whole: kInput where any byte of it is.
Mark mark_of(const Text& text);

/// The runs of equal mark. Template text may spell special tokens, input may not.
std::vector<TextSegment> to_segments(const Text& text);

}  // namespace minimax::text::jinja

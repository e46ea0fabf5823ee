// SPDX-License-Identifier: Apache-2.0
#include "text/jinja/marked_text.h"

#include <algorithm>
#include <cstring>

namespace minimax::text::jinja {

/// Memory that strings share: each is a range of it, and only its end grows.
struct TextBuffer {
  char* bytes = nullptr;
  Mark* marks = nullptr;  // null: all are `mark`
  Mark mark = Mark::kTemplate;
  std::int64_t size = 0;
  std::int64_t capacity = 0;
  bool is_shared = false;  // some Text points into it
};

namespace {

constexpr std::int64_t kSmallestCapacity = 64;

std::size_t to_size(std::int64_t n) { return static_cast<std::size_t>(n); }

}  // namespace

TextBuilder::TextBuilder(Heap& heap) : heap_(heap), buffer_(heap.make<TextBuffer>()) {}

TextBuilder::TextBuilder(Heap& heap, const Text& text) : heap_(heap), buffer_(text.buffer) {
  const bool ends_the_buffer =
      buffer_ != nullptr && !text.bytes.empty() &&
      text.bytes.data() + text.bytes.size() == buffer_->bytes + buffer_->size;
  if (ends_the_buffer) {
    begin_ = text.bytes.data() - buffer_->bytes;
    return;
  }
  buffer_ = heap.make<TextBuffer>();
  append(text);
}

void TextBuilder::grow(std::int64_t needed) {
  TextBuffer* old = buffer_;
  const std::int64_t kept = old->size - begin_;
  TextBuffer fresh{.mark = old->mark, .size = kept};
  fresh.capacity = std::max({needed, kept * 2, kSmallestCapacity});
  fresh.bytes = static_cast<char*>(heap_.allocate(to_size(fresh.capacity), 1));
  std::copy_n(old->bytes + begin_, kept, fresh.bytes);
  if (old->marks != nullptr) {
    fresh.marks = static_cast<Mark*>(heap_.allocate(to_size(fresh.capacity), 1));
    std::copy_n(old->marks + begin_, kept, fresh.marks);
  }
  heap_.spend_bytes(kept);
  if (!old->is_shared && old->bytes != nullptr) {
    heap_.deallocate(old->bytes, to_size(old->capacity), 1);
    if (old->marks != nullptr) {
      heap_.deallocate(old->marks, to_size(old->capacity), 1);
    }
    *old = fresh;
  } else {
    buffer_ = heap_.make<TextBuffer>(fresh);
  }
  begin_ = 0;
}

void TextBuilder::materialise_marks() {
  buffer_->marks = static_cast<Mark*>(heap_.allocate(to_size(buffer_->capacity), 1));
  std::fill_n(buffer_->marks, buffer_->size, buffer_->mark);
  heap_.spend_bytes(buffer_->size);
}

char* TextBuilder::extend(std::int64_t bytes, Mark mark) {
  heap_.spend_bytes(bytes);
  if (buffer_->capacity - buffer_->size < bytes) {
    grow(buffer_->size - begin_ + bytes);
  }
  if (buffer_->size == begin_ && buffer_->marks == nullptr && begin_ == 0) {
    buffer_->mark = mark;
  } else if (buffer_->marks == nullptr && buffer_->mark != mark) {
    materialise_marks();
  }
  if (buffer_->marks != nullptr) {
    std::fill_n(buffer_->marks + buffer_->size, bytes, mark);
  }
  char* place = buffer_->bytes + buffer_->size;
  buffer_->size += bytes;
  return place;
}

void TextBuilder::append(std::string_view bytes, Mark mark) {
  if (!bytes.empty()) {
    std::memcpy(extend(static_cast<std::int64_t>(bytes.size()), mark), bytes.data(), bytes.size());
  }
}

void TextBuilder::append(const Text& text) {
  if (text.marks == nullptr) {
    append(text.bytes, text.mark);
    return;
  }
  std::size_t begin = 0;
  while (begin < text.bytes.size()) {
    std::size_t end = begin + 1;
    while (end < text.bytes.size() && text.marks[end] == text.marks[begin]) {
      ++end;
    }
    append(text.bytes.substr(begin, end - begin), text.marks[begin]);
    begin = end;
  }
}

void TextBuilder::append_repeated(char c, std::int64_t count, Mark mark) {
  if (count > 0) {
    std::fill_n(extend(count, mark), count, c);
  }
}

std::int64_t TextBuilder::size() const { return buffer_->size - begin_; }

const Text* TextBuilder::finish() {
  if (size() == 0) {
    return heap_.make<Text>();
  }
  buffer_->is_shared = true;
  const std::string_view bytes(buffer_->bytes + begin_, to_size(size()));
  const Mark* marks = buffer_->marks == nullptr ? nullptr : buffer_->marks + begin_;
  return heap_.make<Text>(Text{bytes, buffer_->mark, marks, buffer_});
}

const Text* slice_bytes(Heap& heap, const Text& text, std::int64_t begin, std::int64_t end) {
  Text part = text;
  part.bytes = text.bytes.substr(to_size(begin), to_size(end - begin));
  part.marks = text.marks == nullptr ? nullptr : text.marks + begin;
  return heap.make<Text>(part);
}

const Text* concatenate(Heap& heap, const Text& left, const Text& right) {
  if (left.bytes.empty()) {
    return &right;
  }
  if (right.bytes.empty()) {
    return &left;
  }
  TextBuilder builder(heap, left);
  builder.append(right);
  return builder.finish();
}

const Text* make_text(Heap& heap, std::string_view bytes, Mark mark) {
  TextBuilder builder(heap);
  builder.append(bytes, mark);
  return builder.finish();
}

const Text* view_text(Heap& heap, std::string_view bytes, Mark mark) {
  return heap.make<Text>(Text{bytes, mark, nullptr, nullptr});
}

Mark mark_of(const Text& text) {
  if (text.marks == nullptr) {
    return text.mark;
  }
  const Mark* end = text.marks + text.bytes.size();
  return std::find(text.marks, end, Mark::kInput) == end ? Mark::kTemplate : Mark::kInput;
}

std::vector<TextSegment> to_segments(const Text& text) {
  std::vector<TextSegment> segments;
  std::size_t begin = 0;
  while (begin < text.bytes.size()) {
    std::size_t end = text.bytes.size();
    const Mark mark = text.marks == nullptr ? text.mark : text.marks[begin];
    if (text.marks != nullptr) {
      const Mark* stop = std::find_if(text.marks + begin, text.marks + end,
                                      [mark](Mark other) { return other != mark; });
      end = static_cast<std::size_t>(stop - text.marks);
    }
    segments.push_back(
        {std::string(text.bytes.substr(begin, end - begin)), mark == Mark::kTemplate});
    begin = end;
  }
  return segments;
}

}  // namespace minimax::text::jinja

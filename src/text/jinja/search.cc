// SPDX-License-Identifier: Apache-2.0
#include "text/jinja/search.h"

#include <cstring>

namespace minimax::text::jinja {

std::int64_t find_bytes(Heap& heap, std::string_view text, std::string_view needle,
                        std::int64_t from) {
  const auto size = static_cast<std::int64_t>(text.size());
  if (from > size) {
    return -1;
  }
  const std::string_view rest = text.substr(static_cast<std::size_t>(from));
  if (needle.empty()) {
    return from;
  }
  if (rest.size() < needle.size()) {
    return -1;
  }
  // memmem is linear in glibc; std::string_view::find is quadratic for hostile needles.
  const void* found = ::memmem(rest.data(), rest.size(), needle.data(), needle.size());
  const std::int64_t offset = found == nullptr ? -1 : static_cast<const char*>(found) - text.data();
  heap.spend_bytes(found == nullptr ? size - from : offset - from);
  return offset;
}

std::int64_t find_last_bytes(Heap& heap, std::string_view text, std::string_view needle) {
  if (needle.empty()) {
    return static_cast<std::int64_t>(text.size());
  }
  std::int64_t last = -1;
  for (std::int64_t at = find_bytes(heap, text, needle); at >= 0;
       at = find_bytes(heap, text, needle, at + 1)) {
    heap.spend_steps();
    heap.spend_code_points(static_cast<std::int64_t>(needle.size()));
    last = at;
  }
  return last;
}

}  // namespace minimax::text::jinja

// SPDX-License-Identifier: Apache-2.0
#include "model/kv_cache.h"

#include <algorithm>
#include <utility>

#include "ops/softmax_attention/kv_format.h"

namespace minimax::model {

using tensor::SharedBuffer;

std::int64_t KvLayout::page_bytes() const {
  return ops::kv_page_bytes(dtype, 2 * heads * kPageTokens, head_dim);
}

std::int64_t KvLayout::first_page(std::int64_t position) const {
  const std::int64_t oldest =
      sliding_window > 0 ? std::max<std::int64_t>(0, position + 1 - sliding_window) : 0;
  return oldest / kPageTokens;
}

std::int64_t KvLayout::end_page(std::int64_t tokens) {
  return (tokens + kPageTokens - 1) / kPageTokens;
}

std::int64_t KvLayout::most_pages(std::int64_t step) const {
  // The first token of a step sees sliding_window - 1 tokens before it. n consecutive tokens touch
  // one page and one more for every kPageTokens, begun or whole, of the other n - 1.
  return 1 + end_page(sliding_window - 1 + step - 1);
}

void KvCache::append(SharedBuffer page) {
  pages_.push_back(std::move(page));
  page_pointers_.push_back(pages_.back().data());
}

// Pages that are used again are cleared, so that a saved state follows from its tokens alone.
SharedBuffer KvCache::take_front(const KvLayout& layout) {
  if (pages_.front().is_shared()) {
    SharedBuffer fresh = SharedBuffer::allocate(layout.page_bytes(), *layout.memory);
    pages_.front() = std::move(fresh);
  } else {
    layout.memory->clear(pages_.front().data(), layout.page_bytes());
  }
  SharedBuffer page = std::move(pages_.front());
  pages_.erase(pages_.begin());
  page_pointers_.erase(page_pointers_.begin());
  ++first_page_;
  return page;
}

void KvCache::make_room(const KvLayout& layout, std::int64_t length, std::int64_t tokens) {
  const std::int64_t page_bytes = layout.page_bytes();
  const auto half_full = static_cast<std::size_t>(length / KvLayout::kPageTokens - first_page_);
  if (tokens > 0 && half_full < pages_.size()) {
    pages_[half_full].unshare(page_bytes);
    page_pointers_[half_full] = pages_[half_full].data();
  }
  const std::int64_t needed = layout.first_page(length);
  const std::int64_t end = KvLayout::end_page(length + tokens);
  while (first_page_ + std::ssize(pages_) < end) {
    append(first_page_ < needed ? take_front(layout)
                                : SharedBuffer::allocate(page_bytes, *layout.memory));
  }
}

void KvCache::reset(const KvLayout& layout, std::int64_t length) {
  *this = KvCache();
  first_page_ = layout.first_page(length);
  for (std::int64_t page = first_page_; page < KvLayout::end_page(length); ++page) {
    append(SharedBuffer::allocate(layout.page_bytes(), *layout.memory));
  }
}

ops::KvCacheView KvCache::view(const KvLayout& layout, std::int64_t length) const {
  return {.pages = page_pointers_,
          .first_page = first_page_,
          .page_tokens = KvLayout::kPageTokens,
          .length = length,
          .dtype = layout.dtype};
}

std::span<const SharedBuffer> KvCache::needed(const KvLayout& layout, std::int64_t length) const {
  const std::int64_t first = layout.first_page(length);
  return std::span(pages_).subspan(static_cast<std::size_t>(first - first_page_),
                                   static_cast<std::size_t>(KvLayout::end_page(length) - first));
}

}  // namespace minimax::model

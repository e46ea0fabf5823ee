// SPDX-License-Identifier: Apache-2.0
#include "io/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "base/file.h"
#include "quant/format.h"

namespace minimax::io {
namespace {

// A million entries are too many to sort by names all over the heap: most comparisons end at the
// eight bytes behind the start that all names share.
struct SortKey {
  std::uint64_t digest;
  std::uint32_t index;
};

std::size_t common_start(const std::vector<TensorEntry>& tensors) {
  std::string_view common = tensors.front().name;
  for (const TensorEntry& entry : tensors) {
    const auto [end, unused] =
        std::mismatch(common.begin(), common.end(), entry.name.begin(), entry.name.end());
    common = common.substr(0, static_cast<std::size_t>(end - common.begin()));
  }
  return common.size();
}

std::vector<SortKey> sort_keys(const std::vector<TensorEntry>& tensors) {
  const std::size_t start = common_start(tensors);
  std::vector<SortKey> keys;
  keys.reserve(tensors.size());
  for (const TensorEntry& entry : tensors) {
    std::uint64_t digest = 0;
    for (std::size_t i = start; i < start + sizeof(digest); ++i) {
      const bool inside = i < entry.name.size();
      digest = (digest << 8) | (inside ? static_cast<unsigned char>(entry.name[i]) : 0U);
    }
    keys.push_back({digest, static_cast<std::uint32_t>(keys.size())});
  }
  return keys;
}

// tensors[i] becomes the old tensors[keys[i].index], along the cycles of that permutation.
void reorder(std::vector<SortKey>& keys, std::vector<TensorEntry>& tensors) {
  for (std::size_t start = 0; start < keys.size(); ++start) {
    std::size_t place = start;
    for (std::size_t source = keys[place].index; source != start; source = keys[place].index) {
      std::swap(tensors[place], tensors[source]);
      keys[place].index = static_cast<std::uint32_t>(place);
      place = source;
    }
    keys[place].index = static_cast<std::uint32_t>(place);
  }
}

}  // namespace

std::string_view type_name(const TensorEntry& entry) {
  return entry.format ? quant::info(*entry.format).name : tensor::dtype_name(entry.dtype);
}

const TensorEntry* Checkpoint::find(std::string_view name) const {
  const auto it = std::lower_bound(
      tensors.begin(), tensors.end(), name,
      [](const TensorEntry& entry, std::string_view wanted) { return entry.name < wanted; });
  return it == tensors.end() || it->name != name ? nullptr : &*it;
}

const TensorEntry& Checkpoint::require(std::string_view name) const {
  const TensorEntry* entry = find(name);
  base::check(entry != nullptr, ErrorCode::kCorruptFile, [&] {
    return fmt::format("{}: expected a tensor \"{}\", found none among the {} tensors",
                       files.empty() ? "checkpoint" : base::printable(files[0].path.string()),
                       base::printable(name), tensors.size());
  });
  return *entry;
}

const CheckpointFile& Checkpoint::file_of(const TensorEntry& entry) const {
  return files.at(static_cast<std::size_t>(entry.file));
}

void sort_by_name(std::vector<TensorEntry>& tensors) {
  const auto by_name = [](const TensorEntry& a, const TensorEntry& b) { return a.name < b.name; };
  if (std::is_sorted(tensors.begin(), tensors.end(), by_name)) {
    return;
  }
  std::vector<SortKey> keys = sort_keys(tensors);
  std::sort(keys.begin(), keys.end(), [&](const SortKey& a, const SortKey& b) {
    return a.digest != b.digest ? a.digest < b.digest : by_name(tensors[a.index], tensors[b.index]);
  });
  reorder(keys, tensors);
}

void merge_files(Checkpoint& checkpoint) {
  std::vector<TensorEntry>& tensors = checkpoint.tensors;
  sort_by_name(tensors);
  const auto twin = std::adjacent_find(
      tensors.begin(), tensors.end(),
      [](const TensorEntry& a, const TensorEntry& b) { return a.name == b.name; });
  base::check(twin == tensors.end(), ErrorCode::kCorruptFile, [&] {
    return fmt::format("tensor \"{}\": expected in one file, found in both {} and {}",
                       base::printable(twin->name, 100),
                       base::printable(checkpoint.file_of(*twin).path.string()),
                       base::printable(checkpoint.file_of(*std::next(twin)).path.string()));
  });
}

}  // namespace minimax::io

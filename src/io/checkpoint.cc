// SPDX-License-Identifier: Apache-2.0
#include "io/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/file.h"

namespace minimax::io {

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

}  // namespace minimax::io

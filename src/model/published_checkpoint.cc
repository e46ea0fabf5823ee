// SPDX-License-Identifier: Apache-2.0
#include "model/published_checkpoint.h"

#include <fmt/format.h>

#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/file.h"
#include "model/convert.h"
#include "model/load_plan.h"

namespace minimax::model {
namespace {

io::TensorEntry published_entry(const LoadItem& item) {
  io::TensorEntry entry = *item.entry;
  const std::int64_t columns = item.source->shape[-1];
  const std::int64_t row_bytes = quant::row_bytes(stored_format(entry), columns);
  entry.name = item.parameter->published().name;
  entry.shape = item.source->shape;
  entry.offset += item.source->first_element / columns * row_bytes;
  entry.bytes = item.source->shape.elements() / columns * row_bytes;
  return entry;
}

}  // namespace

io::Checkpoint published_checkpoint(ModelSource source) {
  if (source.names == TensorNames::kPublished) {
    return std::move(source.checkpoint);
  }
  Weights weights;
  const std::vector<Parameter> table = parameters(source.config, head_kind(source.config), weights);
  io::Checkpoint checkpoint{.metadata = source.checkpoint.metadata,
                            .tensors = {},
                            .files = source.checkpoint.files,
                            .joined = {},
                            .warnings = source.checkpoint.warnings};
  std::unordered_set<std::string_view> used;
  for (const LoadItem& item : match(source, table)) {
    checkpoint.tensors.push_back(published_entry(item));
    used.insert(item.entry->name);
  }
  if (used.size() < source.checkpoint.tensors.size()) {
    checkpoint.warnings.push_back(
        fmt::format("{}: {} tensors are no parameters of the model and are left out",
                    base::printable(source.checkpoint.files.front().path.string()),
                    source.checkpoint.tensors.size() - used.size()));
  }
  io::sort_by_name(checkpoint.tensors);
  return checkpoint;
}

}  // namespace minimax::model

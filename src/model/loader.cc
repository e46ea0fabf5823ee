// SPDX-License-Identifier: Apache-2.0
#include "model/loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "base/check.h"
#include "base/memory.h"
#include "base/random.h"
#include "io/checkpoint_reader.h"
#include "io/safetensors.h"
#include "model/decay.h"
#include "model/identity.h"
#include "model/initialize.h"
#include "model/load_plan.h"
#include "model/parallel_reader.h"
#include "quant/decode.h"

namespace minimax::model {
namespace {

constexpr std::uint64_t kInitializerSeed = 0;

void check_memory(const std::string& model, std::int64_t weight_bytes) {
  const std::int64_t available = base::available_memory_bytes();
  base::check(weight_bytes <= available, ErrorCode::kOutOfMemory, [&] {
    return fmt::format("{}: the weights need {} of memory, {} are available", model,
                       base::format_bytes(weight_bytes), base::format_bytes(available));
  });
}

void add_unused_warnings(const io::Checkpoint& checkpoint, const std::vector<LoadItem>& items,
                         std::vector<std::string>& warnings) {
  std::unordered_set<std::string_view> used;
  for (const LoadItem& item : items) {
    if (item.entry != nullptr) {
      used.insert(item.entry->name);
    }
  }
  std::vector<std::string_view> unused;
  for (const io::TensorEntry& entry : checkpoint.tensors) {
    if (!used.contains(entry.name) && !is_ignored_tensor(entry.name)) {
      unused.push_back(entry.name);
    }
  }
  if (!unused.empty()) {
    warnings.push_back(fmt::format("{} tensors of the checkpoint are not used, the first is {}",
                                   unused.size(), unused.front()));
  }
}

void initialize_missing(const std::vector<LoadItem>& items, std::uint64_t seed, Model& model) {
  base::SplitMix64 random(seed);
  for (const LoadItem& item : items) {
    if (item.entry == nullptr) {
      initialize(*item.parameter, model.config.initializer_range, random);
    }
  }
}

void add_random_warnings(const std::vector<LoadItem>& items, std::vector<std::string>& warnings) {
  for (const LoadItem& item : items) {
    if (item.entry == nullptr) {
      warnings.push_back(item.source->name +
                         " is not in the checkpoint: it is random and has to be trained");
    }
  }
}

// A row of the head that is all zero has the logit 0, which can win over real tokens.
std::vector<std::int32_t> find_zero_rows(const quant::Matrix& head) {
  const quant::FormatInfo& format = quant::info(head.format());
  std::vector<float> values(static_cast<std::size_t>(format.block_elements));
  const auto is_zero = [&](const std::byte* block) {
    quant::decode_row(format.format, {block, static_cast<std::size_t>(format.block_bytes)}, values);
    return std::all_of(values.begin(), values.end(), [](float value) { return value == 0.0F; });
  };
  std::vector<std::int32_t> rows;
  for (std::int64_t row = 0; row < head.shape()[0]; ++row) {
    const std::byte* block = head.bytes_begin() + row * head.row_bytes();
    const std::byte* end = block + head.row_bytes();
    while (block != end && is_zero(block)) {  // of nearly all rows, one block is looked at
      block += format.block_bytes;
    }
    if (block == end) {
      rows.push_back(static_cast<std::int32_t>(row));
    }
  }
  return rows;
}

void allocate_views(const std::vector<LoadItem>& items, std::int64_t bytes, Weights& weights) {
  weights.arena = tensor::Arena(bytes, tensor::Pages::kHuge);
  for (const LoadItem& item : items) {
    const std::int64_t size = quant::Matrix::bytes_of(item.format, item.source->shape);
    item.parameter->place({weights.arena.allocate(size), item.format, item.source->shape});
  }
}

// Chooses formats for the weights and makes room for them.
void allocate_weights(const std::string& name, ops::Precision precision,
                      std::vector<LoadItem>& items, Model& model) {
  model.precision = precision;
  choose_formats(precision, items);
  model.size = sum_sizes(model.config, items);
  check_memory(name, model.size.weight_bytes);
  allocate_views(items, model.size.weight_bytes, model.weights);
}

// Derives what follows from the weights.
void complete(HeadKind head, const std::vector<Parameter>& table, Model& model) {
  model.identity = model_identity(model.config, model.precision, table);
  if (head == HeadKind::kLanguage) {
    if (model.config.tie_word_embeddings) {
      model.weights.head.weight = model.weights.embeddings;
    }
    model.suppressed_tokens = find_zero_rows(model.weights.head.weight);
  }
  for (std::size_t i = 0; i < model.weights.layers.size(); ++i) {
    model.weights.layers[i].lightning.decay =
        decay_rates(model.config, static_cast<std::int64_t>(i));
  }
}

}  // namespace

Model load_model(const std::filesystem::path& directory, HeadKind head,
                 const LoadOptions& options) {
  Model model;
  model.config = MiniMaxConfig::from_pretrained(directory);
  model.warnings = model.config.warnings;
  const io::Checkpoint checkpoint = io::read_safetensors(directory);
  model.warnings.insert(model.warnings.end(), checkpoint.warnings.begin(),
                        checkpoint.warnings.end());
  const std::vector<Parameter> table = parameters(model.config, head, model.weights);
  std::vector<LoadItem> items = match(checkpoint, table);
  allocate_weights(directory.string(), resolve_precision(options.dtype, items), items, model);

  const io::CheckpointReader reader(checkpoint);
  read_items(reader, items, options);
  initialize_missing(items, kInitializerSeed, model);
  add_random_warnings(items, model.warnings);
  add_unused_warnings(checkpoint, items, model.warnings);
  complete(head, table, model);
  return model;
}

Model random_model(const MiniMaxConfig& config, HeadKind head, const LoadOptions& options,
                   std::uint64_t seed) {
  Model model;
  model.config = config.resolved();
  const std::vector<Parameter> table = parameters(model.config, head, model.weights);
  std::vector<LoadItem> items;
  items.reserve(table.size());
  for (const Parameter& parameter : table) {
    items.push_back({.parameter = &parameter, .source = &parameter.published()});
  }
  const bool is_bfloat16 = options.dtype == ComputeType::kBFloat16;
  allocate_weights("the configuration",
                   is_bfloat16 ? ops::Precision::kBFloat16 : ops::Precision::kFloat32, items,
                   model);
  initialize_missing(items, seed, model);
  complete(head, table, model);
  return model;
}

ModelMeasure measure_model(const std::filesystem::path& directory, const LoadOptions& options) {
  const MiniMaxConfig config = MiniMaxConfig::from_pretrained(directory);
  const io::Checkpoint checkpoint = io::read_safetensors(directory);
  Weights weights;
  const std::vector<Parameter> table = parameters(config, head_kind(config), weights);
  std::vector<LoadItem> items = match(checkpoint, table);
  const ops::Precision precision = resolve_precision(options.dtype, items);
  choose_formats(precision, items);
  return {.size = sum_sizes(config, items), .precision = precision};
}

}  // namespace minimax::model

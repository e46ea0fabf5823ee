// SPDX-License-Identifier: Apache-2.0
#include "model/load_plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <span>
#include <string>

#include "base/check.h"
#include "base/file.h"
#include "cuda/device.h"
#include "model/load_quantization.h"
#include "quant/device_tiles.h"
#include "quant/panels.h"

namespace minimax::model {
namespace {

using tensor::DType;

void check_entry(const io::Checkpoint& checkpoint, const LoadItem& item) {
  const io::TensorEntry& entry = *item.entry;
  const std::string file = checkpoint.file_of(entry).path.string();
  base::check(entry.shape == item.source->tensor_shape, ErrorCode::kCorruptFile, [&] {
    return fmt::format("{}: expected {}, found {} in {}", base::printable(entry.name),
                       item.source->tensor_shape.to_string(), entry.shape.to_string(),
                       base::printable(file));
  });
  static_cast<void>(stored_format(entry, file));  // refuses other types
}

std::span<const ParameterSource> sources_of(const Parameter& parameter, TensorNames names) {
  if (names == TensorNames::kPublished) {
    return parameter.sources;
  }
  return parameter.gguf ? std::span(&*parameter.gguf, 1) : std::span<const ParameterSource>();
}

// The source that the checkpoint has, of the expected shape if there is a choice; entry is null
// where it has none.
LoadItem find_item(const io::Checkpoint& checkpoint, const Parameter& parameter,
                   TensorNames names) {
  LoadItem item{.parameter = &parameter};
  for (const ParameterSource& source : sources_of(parameter, names)) {
    const io::TensorEntry* entry = checkpoint.find(source.name);
    if (entry != nullptr && (item.entry == nullptr || entry->shape == source.tensor_shape)) {
      item.source = &source;
      item.entry = entry;
    }
  }
  return item;
}

std::string place_of(const ModelSource& model) {
  const std::filesystem::path& path = model.checkpoint.files.front().path;
  return base::printable((model.names == TensorNames::kGguf ? path : path.parent_path()).string());
}

bool is_embedding(const Parameter& parameter) {
  return parameter.published().name == kEmbeddingsName;
}

bool is_quantized(const LoadItem& item) {
  return item.entry != nullptr && item.parameter->storage == Storage::kProjection &&
         !quant::dtype_of(stored_format(*item.entry));
}

void check_not_quantized(const std::vector<LoadItem>& items) {
  const auto item = std::find_if(items.begin(), items.end(), is_quantized);
  base::check(item == items.end(), ErrorCode::kInvalidArgument, [&] {
    return fmt::format(
        "quantization_config: expected weights that are not quantized, found {} in {}",
        base::printable(item->entry->name), quant::info(stored_format(*item->entry)).name);
  });
}

bool any_quantized(const std::vector<LoadItem>& items) {
  return std::any_of(items.begin(), items.end(), is_quantized);
}

// Quantized matrices lie as they are multiplied: in panels by the CPU, in tiles by a GPU whose
// activations are rounded. The GPU takes embeddings from rows.
quant::Layout layout_of(const LoadItem& item, Device device, ops::Precision precision,
                        bool ties_embeddings) {
  const bool is_table = is_embedding(*item.parameter);
  if (device == Device::kCpu && (ties_embeddings || !is_table) && quant::has_panels(item.format)) {
    return quant::Layout::kPanels;
  }
  if (device == Device::kCuda && precision == ops::Precision::kBFloat16 && !is_table &&
      quant::has_tiles(item.format) && cuda::has_hopper()) {
    return quant::Layout::kTiles;
  }
  return quant::Layout::kRows;
}

// No instruction of the CPU multiplies e4m3 numbers; bf16 has them all, and rounds scales.
quant::Format multiplied_format(quant::Format format, Device device, ops::Precision precision) {
  if (device != Device::kCpu || format != quant::Format::kFP8) {
    return format;
  }
  return precision == ops::Precision::kBFloat16 ? quant::Format::kBF16 : quant::Format::kF32;
}

}  // namespace

std::vector<LoadItem> match(const ModelSource& model, const std::vector<Parameter>& table) {
  const io::Checkpoint& checkpoint = model.checkpoint;
  std::vector<LoadItem> items;
  std::vector<std::string> missing;
  for (const Parameter& parameter : table) {
    items.push_back(find_item(checkpoint, parameter, model.names));
    LoadItem& item = items.back();
    if (item.entry != nullptr) {
      check_entry(checkpoint, item);
    } else if (parameter.may_be_missing) {
      item.source = &parameter.published();
    } else {
      const auto sources = sources_of(parameter, model.names);
      missing.push_back((sources.empty() ? parameter.published() : sources.front()).name);
    }
  }
  base::check(missing.empty(), ErrorCode::kCorruptFile, [&] {
    const std::size_t shown = std::min<std::size_t>(missing.size(), 8);
    return fmt::format(
        "{}: {} of {} tensors are missing: {}{}", place_of(model), missing.size(), table.size(),
        fmt::join(missing.begin(), missing.begin() + static_cast<std::ptrdiff_t>(shown), ", "),
        missing.size() > shown ? ", ..." : "");
  });
  return items;
}

ops::Precision resolve_precision(const LoadOptions& options, const std::vector<LoadItem>& items) {
  const std::optional<BitsAndBytesConfig>& quantization = options.quantization_config;
  const ComputeType requested = options.dtype == ComputeType::kAuto && quantization
                                    ? quantization->bnb_4bit_compute_dtype
                                    : options.dtype;
  if (requested != ComputeType::kAuto) {
    return requested == ComputeType::kBFloat16 ? ops::Precision::kBFloat16
                                               : ops::Precision::kFloat32;
  }
  const bool all_bfloat16 = std::all_of(items.begin(), items.end(), [](const LoadItem& item) {
    return item.parameter->storage == Storage::kFloat32 || item.entry->dtype == DType::kBF16;
  });
  return all_bfloat16 || quantization || any_quantized(items) ? ops::Precision::kBFloat16
                                                              : ops::Precision::kFloat32;
}

void choose_formats(const LoadOptions& options, ops::Precision precision, bool ties_embeddings,
                    std::vector<LoadItem>& items) {
  const std::optional<BitsAndBytesConfig>& quantization = options.quantization_config;
  if (quantization) {
    check_quantization(*quantization);
    check_not_quantized(items);
  }
  const bool rounds =
      precision == ops::Precision::kBFloat16 && !quantization && !any_quantized(items);
  for (LoadItem& item : items) {
    const std::optional<quant::Format> quantized =
        quantization ? quantized_format(*quantization, *item.parameter) : std::nullopt;
    if (quantized) {
      item.format = *quantized;
      item.nests_scales = quantization->load_in_4bit && quantization->bnb_4bit_use_double_quant;
    } else if (item.parameter->storage == Storage::kFloat32) {
      item.format = quant::Format::kF32;
    } else if (rounds) {
      item.format = quant::Format::kBF16;
    } else if (item.entry != nullptr) {
      item.format = stored_format(*item.entry);
    }
    item.format = multiplied_format(item.format, options.device, precision);
    item.layout = layout_of(item, options.device, precision, ties_embeddings);
  }
}

void choose_random_formats(quant::Format format, Device device, ops::Precision precision,
                           bool ties_embeddings, std::vector<LoadItem>& items) {
  for (LoadItem& item : items) {
    const bool is_float = item.parameter->storage == Storage::kFloat32;
    item.format =
        is_float ? quant::Format::kF32 : quant::format_for_row(format, item.source->shape[-1]);
    item.format = multiplied_format(item.format, device, ops::Precision::kBFloat16);
    item.layout = layout_of(item, device, precision, ties_embeddings);
  }
}

StoredPart stored_part(const LoadItem& item) {
  return {.entry = item.entry,
          .first_element = item.source->first_element,
          .nests_scales = item.nests_scales};
}

quant::Matrix matrix_of(const LoadItem& item) {
  return {nullptr, item.format, item.source->shape, item.layout};
}

std::int64_t bytes_in_memory(const LoadItem& item) {
  return tensor::Arena::footprint(matrix_of(item).bytes());
}

ModelSize sum_sizes(const MiniMaxConfig& config, const std::vector<LoadItem>& items) {
  ModelSize size;
  for (const LoadItem& item : items) {
    const std::int64_t elements = item.source->shape.elements();
    const std::int64_t bytes = bytes_in_memory(item);
    size.total_parameters += elements;
    size.quantized_parameters += quant::dtype_of(item.format) ? 0 : elements;
    size.weight_bytes += bytes;
    size.expert_weight_bytes += item.parameter->is_routed_expert ? bytes : 0;
    const bool is_vocabulary = item.parameter->shard == Shard::kVocab;
    if (is_embedding(*item.parameter) && !config.tie_word_embeddings) {
      continue;  // one row of it is read for a token
    }
    const bool routed = item.parameter->is_routed_expert;
    const std::int64_t share = routed ? config.num_experts_per_tok : 1;
    const std::int64_t of = routed ? config.num_local_experts : 1;
    size.active_weight_bytes += bytes * share / of;
    size.active_parameters += is_vocabulary ? 0 : elements * share / of;
  }
  // A multiple of the number of experts was divided above, so the sums are exact.
  return size;
}

}  // namespace minimax::model

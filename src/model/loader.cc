// SPDX-License-Identifier: Apache-2.0
#include "model/loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <iterator>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/check.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "cuda/device.h"
#include "cuda/memory.h"
#include "cuda/runtime.h"
#include "io/checkpoint_reader.h"
#include "model/decay.h"
#include "model/host_copy.h"
#include "model/identity.h"
#include "model/initialize.h"
#include "model/kv_cache.h"
#include "model/load_placement.h"
#include "model/load_plan.h"
#include "model/parallel_reader.h"
#include "ops/random_weights/random_weights.h"
#include "quant/random_block.h"

namespace minimax::model {
namespace {

constexpr std::uint64_t kInitializerSeed = 0;

// Throws: Error{kDevice} where the device is missing.
const tensor::Memory& memory_of(Device device) {
  if (device != Device::kCuda) {
    return tensor::host_memory();
  }
  cuda::require_device();
  return cuda::device_memory();
}

// The caller's check knows more than the weights.
void check_memory(const std::string& name, const LoadOptions& options, const MemoryPlanner& planner,
                  const Model& model) {
  if (planner.check) {
    planner.check(name, model);
  }
  const std::int64_t weight_bytes =
      model.size.weight_bytes - model.size.host_weight_bytes + model.size.staged_weight_bytes;
  const std::int64_t available = options.device == Device::kCuda
                                     ? gpu_memory(options, cuda::require_device().free_bytes)
                                     : base::available_memory_bytes();
  base::check(weight_bytes <= available, ErrorCode::kOutOfMemory, [&] {
    return fmt::format("{}: the weights need {} of memory, {} are available", name,
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
                                   unused.size(), base::printable(unused.front())));
  }
}

void initialize_missing(const std::vector<LoadItem>& items, std::uint64_t seed, Model& model) {
  base::SplitMix64 random(seed);
  for (const LoadItem& item : items) {
    if (item.entry == nullptr) {
      initialize(*item.parameter, *model.memory, model.config.initializer_range, random);
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
  std::vector<std::int32_t> rows;
  for (std::int64_t row = 0; row < head.shape()[0]; ++row) {
    if (quant::is_zero_row(head, row)) {
      rows.push_back(static_cast<std::int32_t>(row));
    }
  }
  return rows;
}

/// Finds the rows of the head that are all zero while they are on their way to a device.
class ZeroRows {
 public:
  explicit ZeroRows(const quant::Matrix& head) : head_(head) {}

  void look_at(const LoadItem& item, std::int64_t first_row, const quant::Matrix& rows) {
    const auto* view = std::get_if<quant::Matrix*>(&item.parameter->view);
    if (view == nullptr || *view != &head_) {
      return;
    }
    std::vector<std::int32_t> found = find_zero_rows(rows);
    const std::lock_guard lock(mutex_);
    for (const std::int32_t row : found) {
      rows_.push_back(static_cast<std::int32_t>(first_row) + row);
    }
  }

  std::vector<std::int32_t> take() {
    std::ranges::sort(rows_);
    return std::move(rows_);
  }

 private:
  const quant::Matrix& head_;
  std::mutex mutex_;
  std::vector<std::int32_t> rows_;
};

quant::Format random_format(const std::string& name) {
  const std::optional<quant::Format> format = quant::format_from_name(name);
  base::check(format.has_value(), ErrorCode::kInvalidArgument, [&] {
    return fmt::format("random_format: expected a format such as int4_g64 or bf16, found \"{}\"",
                       base::printable(name));
  });
  return *format;
}

void allocate_weights(const std::vector<LoadItem>& items, Model& model) {
  Weights& weights = model.weights;
  std::int64_t bytes = 0;
  std::int64_t host_bytes = 0;
  for (const LoadItem& item : items) {
    (item.on_host ? host_bytes : bytes) += bytes_in_memory(item);
  }
  const std::int64_t heads = model.config.num_attention_heads;
  bytes += std::ssize(weights.layers) * tensor::Arena::footprint(tensor::DType::kF32, {heads});
  weights.arena = model.memory->is_host ? tensor::Arena(bytes, tensor::Pages::kHuge)
                                        : tensor::Arena(model.memory->allocate(bytes));
  weights.host_arena = tensor::Arena(model.memory->allocate_staging(host_bytes));
  for (const LoadItem& item : items) {
    const quant::Matrix matrix = matrix_of(item);
    tensor::Arena& arena = item.on_host ? weights.host_arena : weights.arena;
    item.parameter->place(matrix.at(arena.allocate(matrix.bytes())));
  }
  if (host_bytes > 0) {
    model.expert_stream = std::make_unique<ExpertStream>(weights, model.placement);
  }
}

tensor::DType kv_dtype_of(const LoadOptions& options, ops::Precision precision) {
  const bool is_quantized =
      options.kv_cache_dtype == KvCacheDtype::kFp8 || options.kv_cache_dtype == KvCacheDtype::kInt4;
  base::check(!is_quantized || options.attn_implementation == AttnImplementation::kFlash,
              ErrorCode::kInvalidArgument,
              "kv_cache_dtype: expected float32 or bfloat16 with eager attention");
  switch (options.kv_cache_dtype) {
    case KvCacheDtype::kFloat32:
      return tensor::DType::kF32;
    case KvCacheDtype::kBFloat16:
      return tensor::DType::kBF16;
    case KvCacheDtype::kFp8:
      return tensor::DType::kF8E4M3;
    case KvCacheDtype::kInt4:
      return tensor::DType::kU8;
    case KvCacheDtype::kAuto:
      break;
  }
  return KvType(precision).dtype;
}

void choose_arithmetic(ops::Precision precision, const LoadOptions& options, Model& model) {
  model.precision = precision;
  model.kv_dtype = kv_dtype_of(options, precision);
}

// Chooses the arithmetic and the formats of the weights.
void plan_weights(ops::Precision precision, const LoadOptions& options,
                  std::vector<LoadItem>& items, Model& model) {
  choose_arithmetic(precision, options, model);
  choose_formats(options, precision, model.config.tie_word_embeddings, items);
  model.size = sum_sizes(model.config, items);
}

// The room that experts get where not all of them will be in memory, else nothing.
std::optional<std::int64_t> expert_memory(const LoadOptions& options, const ModelSize& size) {
  if (options.device == Device::kCuda) {
    base::check(options.expert_memory_bytes == 0, ErrorCode::kUnsupported,
                "expert_memory: experts on demand are not on the GPU yet");
    return std::nullopt;
  }
  if (options.expert_memory_bytes > 0) {
    return options.expert_memory_bytes < size.expert_weight_bytes
               ? std::optional(options.expert_memory_bytes)
               : std::nullopt;
  }
  const std::int64_t available = base::available_memory_bytes();
  if (size.weight_bytes <= available || size.expert_weight_bytes == 0) {
    return std::nullopt;
  }
  constexpr std::int64_t kShareLeft = 8;  // an eighth is left to states and the program
  const std::int64_t others = size.weight_bytes - size.expert_weight_bytes;
  return std::max<std::int64_t>(0, available - available / kShareLeft - others);
}

// Makes the weights of a model that is measured: matrices where they lie, norms and routers as for
// training.
void fill_with_blocks(const LoadOptions& options, std::uint64_t seed, const MemoryPlanner& planner,
                      std::vector<LoadItem>& items, Model& model) {
  const bool is_float32 = options.dtype == ComputeType::kFloat32;
  choose_arithmetic(is_float32 ? ops::Precision::kFloat32 : ops::Precision::kBFloat16, options,
                    model);
  choose_random_formats(random_format(options.random_format), options.device, model.precision,
                        model.config.tie_word_embeddings, items);
  model.size = sum_sizes(model.config, items);
  place_weights(options, planner, items, model);
  check_memory("the configuration", options, planner, model);
  allocate_weights(items, model);
  const bool on_gpu = options.device == Device::kCuda;
  const auto runtime = on_gpu ? std::make_unique<cuda::Runtime>() : nullptr;
  cpu::ThreadPool pool(load_threads(options));
  const ops::Context ctx{.device = options.device, .pool = &pool, .cuda = runtime.get()};
  tensor::Buffer made;  // on the GPU, of what goes to the host
  for (std::size_t i = 0; i < items.size(); ++i) {
    const quant::Matrix weights = items[i].parameter->weights();
    if (items[i].parameter->storage != Storage::kProjection || weights.shape().rank() != 2) {
      continue;
    }
    if (items[i].on_host && made.bytes() < weights.bytes()) {
      made = model.memory->allocate(weights.bytes());
    }
    const quant::Matrix out = items[i].on_host ? weights.at(made.data()) : weights;
    ops::random_weights(ctx, {.seed = quant::random_bits(seed, i),
                              .deviation = model.config.initializer_range,
                              .out = out});
    if (items[i].on_host) {
      model.memory->copy(weights.bytes_begin(), out.bytes_begin(), out.bytes());
    }
  }
  std::vector<LoadItem> others = items;
  std::erase_if(others, [](const LoadItem& item) {
    return item.parameter->storage == Storage::kProjection && item.source->shape.rank() == 2;
  });
  initialize_missing(others, seed, model);
  if (runtime) {
    runtime->synchronize();
  }
}

using ItemOfView = std::unordered_map<const quant::Matrix*, const LoadItem*>;

ExpertPart expert_part(const ItemOfView& items, const quant::Matrix& view) {
  const LoadItem& item = *items.at(&view);
  return {.stored = stored_part(item), .matrix = matrix_of(item)};
}

// Lets the routed experts be read on demand, into `room` bytes.
void offload_experts(const std::vector<LoadItem>& experts, std::int64_t room,
                     const LoadOptions& options, io::Checkpoint checkpoint, Model& model) {
  ItemOfView items;
  for (const LoadItem& item : experts) {
    items.emplace(std::get<quant::Matrix*>(item.parameter->view), &item);
  }
  ExpertCache::Args args{.checkpoint = std::move(checkpoint),
                         .layers = model.config.num_hidden_layers,
                         .experts = model.config.num_local_experts,
                         .parts = {},
                         .memory_bytes = room};
  for (const LayerWeights& layer : model.weights.layers) {
    const ExpertWeights& weights = layer.moe.experts;
    for (std::size_t e = 0; e < weights.gate.size(); ++e) {
      args.parts.push_back({expert_part(items, weights.gate[e]), expert_part(items, weights.up[e]),
                            expert_part(items, weights.down[e])});
    }
  }
  model.expert_cache = std::make_unique<ExpertCache>(std::move(args));
  model.expert_cache->warm(options.expert_counts, load_threads(options));
  const std::int64_t resident = model.expert_cache->counts().resident;
  model.warnings.push_back(
      fmt::format("{} of {} experts are in memory, the others are read when they are chosen",
                  resident, experts.size() / std::tuple_size_v<ExpertParts>));
}

void suppress_zero_rows(HeadKind head, Model& model) {
  if (head == HeadKind::kLanguage) {
    model.suppressed_tokens =
        find_zero_rows(HostCopy(*model.memory, model.weights.head.weight).matrix());
  }
}

// Also finds the rows of a language head that are all zero: on the host once all is there, else on
// the way to the device.
void read_weights(const io::CheckpointReader& reader, const std::vector<LoadItem>& items,
                  HeadKind head, const LoadOptions& options, Model& model) {
  const bool ties = model.config.tie_word_embeddings;
  const quant::Matrix& matrix = ties ? model.weights.embeddings : model.weights.head.weight;
  const bool has_zeros = head == HeadKind::kLanguage;
  const bool watches = has_zeros && !model.memory->is_host;
  ZeroRows zeros(matrix);
  const RowWatcher watcher = [&](const LoadItem& item, std::int64_t first_row,
                                 const quant::Matrix& rows) {
    zeros.look_at(item, first_row, rows);
  };
  read_items(reader, items, *model.memory, options, watches ? watcher : RowWatcher());
  if (has_zeros) {
    model.suppressed_tokens = watches ? zeros.take() : find_zero_rows(matrix);
  }
}

// Derives what follows from the weights.
void complete(HeadKind head, Model& model) {
  if (head == HeadKind::kLanguage && model.config.tie_word_embeddings) {
    model.weights.head.weight = model.weights.embeddings;
  }
  for (std::size_t i = 0; i < model.weights.layers.size(); ++i) {
    const std::vector<float> rates = decay_rates(model.config, static_cast<std::int64_t>(i));
    tensor::Tensor& decay = model.weights.layers[i].lightning.decay;
    decay = model.weights.arena.allocate(tensor::DType::kF32, {std::ssize(rates)});
    model.memory->copy(decay.bytes_begin(), rates.data(), decay.bytes());
  }
}

}  // namespace

Model load_model(const std::filesystem::path& directory, HeadKind head, const LoadOptions& options,
                 const MemoryPlanner& planner) {
  Model model;
  model.memory = &memory_of(options.device);
  ModelSource source = open_model(directory, options);
  const io::Checkpoint& checkpoint = source.checkpoint;
  model.config = source.config;
  model.warnings = model.config.warnings;
  model.warnings.insert(model.warnings.end(), checkpoint.warnings.begin(),
                        checkpoint.warnings.end());
  const std::vector<Parameter> table = parameters(model.config, head, model.weights);
  std::vector<LoadItem> items = match(source, table);
  plan_weights(resolve_precision(options, items), options, items, model);
  add_random_warnings(items, model.warnings);
  add_unused_warnings(checkpoint, items, model.warnings);
  place_weights(options, planner, items, model);

  std::vector<LoadItem> on_demand;
  const std::optional<std::int64_t> room = expert_memory(options, model.size);
  if (room) {
    model.size.weight_bytes -= model.size.expert_weight_bytes - *room;
    const auto is_expert = [](const LoadItem& item) { return item.parameter->is_routed_expert; };
    std::ranges::copy_if(items, std::back_inserter(on_demand), is_expert);
    std::erase_if(items, is_expert);
  }
  check_memory(directory.string(), options, planner, model);
  if (room) {  // first: it says at once where the room is too small
    offload_experts(on_demand, *room, options, std::move(source.checkpoint), model);
  }
  allocate_weights(items, model);
  const io::CheckpointReader reader(room ? model.expert_cache->checkpoint() : checkpoint);
  std::vector<LoadItem> all = items;
  all.insert(all.end(), on_demand.begin(), on_demand.end());
  initialize_missing(items, kInitializerSeed, model);
  std::future<std::uint64_t> identity = std::async(std::launch::async, [&] {
    return model_identity(model.config, model.precision, all, reader, *model.memory);
  });
  read_weights(reader, items, head, options, model);
  model.identity = identity.get();
  complete(head, model);
  return model;
}

Model random_model(const MiniMaxConfig& config, HeadKind head, const LoadOptions& options,
                   std::uint64_t seed, const MemoryPlanner& planner) {
  base::check(!options.quantization_config, ErrorCode::kInvalidArgument,
              "quantization_config: expected a checkpoint, found a model with random weights");
  Model model;
  model.memory = &memory_of(options.device);
  model.config = config.resolved();
  const std::vector<Parameter> table = parameters(model.config, head, model.weights);
  std::vector<LoadItem> items;
  items.reserve(table.size());
  for (const Parameter& parameter : table) {
    items.push_back({.parameter = &parameter, .source = &parameter.published()});
  }
  const io::Checkpoint none;
  const io::CheckpointReader reader(none);
  if (!options.random_format.empty()) {
    fill_with_blocks(options, seed, planner, items, model);
    model.identity = model_identity(model.config, model.precision, {}, reader, *model.memory) +
                     quant::random_bits(seed, static_cast<std::uint64_t>(items.back().format));
    complete(head, model);
    return model;
  }
  const bool is_bfloat16 = options.dtype == ComputeType::kBFloat16;
  plan_weights(is_bfloat16 ? ops::Precision::kBFloat16 : ops::Precision::kFloat32, options, items,
               model);
  place_weights(options, planner, items, model);
  check_memory("the configuration", options, planner, model);
  allocate_weights(items, model);
  initialize_missing(items, seed, model);
  model.identity = model_identity(model.config, model.precision, items, reader, *model.memory);
  complete(head, model);
  suppress_zero_rows(head, model);
  return model;
}

ModelMeasure measure_of(const Model& model) {
  return {.size = model.size, .precision = model.precision, .kv_dtype = model.kv_dtype};
}

ModelMeasure measure_model(const ModelSource& source, const LoadOptions& options) {
  Weights weights;
  const std::vector<Parameter> table = parameters(source.config, head_kind(source.config), weights);
  std::vector<LoadItem> items = match(source, table);
  const ops::Precision precision = resolve_precision(options, items);
  choose_formats(options, precision, source.config.tie_word_embeddings, items);
  return {.size = sum_sizes(source.config, items),
          .precision = precision,
          .kv_dtype = kv_dtype_of(options, precision)};
}

}  // namespace minimax::model

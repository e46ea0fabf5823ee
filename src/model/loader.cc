// SPDX-License-Identifier: Apache-2.0
#include "model/loader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <unordered_set>
#include <utility>

#include "base/check.h"
#include "base/memory.h"
#include "base/random.h"
#include "cpu/processors.h"
#include "io/checkpoint_reader.h"
#include "io/safetensors.h"
#include "model/convert.h"
#include "model/decay.h"
#include "model/identity.h"
#include "model/initialize.h"
#include "quant/decode.h"

namespace minimax::model {
namespace {

using tensor::DType;

/// One parameter and where it lies in the checkpoint, with the type it will have in memory.
struct LoadItem {
  const Parameter* parameter = nullptr;
  const ParameterSource* source = nullptr;
  const io::TensorEntry* entry = nullptr;  // null for one that may be missing, and is
  quant::Format format = quant::Format::kF32;
};

constexpr std::uint64_t kInitializerSeed = 0;

void check_entry(const io::Checkpoint& checkpoint, const LoadItem& item) {
  const io::TensorEntry& entry = *item.entry;
  const std::string file = checkpoint.file_of(entry).path.string();
  base::check(entry.shape == item.source->tensor_shape, ErrorCode::kCorruptFile, [&] {
    return fmt::format("{}: expected {}, found {} in {}", entry.name,
                       item.source->tensor_shape.to_string(), entry.shape.to_string(), file);
  });
  base::check(entry.format || quant::format_of(entry.dtype), ErrorCode::kUnsupported, [&] {
    return fmt::format("{}: expected F32, F16 or BF16, found {} in {}", entry.name,
                       tensor::dtype_name(entry.dtype), file);
  });
}

// The source that the checkpoint has, of the expected shape if there is a choice; entry is null
// where it has none.
LoadItem find_item(const io::Checkpoint& checkpoint, const Parameter& parameter) {
  LoadItem item{.parameter = &parameter};
  for (const ParameterSource& source : parameter.sources) {
    const io::TensorEntry* entry = checkpoint.find(source.name);
    if (entry != nullptr && (item.entry == nullptr || entry->shape == source.tensor_shape)) {
      item.source = &source;
      item.entry = entry;
    }
  }
  return item;
}

std::vector<LoadItem> match(const io::Checkpoint& checkpoint, const std::vector<Parameter>& table) {
  std::vector<LoadItem> items;
  std::vector<std::string> missing;
  for (const Parameter& parameter : table) {
    items.push_back(find_item(checkpoint, parameter));
    LoadItem& item = items.back();
    if (item.entry != nullptr) {
      check_entry(checkpoint, item);
    } else if (parameter.may_be_missing) {
      item.source = &parameter.published();
    } else {
      missing.push_back(parameter.published().name);
    }
  }
  base::check(missing.empty(), ErrorCode::kCorruptFile, [&] {
    const std::size_t shown = std::min<std::size_t>(missing.size(), 8);
    return fmt::format(
        "{}: {} of {} tensors are missing: {}{}",
        checkpoint.files.front().path.parent_path().string(), missing.size(), table.size(),
        fmt::join(missing.begin(), missing.begin() + static_cast<std::ptrdiff_t>(shown), ", "),
        missing.size() > shown ? ", ..." : "");
  });
  return items;
}

bool is_quantized(const LoadItem& item) {
  return item.entry != nullptr && item.parameter->storage == Storage::kProjection &&
         !quant::dtype_of(stored_format(*item.entry));
}

bool any_quantized(const std::vector<LoadItem>& items) {
  return std::any_of(items.begin(), items.end(), is_quantized);
}

ops::Precision resolve_precision(ComputeType requested, const std::vector<LoadItem>& items) {
  if (requested != ComputeType::kAuto) {
    return requested == ComputeType::kBFloat16 ? ops::Precision::kBFloat16
                                               : ops::Precision::kFloat32;
  }
  const bool all_bfloat16 = std::all_of(items.begin(), items.end(), [](const LoadItem& item) {
    return item.parameter->storage == Storage::kFloat32 || item.entry->dtype == DType::kBF16;
  });
  return all_bfloat16 || any_quantized(items) ? ops::Precision::kBFloat16
                                              : ops::Precision::kFloat32;
}

// Among quantized weights, plain ones were left so on purpose: they stay as they are.
void choose_formats(ops::Precision precision, std::vector<LoadItem>& items) {
  const bool rounds = precision == ops::Precision::kBFloat16 && !any_quantized(items);
  for (LoadItem& item : items) {
    if (item.parameter->storage == Storage::kFloat32) {
      item.format = quant::Format::kF32;
    } else if (rounds) {
      item.format = quant::Format::kBF16;
    } else if (item.entry != nullptr) {
      item.format = stored_format(*item.entry);
    }
  }
}

std::int64_t bytes_in_memory(const LoadItem& item) {
  return tensor::Arena::footprint(quant::Matrix::bytes_of(item.format, item.source->shape));
}

ModelSize sum_sizes(const MiniMaxConfig& config, const std::vector<LoadItem>& items) {
  ModelSize size;
  for (const LoadItem& item : items) {
    const std::int64_t elements = item.source->shape.elements();
    const std::int64_t bytes = bytes_in_memory(item);
    size.total_parameters += elements;
    size.weight_bytes += bytes;
    const bool is_vocabulary = item.parameter->shard == Shard::kVocab;
    const bool is_embedding = item.parameter->published().name == "model.embed_tokens.weight";
    if (is_embedding && !config.tie_word_embeddings) {
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

void check_memory(const std::string& model, std::int64_t weight_bytes) {
  const std::int64_t available = base::available_memory_bytes();
  base::check(weight_bytes <= available, ErrorCode::kOutOfMemory, [&] {
    return fmt::format("{}: the weights need {} of memory, {} are available", model,
                       base::format_bytes(weight_bytes), base::format_bytes(available));
  });
}

/// Reads items on several threads; the calling thread takes part and reports the progress.
class ParallelReader {
 public:
  ParallelReader(const io::CheckpointReader& reader, const std::vector<LoadItem>& items)
      : reader_(reader), items_(items) {}

  void run(const LoadOptions& options, std::int64_t total_bytes) {
    const int threads = options.threads > 0 ? options.threads : cpu::available_processors();
    {
      std::vector<std::jthread> helpers;
      for (int i = 1; i < std::min<int>(threads, 8); ++i) {
        helpers.emplace_back([this] { work([] {}); });
      }
      work([&] {
        if (options.on_progress) {
          options.on_progress(done_bytes_.load(), total_bytes);
        }
      });
    }
    if (failure_) {
      std::rethrow_exception(failure_);
    }
    if (options.on_progress) {
      options.on_progress(total_bytes, total_bytes);
    }
  }

 private:
  template <class Report>
  void work(const Report& report) {
    try {
      while (!failed_.load()) {
        const std::size_t index = next_.fetch_add(1);
        if (index >= items_.size()) {
          return;
        }
        const LoadItem& item = items_[index];
        if (item.entry != nullptr) {
          read_parameter(reader_, *item.entry, item.source->first_element,
                         item.parameter->weights());
        }
        done_bytes_.fetch_add(item.parameter->weights().bytes());
        report();
      }
    } catch (...) {
      const std::lock_guard lock(mutex_);
      failure_ = std::current_exception();
      failed_.store(true);
    }
  }

  const io::CheckpointReader& reader_;
  const std::vector<LoadItem>& items_;
  std::atomic<std::size_t> next_ = 0;
  std::atomic<std::int64_t> done_bytes_ = 0;
  std::atomic<bool> failed_ = false;
  std::mutex mutex_;
  std::exception_ptr failure_;
};

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
  std::vector<std::int32_t> rows;
  std::vector<float> values(static_cast<std::size_t>(head.shape()[1]));
  const auto row_bytes = static_cast<std::size_t>(head.row_bytes());
  for (std::int64_t row = 0; row < head.shape()[0]; ++row) {
    const std::byte* begin = head.bytes_begin() + row * head.row_bytes();
    quant::decode_row(head.format(), {begin, row_bytes}, values);
    if (std::all_of(values.begin(), values.end(), [](float value) { return value == 0.0F; })) {
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
  ParallelReader(reader, items).run(options, model.size.weight_bytes);
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

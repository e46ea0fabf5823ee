// SPDX-License-Identifier: Apache-2.0
#include "support/model_options.h"

#include <CLI/CLI.hpp>
#include <string_view>
#include <utility>

#include "support/expert_counts.h"
#include "support/model_location.h"
#include "support/terminal.h"
#include "support/validators.h"

namespace minimax::apps {
namespace {

constexpr const char* kExecutionGroup = "Execution";
constexpr int kMaxThreads = 1024;

void add_quantization_options(CLI::App& command, ModelOptions& options) {
  const std::string group = "Quantization while loading";
  CLI::Option* in_4bit =
      command.add_flag("--load-in-4bit", options.load_in_4bit, "4 bits, as bitsandbytes does")
          ->group(group);
  command.add_flag("--load-in-8bit", options.load_in_8bit, "int8, as bitsandbytes does")
      ->group(group)
      ->excludes(in_4bit);
  command.add_option("--bnb-4bit-quant-type", options.bnb_4bit_quant_type, "Values of the codes")
      ->type_name("nf4|fp4")
      ->check(one_of({"nf4", "fp4"}))
      ->capture_default_str()
      ->needs(in_4bit)
      ->group(group);
  command
      .add_flag("--bnb-4bit-use-double-quant", options.bnb_4bit_use_double_quant,
                "Round scales to 8 bits")
      ->needs(in_4bit)
      ->group(group);
}

std::optional<BitsAndBytesConfig> quantization_config(const ModelOptions& options) {
  if (!options.load_in_4bit && !options.load_in_8bit) {
    return std::nullopt;
  }
  return BitsAndBytesConfig{.load_in_8bit = options.load_in_8bit,
                            .load_in_4bit = options.load_in_4bit,
                            .bnb_4bit_quant_type = options.bnb_4bit_quant_type == "nf4"
                                                       ? Bnb4BitQuantType::kNf4
                                                       : Bnb4BitQuantType::kFp4,
                            .bnb_4bit_use_double_quant = options.bnb_4bit_use_double_quant};
}

std::string check_size(const std::string& text) {
  return text.starts_with('-') ? "expected a size such as 8GiB, found " + text : std::string();
}

void add_placement_options(CLI::App& command, Environment& environment, ModelOptions& options) {
  environment.bind(
      command
          .add_option("--device-map", options.device_map,
                      "Keep routed experts in the memory of the host, where --device cuda reads "
                      "them: auto: as many as do not fit; or a map of transformers in a JSON file")
          ->type_name("auto|FILE")
          ->group(kExecutionGroup));
  environment.bind(command
                       .add_option("--gpu-memory", options.gpu_memory,
                                   "Take no more of the GPU, such as 40GiB; default: what is free")
                       ->type_name("SIZE")
                       ->check(check_size)
                       ->transform(CLI::AsSizeValue(false))
                       ->group(kExecutionGroup));
}

std::optional<DeviceMap> device_map(const ModelOptions& options) {
  if (options.device_map.empty()) {
    return std::nullopt;
  }
  return options.device_map == "auto" ? DeviceMap{.is_auto = true}
                                      : DeviceMap::from_file(options.device_map);
}

void add_expert_options(CLI::App& command, Environment& environment, ModelOptions& options) {
  environment.bind(
      command
          .add_option("--expert-memory", options.expert_memory,
                      "Memory for routed experts, such as 8GiB; the others are read from the files "
                      "when they are chosen; default: all, or what is available")
          ->type_name("SIZE")
          ->check(check_size)
          ->transform(CLI::AsSizeValue(false))
          ->group(kExecutionGroup));
  environment.bind(
      command
          .add_option("--expert-statistics", options.expert_statistics,
                      "Importance matrix (minimax imatrix): the experts that it saw most are in "
                      "memory from the start")
          ->type_name("FILE")
          ->check(CLI::ExistingFile)
          ->group(kExecutionGroup));
}

}  // namespace

void add_model_location(CLI::App& command, Environment& environment, ModelOptions& options) {
  environment.bind(command.add_option(
      "MODEL", options.model,
      "Directory of the model, a GGUF file, or org/name in the Hugging Face cache; default: the "
      "demonstration model"));
}

void add_execution_options(CLI::App& command, Environment& environment, ModelOptions& options) {
  const std::string group = kExecutionGroup;
  environment.bind(
      command
          .add_option("--threads", options.threads, "Threads; default: one per available processor")
          ->type_name("N")
          ->check(whole_number(1, kMaxThreads))
          ->group(group));
  environment.bind(command
                       .add_option("--device", options.device,
                                   "cpu: vector kernels; cuda: an NVIDIA GPU; reference: plain "
                                   "loops, slow and exact")
                       ->type_name("cpu|cuda|reference")
                       ->check(one_of({"cpu", "cuda", "reference"}))
                       ->capture_default_str()
                       ->group(group));
  environment.bind(command
                       .add_option("--dtype", options.dtype,
                                   "Arithmetic of the projections; auto follows the checkpoint")
                       ->type_name("auto|float32|bfloat16")
                       ->check(one_of({"auto", "float32", "bfloat16"}))
                       ->capture_default_str()
                       ->group(group));
  environment.bind(
      command
          .add_option("--kv-cache-dtype", options.kv_cache_dtype,
                      "How keys and values are kept; auto: as --dtype; fp8 and int4 have scales")
          ->type_name("auto|float32|bfloat16|fp8|int4")
          ->check(one_of({"auto", "float32", "bfloat16", "fp8", "int4"}))
          ->capture_default_str()
          ->group(group));
  environment.bind(
      command.add_option("--isa", options.isa, "Instruction set; auto: the widest here")
          ->type_name("auto|scalar|avx2|avx2_vnni|avx512")
          ->check(one_of({"auto", "scalar", "avx2", "avx2_vnni", "avx512"}))
          ->capture_default_str()
          ->group(group));
  add_placement_options(command, environment, options);
  add_expert_options(command, environment, options);
  environment.bind(
      command
          .add_option("--lightning-norm-eps", options.lightning_norm_eps,
                      "Epsilon of the norm behind lightning attention, 1e-6; llama.cpp "
                      "takes rms_norm_eps of the model instead")
          ->type_name("EPS")
          ->check(number(0.0, 1.0))
          ->group(group));
  add_quantization_options(command, options);
  environment.bind(command
                       .add_option("--attn-implementation", options.attention,
                                   "flash: in tiles; eager: all scores at once, slow")
                       ->type_name("flash|eager")
                       ->check(one_of({"flash", "eager"}))
                       ->capture_default_str()
                       ->group(group));
}

namespace {

KvCacheDtype kv_cache_dtype(const std::string& name) {
  constexpr std::pair<std::string_view, KvCacheDtype> kNames[] = {
      {"float32", KvCacheDtype::kFloat32},
      {"bfloat16", KvCacheDtype::kBFloat16},
      {"fp8", KvCacheDtype::kFp8},
      {"int4", KvCacheDtype::kInt4},
  };
  for (const auto& [known, dtype] : kNames) {
    if (name == known) {
      return dtype;
    }
  }
  return KvCacheDtype::kAuto;
}

}  // namespace

LoadOptions to_load_options(const ModelOptions& options) {
  LoadOptions load;
  if (options.device == "reference") {
    load.device = Device::kReference;
  } else if (options.device == "cuda") {
    load.device = Device::kCuda;
  }
  load.dtype = ComputeType::kAuto;
  if (options.dtype == "float32") {
    load.dtype = ComputeType::kFloat32;
  } else if (options.dtype == "bfloat16") {
    load.dtype = ComputeType::kBFloat16;
  }
  load.kv_cache_dtype = kv_cache_dtype(options.kv_cache_dtype);
  load.attn_implementation =
      options.attention == "eager" ? AttnImplementation::kEager : AttnImplementation::kFlash;
  load.threads = options.threads;
  if (!options.expert_statistics.empty()) {
    load.expert_counts = expert_counts(convert::read_importance(options.expert_statistics));
  }
  load.device_map = device_map(options);
  load.gpu_memory_bytes = static_cast<std::int64_t>(options.gpu_memory);
  load.quantization_config = quantization_config(options);
  load.expert_memory_bytes = static_cast<std::int64_t>(options.expert_memory);
  load.lightning_norm_eps = options.lightning_norm_eps;
  load.isa = options.isa == "auto" ? "" : options.isa;
  return load;
}

std::filesystem::path model_directory(const ModelOptions& options) {
  return options.model.empty() ? demonstration_model() : resolve_model(options.model);
}

void show_warnings(const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings) {
    write_warning(warning);
  }
}

Tokenizer load_tokenizer(const std::filesystem::path& directory) {
  Tokenizer tokenizer = AutoTokenizer::from_pretrained(directory);
  show_warnings(tokenizer.warnings());
  return tokenizer;
}

}  // namespace minimax::apps

// SPDX-License-Identifier: Apache-2.0
#include "support/speed_estimate.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <span>
#include <vector>

#include "base/memory.h"
#include "io/input_file.h"
#include "model/load_plan.h"
#include "support/bench_machine.h"

namespace minimax::apps {
namespace {

constexpr std::int64_t kPrompt = 512;
constexpr double kGiga = 1e9;

double expert_share(const MiniMaxConfig& config) {
  return static_cast<double>(config.num_experts_per_tok) /
         static_cast<double>(config.num_local_experts);
}

// Of the routed experts, as much as memory holds.
std::optional<double> resident_share(const SizedModel& model, std::int64_t room) {
  const ModelSize& size = model.work.measure.size;
  const std::int64_t for_experts = room - (size.weight_bytes - size.expert_weight_bytes);
  if (for_experts >= size.expert_weight_bytes) {
    return 1.0;
  }
  if (for_experts * model.work.config.num_hidden_layers < size.expert_weight_bytes) {
    return std::nullopt;
  }
  return static_cast<double>(for_experts) / static_cast<double>(size.expert_weight_bytes);
}

SizedModel in_format(const MiniMaxConfig& config, quant::Format format) {
  model::Weights weights;
  const std::vector<model::Parameter> table =
      model::parameters(config, model::head_kind(config), weights);
  std::vector<model::LoadItem> items;
  for (const model::Parameter& parameter : table) {
    const model::ParameterSource& source = parameter.published();
    model::LoadItem item{.parameter = &parameter, .source = &source};
    if (parameter.storage == model::Storage::kProjection) {
      const bool is_vocabulary = parameter.shard == model::Shard::kVocab;
      item.format =
          is_vocabulary ? quant::Format::kBF16 : quant::format_for_row(format, source.shape[-1]);
    }
    items.push_back(item);
  }
  return {.format = std::string(quant::info(format).name),
          .work = {.config = config,
                   .measure = {.size = model::sum_sizes(config, items),
                               .precision = ops::Precision::kBFloat16}},
          .peak = format == quant::Format::kBF16 ? PeakType::kBFloat16 : PeakType::kInt8};
}

// Of the type that most weights are multiplied in.
PeakType peak_of(const model::ModelMeasure& measure) {
  if (measure.precision == ops::Precision::kFloat32) {
    return PeakType::kFloat32;
  }
  return 2 * measure.size.quantized_parameters > measure.size.total_parameters
             ? PeakType::kInt8
             : PeakType::kBFloat16;
}

// Gigabytes a second that the file gives, for a quarter of a second at most.
double measure_file(const std::filesystem::path& path) {
  const io::InputFile file(path);
  std::vector<std::byte> piece(std::size_t{4} << 20);
  const auto step = static_cast<std::int64_t>(piece.size());
  const auto begin = std::chrono::steady_clock::now();
  std::int64_t at = 0;
  double seconds = 0;
  while (seconds < 0.25 && at < file.bytes()) {
    const auto count = static_cast<std::size_t>(std::min(step, file.bytes() - at));
    file.read(at, std::span(piece).first(count));
    at += static_cast<std::int64_t>(count);
    seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }
  return seconds > 0 ? static_cast<double>(at) / seconds / kGiga : 0;
}

std::string share_text(const Expectation& expectation) {
  if (!expectation.resident_share) {
    return "too large";
  }
  return *expectation.resident_share >= 1.0
             ? "all"
             : fmt::format("{:.0f} % of experts", 100 * *expectation.resident_share);
}

}  // namespace

Expectation expect_speed(const SizedModel& model, const MachineRoof& machine, std::int64_t depth,
                         std::int64_t other_bytes) {
  const ModelSize& size = model.work.measure.size;
  Expectation expectation{
      .format = model.format,
      .weight_bytes = size.weight_bytes,
      .resident_share = resident_share(model, machine.available_bytes - other_bytes)};
  if (!expectation.resident_share) {
    return expectation;
  }
  const double missing = (1.0 - *expectation.resident_share) * expert_share(model.work.config) *
                         static_cast<double>(size.expert_weight_bytes);
  double seconds =
      decode_work(model.work, {.depth = depth}).bytes / (kGiga * machine.roof.read_gb_per_second);
  if (missing > 0) {
    seconds += missing / (kGiga * machine.file_gb_per_second);
  }
  expectation.decode_tokens_per_s = 1.0 / seconds;
  const double peak = kGiga * machine.roof.peak(model.peak);
  expectation.prefill_tokens_per_s =
      static_cast<double>(kPrompt) * peak / prefill_work(model.work, kPrompt).flops;
  return expectation;
}

std::vector<SizedModel> sized_models(const MiniMaxConfig& config,
                                     const model::ModelMeasure& measure) {
  std::vector<SizedModel> models = {{.format = "as stored",
                                     .work = {.config = config, .measure = measure},
                                     .peak = peak_of(measure)}};
  for (const quant::Format format :
       {quant::Format::kBF16, quant::Format::kQ8_0, quant::Format::kQ6_K, quant::Format::kQ4_K,
        quant::Format::kQ2_K}) {
    models.push_back(in_format(config, format));
  }
  return models;
}

MachineRoof measure_roof(int threads, const std::string& isa, const std::filesystem::path& file) {
  const std::int64_t available = base::available_memory_bytes();
  MachineMeter meter(LoadOptions{.isa = isa}, threads);
  return {.roof = meter.measure(),
          .file_gb_per_second = measure_file(file),
          .available_bytes = available};
}

base::Json to_json(const SpeedReport& report) {
  const MachineRoof& machine = report.machine;
  base::JsonArray rows;
  for (const Expectation& each : report.expectations) {
    base::JsonObject row = {{"format", each.format}, {"weight_bytes", each.weight_bytes}};
    row.emplace_back("resident_expert_share",
                     each.resident_share ? base::Json(*each.resident_share) : base::Json(nullptr));
    if (each.resident_share) {
      row.emplace_back("decode_tokens_per_s", each.decode_tokens_per_s);
      row.emplace_back("prefill_tokens_per_s", each.prefill_tokens_per_s);
    }
    rows.emplace_back(std::move(row));
  }
  return base::JsonObject{{"available_bytes", machine.available_bytes},
                          {"read_gb_per_second", machine.roof.read_gb_per_second},
                          {"bfloat16_gflop_per_second", machine.roof.bfloat16_gflop_per_second},
                          {"int8_gop_per_second", machine.roof.int8_gop_per_second},
                          {"file_gb_per_second", machine.file_gb_per_second},
                          {"formats", std::move(rows)}};
}

std::string to_text(const SpeedReport& report) {
  const MachineRoof& machine = report.machine;
  std::string text = fmt::format(
      "This machine now\n  {} of memory, reads {:.1f} GB/s of it and {:.1f} GB/s of files, "
      "calculates {:.0f} GFLOP/s in bfloat16, {:.0f} GOP/s in int8\n\n"
      "Speed at most, in tokens/s\n  {:<10} {:>10}  {:<18} {:>8} {:>8}\n",
      base::format_bytes(machine.available_bytes), machine.roof.read_gb_per_second,
      machine.file_gb_per_second, machine.roof.bfloat16_gflop_per_second,
      machine.roof.int8_gop_per_second, "format", "weights", "in memory", "decode", "prompt");
  for (const Expectation& each : report.expectations) {
    text += fmt::format("  {:<10} {:>10}  {:<18}", each.format,
                        base::format_bytes(each.weight_bytes), share_text(each));
    text += each.resident_share ? fmt::format(" {:>8.3g} {:>8.4g}\n", each.decode_tokens_per_s,
                                              each.prefill_tokens_per_s)
                                : "\n";
  }
  return text;
}

}  // namespace minimax::apps

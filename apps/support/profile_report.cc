// SPDX-License-Identifier: Apache-2.0
#include "support/profile_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace minimax::apps {
namespace {

using WorkOf = std::map<std::string, Work, std::less<>>;

/// Collects the work of the parts of all layers.
class WorkTable {
 public:
  WorkTable(const model::Model& model, const ProfiledStep& step)
      : config_(model.config),
        step_(step),
        tokens_(static_cast<double>(step.tokens)),
        state_(model::state_size(model.config, model.precision)) {
    for (const model::LayerWeights& layer : model.weights.layers) {
      if (layer.type == LayerType::kLinearAttention) {
        add_lightning(layer.lightning);
      } else {
        add_softmax(layer.softmax);
      }
      add_experts(layer.moe);
    }
    add("head", model.weights.head.weight, static_cast<double>(step.sequences));
  }

  const WorkOf& work() const { return work_; }

 private:
  // A product of so many rows with a matrix.
  void add(const char* part, const quant::Matrix& weight, double rows) {
    Work& work = work_[part];
    work.bytes += static_cast<double>(weight.bytes());
    work.flops += weight.empty() ? 0 : 2 * rows * static_cast<double>(weight.shape().elements());
  }

  void add_lightning(const model::LightningWeights& weights) {
    add("lightning qkv gate", weights.qkv, tokens_);
    add("lightning qkv gate", weights.gate, tokens_);
    add("lightning out", weights.out, tokens_);
    const auto layers =
        static_cast<double>(std::ranges::count(config_.layer_types, LayerType::kLinearAttention));
    const auto width = static_cast<double>(config_.num_attention_heads * config_.head_dim);
    Work& work = work_["lightning attention"];
    work.bytes += static_cast<double>(step_.sequences) * 2 *
                      static_cast<double>(state_.fixed_bytes) / layers +
                  tokens_ * 4 * width * 2;
    work.flops += tokens_ * 4 * width * static_cast<double>(config_.head_dim);
  }

  void add_softmax(const model::SoftmaxWeights& weights) {
    for (const quant::Matrix* weight : {&weights.q, &weights.k, &weights.v}) {
      add("softmax qkv", *weight, tokens_);
    }
    add("softmax out", weights.out, tokens_);
    const auto layers =
        static_cast<double>(std::ranges::count(config_.layer_types, LayerType::kFullAttention));
    const auto width = static_cast<double>(config_.num_attention_heads * config_.head_dim);
    const double own = tokens_ / static_cast<double>(step_.sequences);
    const auto depth = static_cast<double>(step_.depth);
    Work& work = work_["softmax attention"];
    work.bytes += static_cast<double>(step_.sequences) * (depth + own) *
                  static_cast<double>(state_.bytes_per_token) / layers;
    work.flops += 4 * tokens_ * width * (depth + (own + 1) / 2);
  }

  void add_experts(const model::MoeWeights& weights) {
    const auto& experts = weights.experts;
    const double pairs = tokens_ * static_cast<double>(config_.num_experts_per_tok);
    const double read = step_.experts > 0
                            ? step_.experts
                            : std::min(pairs, static_cast<double>(config_.num_local_experts));
    const auto add_matrix = [&](const char* part, const quant::Matrix& weight) {
      Work& work = work_[part];
      work.bytes += read * static_cast<double>(weight.bytes());
      work.flops += 2 * pairs * static_cast<double>(weight.shape().elements());
    };
    add_matrix("experts", experts.gate.front());
    add_matrix("experts", experts.up.front());
    add_matrix("experts", experts.down.front());
    for (const quant::Matrix* weight :
         {&weights.shared.gate, &weights.shared.up, &weights.shared.down}) {
      add("shared expert", *weight, tokens_);
    }
  }

  const MiniMaxConfig& config_;
  const ProfiledStep& step_;
  double tokens_;
  model::StateSize state_;
  WorkOf work_;
};

double total_seconds(const std::vector<ProfiledPart>& parts) {
  double sum = 0;
  for (const ProfiledPart& part : parts) {
    sum += part.time.seconds;
  }
  return sum;
}

}  // namespace

std::vector<ProfiledPart> with_work(const std::vector<engine::PartTime>& parts,
                                    const model::Model& model, const ProfiledStep& step) {
  const WorkTable table(model, step);
  std::vector<ProfiledPart> all;
  for (const engine::PartTime& part : parts) {
    const auto work = table.work().find(part.part);
    all.push_back({part, work == table.work().end() ? Work{} : work->second});
  }
  return all;
}

double floor_seconds(const Work& work, double bytes_per_second, double flops) {
  return bytes_per_second > 0 && flops > 0
             ? std::max(work.bytes / bytes_per_second, work.flops / flops)
             : 0.0;
}

std::string profile_text(const std::vector<ProfiledPart>& parts, const ProfileRoof& roof) {
  const double total = total_seconds(parts);
  std::string text = fmt::format(
      "| {:<19} | {:>5} | {:>9} | {:>6} | {:>8} | {:>9} | {:>7} |\n"
      "|{:-<21}|{:->7}|{:->11}|{:->8}|{:->10}|{:->11}|{:->9}|\n",
      "part", "calls", "us", "share", "GB/s", "TFLOP/s", "% floor", "", ":", ":", ":", ":", ":",
      ":");
  for (const ProfiledPart& part : parts) {
    const double seconds = part.time.seconds;
    const double floor = floor_seconds(part.work, roof.bytes_per_second, roof.flops);
    text += fmt::format("| {:<19} | {:>5} | {:>9.1f} | {:>5.1f}% | {:>8.1f} | {:>9.2f} | {:>7} |\n",
                        part.time.part, part.time.calls, seconds * 1e6, 100 * seconds / total,
                        part.work.bytes / seconds * 1e-9, part.work.flops / seconds * 1e-12,
                        floor > 0 ? fmt::format("{:.1f}", 100 * floor / seconds) : "-");
  }
  return text + fmt::format("| {:<19} | {:>5} | {:>9.1f} |\n", "all", "", total * 1e6);
}

base::Json profile_json(const std::vector<ProfiledPart>& parts, const ProfileRoof& roof) {
  base::JsonArray rows;
  for (const ProfiledPart& part : parts) {
    rows.emplace_back(base::JsonObject{
        {"part", part.time.part},
        {"calls", part.time.calls},
        {"seconds", part.time.seconds},
        {"bytes", part.work.bytes},
        {"flops", part.work.flops},
        {"floor_seconds", floor_seconds(part.work, roof.bytes_per_second, roof.flops)}});
  }
  return rows;
}

}  // namespace minimax::apps

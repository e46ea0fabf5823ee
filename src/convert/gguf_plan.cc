// SPDX-License-Identifier: Apache-2.0
#include "convert/gguf_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <map>
#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "base/file.h"
#include "convert/row_reader.h"
#include "model/load_plan.h"

namespace minimax::convert {
namespace {

using model::Parameter;
using quant::Format;

[[noreturn]] void fail_unsupported(const std::string& what) {
  throw Error(ErrorCode::kUnsupported, "the model cannot be written for llama.cpp: " + what);
}

void check_expressible(const MiniMaxConfig& config) {
  if (model::head_kind(config) != model::HeadKind::kLanguage) {
    fail_unsupported("it has no language head");
  }
  if (config.shared_intermediate_size > 0) {
    fail_unsupported("it has shared experts");
  }
  if (config.sliding_window) {
    fail_unsupported("it has a sliding window");
  }
  const bool is_power_of_two =
      std::has_single_bit(static_cast<std::uint64_t>(config.num_attention_heads));
  if (config.decay_schedule == DecaySchedule::kOriginal && !is_power_of_two) {
    fail_unsupported(
        fmt::format("its decay follows other slopes for {} heads", config.num_attention_heads));
  }
  for (const double factor :
       {config.full_attn_alpha_factor, config.linear_attn_alpha_factor, config.mlp_alpha_factor,
        config.full_attn_beta_factor, config.linear_attn_beta_factor, config.mlp_beta_factor}) {
    if (!(factor > 0) || !std::isfinite(factor)) {
      fail_unsupported(
          fmt::format("expected residual factors above 0, found {} among them", factor));
    }
  }
}

// What the weights of a projection are multiplied by, for alpha and beta of its branch.
float leftover(const MiniMaxConfig& config, std::string_view parameter) {
  struct Branch {
    std::string_view ending;
    double alpha;
    double beta;
  };
  const std::array branches = {
      Branch{".o_proj.weight", config.full_attn_alpha_factor, config.full_attn_beta_factor},
      Branch{".out_proj.weight", config.linear_attn_alpha_factor, config.linear_attn_beta_factor},
      Branch{".w2.weight", config.mlp_alpha_factor, config.mlp_beta_factor}};
  for (const Branch& branch : branches) {
    if (parameter.ends_with(branch.ending)) {
      return static_cast<float>(branch.beta * config.full_attn_alpha_factor / branch.alpha);
    }
  }
  return 1.0F;
}

class Planner {
 public:
  Planner(const model::ModelSource& model, const GgufPlanOptions& options)
      : config_(model.config), options_(options), rule_was_used_(options.keep.size()) {
    model::Weights weights;
    const std::vector<Parameter> table =
        model::parameters(config_, model::HeadKind::kLanguage, weights);
    for (const model::LoadItem& item : model::match(model, table)) {
      add(item);
    }
    // llama.cpp is given a head of its own where the model has none.
    if (config_.tie_word_embeddings) {
      GgufTensor head = plan_.tensors.front();
      head.plan.name = "output.weight";
      plan_.tensors.push_back(std::move(head));
    }
    check_rules();
    warn();
  }

  GgufPlan take() { return std::move(plan_); }

 private:
  void add(const model::LoadItem& item) {
    const Parameter& parameter = *item.parameter;
    const model::ParameterSource& place = *parameter.gguf;
    const auto [found, is_new] = index_.try_emplace(place.name, plan_.tensors.size());
    if (is_new) {
      GgufTensor& tensor = plan_.tensors.emplace_back();
      tensor.plan.name = place.name;
      tensor.plan.shape = place.tensor_shape;
      tensor.factor = leftover(config_, parameter.published().name);
      choose_format(item, tensor);
    }
    const std::int64_t columns = item.source->shape[-1];
    plan_.tensors[found->second].parts.push_back(
        {.source = item.entry,
         .rows = {.parameter = parameter.published().name,
                  .first_row = item.source->first_element / columns,
                  .rows = item.source->shape.elements() / columns}});
  }

  void choose_format(const model::LoadItem& item, GgufTensor& tensor) {
    const Format stored = stored_format(*item.entry);
    if (item.parameter->storage == model::Storage::kFloat32) {
      tensor.plan.format = Format::kF32;
      return;
    }
    const Format wanted = wanted_format(item.parameter->published().name, stored);
    if (!quant::info(wanted).gguf_id) {
      fail_unsupported(fmt::format("{}: GGUF has no type for {}: name another", tensor.plan.name,
                                   quant::info(wanted).name));
    }
    const bool is_requantized = wanted != stored && quant::info(stored).block_elements > 1 &&
                                quant::info(wanted).block_elements > 1;
    base::check(!is_requantized || options_.requantize, ErrorCode::kInvalidArgument, [&] {
      return fmt::format("{}: it is {} already; quantizing it again adds errors: ask for it",
                         tensor.plan.name, quant::info(stored).name);
    });
    tensor.plan.format = quant::format_for_row(wanted, tensor.plan.shape[-1]);
    if (tensor.plan.format != wanted) {
      tensor.wanted = wanted;
    }
  }

  Format wanted_format(std::string_view published, Format stored) {
    Format wanted = options_.format.value_or(stored);
    for (std::size_t i = 0; i < options_.keep.size(); ++i) {
      if (matches(options_.keep[i].pattern, published)) {
        wanted = options_.keep[i].format.value_or(stored);
        rule_was_used_[i] = true;
      }
    }
    return wanted;
  }

  void check_rules() const {
    for (std::size_t i = 0; i < rule_was_used_.size(); ++i) {
      base::check(rule_was_used_[i], ErrorCode::kInvalidArgument, [&] {
        return fmt::format("keep: expected a pattern that a tensor matches, found \"{}\"",
                           base::printable(options_.keep[i].pattern));
      });
    }
  }

  void warn() {
    const auto is_folded = [](const GgufTensor& tensor) { return tensor.factor != 1.0F; };
    if (const auto count = std::ranges::count_if(plan_.tensors, is_folded); count > 0) {
      plan_.warnings.push_back(fmt::format(
          "llama.cpp has one residual factor: {} tensors are multiplied by what is left of the "
          "others",
          count));
    }
    std::map<std::pair<std::string_view, std::string_view>, int> fallbacks;
    for (const GgufTensor& tensor : plan_.tensors) {
      if (tensor.wanted) {
        ++fallbacks[{quant::info(*tensor.wanted).name, quant::info(tensor.plan.format).name}];
      }
    }
    for (const auto& [formats, count] : fallbacks) {
      plan_.warnings.push_back(
          fmt::format("{} tensors have rows that do not divide into blocks of {}: they are {}",
                      count, formats.first, formats.second));
    }
    const auto& types = config_.layer_types;
    if (std::ranges::count(types, types.front()) == std::ssize(types)) {
      plan_.warnings.push_back(
          "all layers attend in the same way: llama.cpp cannot run such a model");
    }
  }

  const MiniMaxConfig& config_;
  const GgufPlanOptions& options_;
  std::vector<bool> rule_was_used_;
  GgufPlan plan_;
  std::unordered_map<std::string, std::size_t> index_;
};

}  // namespace

std::int64_t GgufPlan::elements() const {
  std::int64_t sum = 0;
  for (const GgufTensor& tensor : tensors) {
    sum += tensor.plan.shape.elements();
  }
  return sum;
}

GgufPlan plan_gguf(const model::ModelSource& model, const GgufPlanOptions& options) {
  check_expressible(model.config);
  return Planner(model, options).take();
}

}  // namespace minimax::convert

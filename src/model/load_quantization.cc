// SPDX-License-Identifier: Apache-2.0
#include "model/load_quantization.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "base/check.h"

namespace minimax::model {
namespace {

quant::Format format_of(const BitsAndBytesConfig& config) {
  if (config.load_in_8bit) {
    return quant::Format::kInt8F32;
  }
  return config.bnb_4bit_quant_type == Bnb4BitQuantType::kNf4 ? quant::Format::kNF4
                                                              : quant::Format::kFP4;
}

// Whether `part` is some of the names between the dots of `name`, side by side.
bool has_part(std::string_view name, std::string_view part) {
  const std::string within = "." + std::string(name) + ".";
  return within.find("." + std::string(part) + ".") != std::string::npos;
}

bool is_skipped(const BitsAndBytesConfig& config, const Parameter& parameter) {
  const std::string& name = parameter.published().name;
  if (!config.llm_int8_skip_modules) {
    return !name.starts_with("model.");  // a head
  }
  return std::ranges::any_of(*config.llm_int8_skip_modules,
                             [&](const std::string& module) { return has_part(name, module); });
}

}  // namespace

void check_quantization(const BitsAndBytesConfig& config) {
  base::check(config.load_in_4bit != config.load_in_8bit, ErrorCode::kInvalidArgument,
              config.load_in_4bit
                  ? "quantization_config: expected load_in_4bit or load_in_8bit, found both"
                  : "quantization_config: expected load_in_4bit or load_in_8bit, found neither");
}

std::optional<quant::Format> quantized_format(const BitsAndBytesConfig& config,
                                              const Parameter& parameter) {
  const quant::Format format = format_of(config);
  const ParameterSource& source = parameter.published();
  const bool is_matrix = parameter.storage == Storage::kProjection &&
                         source.name != kEmbeddingsName && source.shape.rank() == 2;
  if (!is_matrix || source.shape[1] % quant::info(format).block_elements != 0 ||
      is_skipped(config, parameter)) {
    return std::nullopt;
  }
  return format;
}

}  // namespace minimax::model

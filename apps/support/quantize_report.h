// SPDX-License-Identifier: Apache-2.0
// The words of `minimax quantize`: formats and rules from the command line, plans and results to
// text and JSON.
#pragma once

#include <string>
#include <vector>

#include "convert/quantize.h"

namespace minimax::apps {

/// The names of all formats.
std::vector<std::string> format_names();

/// Throws: UsageError for an unknown name.
quant::Format parse_format(const std::string& name);

/// "PATTERN=FORMAT" or "PATTERN=stored". Throws: UsageError.
std::vector<convert::KeepRule> parse_keep_rules(const std::vector<std::string>& rules);

/// A line for every tensor and one for the sum. `bytes` is convert::output_bytes().
std::string plan_text(const convert::QuantizePlan& plan, const std::vector<std::int64_t>& bytes);
std::string plan_json(const convert::QuantizePlan& plan, const std::vector<std::int64_t>& bytes);

std::string result_text(const std::string& out, const convert::QuantizePlan& plan,
                        const convert::QuantizeResult& result);
std::string result_json(const convert::QuantizePlan& plan, const convert::QuantizeResult& result);

}  // namespace minimax::apps

// SPDX-License-Identifier: Apache-2.0
// The published classes by the names that config.json gives them.
#pragma once

#include <array>
#include <string_view>

#include "minimax/config.h"

namespace minimax::model {

struct ArchitectureRow {
  std::string_view architecture;
  std::string_view model_type;
  DecaySchedule decay_schedule;
};

/// Where only model_type is given, the first row with it counts.
inline constexpr std::array kArchitectures = {
    ArchitectureRow{"MiniMaxForCausalLM", "minimax", DecaySchedule::kMiniMax},
    ArchitectureRow{"MiniMaxModel", "minimax", DecaySchedule::kMiniMax},
    ArchitectureRow{"MiniMaxForSequenceClassification", "minimax", DecaySchedule::kMiniMax},
    ArchitectureRow{"MiniMaxForTokenClassification", "minimax", DecaySchedule::kMiniMax},
    ArchitectureRow{"MiniMaxForQuestionAnswering", "minimax", DecaySchedule::kMiniMax},
    ArchitectureRow{"MiniMaxText01ForCausalLM", "minimax_text_01", DecaySchedule::kOriginal},
    ArchitectureRow{"MiniMaxText01Model", "minimax_text_01", DecaySchedule::kOriginal},
    ArchitectureRow{"MiniMaxText01ForSequenceClassification", "minimax_text_01",
                    DecaySchedule::kOriginal},
    ArchitectureRow{"MiniMaxM1ForCausalLM", "minimax_m1", DecaySchedule::kOriginal},
    ArchitectureRow{"MiniMaxM1Model", "minimax_m1", DecaySchedule::kOriginal},
    ArchitectureRow{"MiniMaxM1ForSequenceClassification", "minimax_m1", DecaySchedule::kOriginal},
};

}  // namespace minimax::model

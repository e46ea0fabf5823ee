// SPDX-License-Identifier: Apache-2.0
#include "engine/processor_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/random.h"
#include "engine/logits_penalties.h"
#include "engine/logits_processors.h"
#include "engine/logits_warpers.h"
#include "engine/score_weights.h"
#include "ops/choose_tokens/choose_tokens.h"

namespace minimax::engine {
namespace {

using Context = ProcessorContext;
using Scores = std::span<float>;

constexpr const char* kBadLogit =
    "the model computed a logit that is not a finite number: its weights may be damaged (see "
    "minimax inspect --check)";
constexpr const char* kNoChoice = "no token is left to choose: all are excluded";

// min_tokens_to_keep: beams must be able to go on beside any end token.
std::int64_t kept(const Context& context) {
  const auto ends = static_cast<std::int64_t>(context.config.eos_token_id.size());
  return context.config.num_beams > 1 ? std::max<std::int64_t>(2, ends + 1) : 1;
}

// The id of the first score that no arithmetic can go on with.
std::optional<std::size_t> find_unusable(std::span<const float> scores) {
  const auto found = std::ranges::find_if(
      scores, [](float score) { return !std::isfinite(score) && score != kForbidden; });
  return found == scores.end() ? std::nullopt : std::optional<std::size_t>(found - scores.begin());
}

void check_choice(std::span<const float> scores) {
  base::check(std::ranges::any_of(scores, [](float score) { return score != kForbidden; }),
              ErrorCode::kInvalidArgument, kNoChoice);
}

void forbid_what_is_never_chosen(const Context& context, Scores scores) {
  forbid_tokens(context.suppressed, scores);
  if (context.config.ignore_eos) {
    forbid_tokens(context.config.eos_token_id, scores);
  }
}

void apply_user_defined(const Context& context, Scores scores) {
  for (std::size_t i = 0; i < context.user_defined.size(); ++i) {
    context.user_defined[i](context.input_ids, scores);
    const std::optional<std::size_t> bad = find_unusable(scores);
    base::check(!bad, ErrorCode::kInvalidArgument, [&] {
      return fmt::format(
          "logits_processor[{}]: expected numbers or minus infinity, found {} for token {}", i,
          scores[*bad], *bad);
    });
  }
  forbid_what_is_never_chosen(context, scores);
}

void penalize_what_was_continued(const Context& context, Scores scores) {
  const GenerationConfig& config = context.config;
  penalize_continuation({.multiplier = config.dry_multiplier,
                         .base = config.dry_base,
                         .allowed_length = config.dry_allowed_length,
                         .last_n = config.dry_penalty_last_n,
                         .breakers = config.dry_sequence_breakers},
                        context.input_ids, scores);
}

// The draw follows from the seed and the place of the token alone.
void exclude_top_choices_at_random(const Context& context, Scores scores) {
  if (base::uniform_at(context.config.seed, {context.generated}) < context.config.xtc_probability) {
    exclude_top_choices(context.config.xtc_threshold, scores);
  }
}

// The two tables are the order of transformers 5.17: GenerationMixin._get_logits_processor in
// generation/utils.py. min_length has no row: GenerationConfig::for_prompt turns it into
// min_new_tokens. The first row is ours: no other step sees the tokens that it forbids. So are the
// penalties of servers, which stand behind the one of transformers, and XTC, which like in
// llama.cpp stands behind the filters.
constexpr ProcessorStep kProcessors[] = {
    {"suppressed", [](const Context& c) { return !c.suppressed.empty() || c.config.ignore_eos; },
     forbid_what_is_never_chosen},
    {"repetition_penalty", [](const Context& c) { return c.config.repetition_penalty != 1.0; },
     [](const Context& c, Scores scores) {
       penalize_repetition(c.config.repetition_penalty, c.input_ids, scores);
     }},
    {"frequency_penalty",
     [](const Context& c) {
       return c.config.frequency_penalty != 0.0 || c.config.presence_penalty != 0.0;
     },
     [](const Context& c, Scores scores) {
       penalize_frequency(c.config.frequency_penalty, c.config.presence_penalty,
                          c.input_ids.last(static_cast<std::size_t>(c.generated)), scores);
     }},
    {"dry_multiplier", [](const Context& c) { return c.config.dry_multiplier > 0.0; },
     penalize_what_was_continued},
    {"logit_bias", [](const Context& c) { return !c.config.logit_bias.empty(); },
     [](const Context& c, Scores scores) { add_bias(c.config.logit_bias, scores); }},
    {"no_repeat_ngram_size", [](const Context& c) { return c.config.no_repeat_ngram_size > 0; },
     [](const Context& c, Scores scores) {
       forbid_repeated_ngrams(c.config.no_repeat_ngram_size, c.input_ids, scores);
     }},
    {"bad_words_ids", [](const Context& c) { return !c.config.bad_words_ids.empty(); },
     [](const Context& c, Scores scores) {
       forbid_bad_words(c.config.bad_words_ids, c.config.eos_token_id, c.input_ids, scores);
     }},
    {"min_new_tokens", [](const Context& c) { return c.config.min_new_tokens > 0; },
     [](const Context& c, Scores scores) {
       if (c.generated < c.config.min_new_tokens) {
         forbid_tokens(c.config.eos_token_id, scores);
       }
     }},
    {"suppress_tokens", [](const Context& c) { return !c.config.suppress_tokens.empty(); },
     [](const Context& c, Scores scores) { forbid_tokens(c.config.suppress_tokens, scores); }},
    {"begin_suppress_tokens",
     [](const Context& c) { return !c.config.begin_suppress_tokens.empty(); },
     [](const Context& c, Scores scores) {
       if (c.generated == 0) {
         forbid_tokens(c.config.begin_suppress_tokens, scores);
       }
     }},
    {"logits_processor", [](const Context& c) { return !c.user_defined.empty(); },
     apply_user_defined},
};

// Only where tokens are drawn.
constexpr ProcessorStep kWarpers[] = {
    {"temperature", [](const Context& c) { return c.config.temperature != 1.0; },
     [](const Context& c, Scores scores) { divide_by_temperature(c.config.temperature, scores); }},
    {"top_k", [](const Context& c) { return c.config.top_k > 0; },
     [](const Context& c, Scores scores) { keep_top_k(c.config.top_k, kept(c), scores); }},
    {"top_p", [](const Context& c) { return c.config.top_p < 1.0; },
     [](const Context& c, Scores scores) { keep_top_p(c.config.top_p, kept(c), scores); }},
    {"min_p", [](const Context& c) { return c.config.min_p > 0.0; },
     [](const Context& c, Scores scores) { keep_min_p(c.config.min_p, kept(c), scores); }},
    {"typical_p", [](const Context& c) { return c.config.typical_p < 1.0; },
     [](const Context& c, Scores scores) { keep_typical(c.config.typical_p, kept(c), scores); }},
    {"epsilon_cutoff", [](const Context& c) { return c.config.epsilon_cutoff > 0.0; },
     [](const Context& c, Scores scores) {
       cut_epsilon(c.config.epsilon_cutoff, kept(c), scores);
     }},
    {"eta_cutoff", [](const Context& c) { return c.config.eta_cutoff > 0.0; },
     [](const Context& c, Scores scores) { cut_eta(c.config.eta_cutoff, kept(c), scores); }},
    {"xtc_probability", [](const Context& c) { return c.config.xtc_probability > 0.0; },
     exclude_top_choices_at_random},
};

}  // namespace

void check_logits(std::span<const float> logits) {
  base::check(are_usable(logits), ErrorCode::kCorruptFile, kBadLogit);
}

void check_choice(std::int32_t token) {
  base::check(token != ops::kNoNumber, ErrorCode::kCorruptFile, kBadLogit);
  base::check(token != ops::kNoneLeft, ErrorCode::kInvalidArgument, kNoChoice);
}

bool is_sampling(const GenerationConfig& config) {
  // Divided by less, scores of any use would leave the range of float32.
  constexpr double kColdest = 1e-20;
  return config.do_sample && config.temperature >= kColdest;
}

ProcessorList::ProcessorList(GenerationConfig config, std::span<const std::int32_t> suppressed,
                             std::vector<LogitsProcessor> user_defined)
    : config_(std::move(config)),
      suppressed_(suppressed.begin(), suppressed.end()),
      user_defined_(std::move(user_defined)) {
  const auto is_active = [&](const ProcessorStep& step) { return step.is_active(context({}, 0)); };
  std::ranges::copy_if(kProcessors, std::back_inserter(processors_), is_active);
  if (is_sampling(config_)) {
    std::ranges::copy_if(kWarpers, std::back_inserter(warpers_), is_active);
  }
}

ProcessorContext ProcessorList::context(std::span<const std::int32_t> input_ids,
                                        std::int64_t generated) const {
  return {config_, user_defined_, suppressed_, input_ids, generated};
}

void ProcessorList::apply(std::span<const std::int32_t> input_ids, std::int64_t generated,
                          std::span<float> scores) const {
  const ProcessorContext now = context(input_ids, generated);
  check_logits(scores);
  for (const ProcessorStep& step : processors_) {
    step.apply(now, scores);
  }
  check_choice(scores);
  for (const ProcessorStep& step : warpers_) {
    step.apply(now, scores);
  }
}

std::vector<std::string> ProcessorList::names() const {
  std::vector<std::string> names;
  for (const auto* steps : {&processors_, &warpers_}) {
    for (const ProcessorStep& step : *steps) {
      names.emplace_back(step.name);
    }
  }
  return names;
}

}  // namespace minimax::engine

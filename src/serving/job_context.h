// SPDX-License-Identifier: Apache-2.0
// What all requests of a service share.
#pragma once

#include <chrono>

#include "engine/pretrained_model.h"
#include "minimax/tokenizer.h"
#include "serving/options.h"
#include "serving/prefix_cache.h"
#include "serving/status.h"

namespace minimax::serving {

using Clock = std::chrono::steady_clock;

struct JobContext {
  MiniMaxPreTrainedModel::Impl& impl;
  const Tokenizer& tokenizer;
  const ServiceOptions& options;
  PrefixCache& cache;
  ServiceCounters& counters;
  const tensor::Memory& memory;  // where states lie

  const model::Model& model() const { return impl.model; }
  model::SequenceState empty_state() const {
    return {model().config, model().kv_dtype, model().identity, memory};
  }
  std::int64_t vocab_size() const { return impl.model.config.vocab_size; }
  /// Where prefixes may end that longer prompts continue.
  std::int64_t grain() const { return options.batch_invariant ? options.chunk_tokens : 1; }
};

}  // namespace minimax::serving

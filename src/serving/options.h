// SPDX-License-Identifier: Apache-2.0
// What a Service may take and how it orders its work.
#pragma once

#include <cstdint>

namespace minimax {
class MiniMaxForCausalLM;
}

namespace minimax::serving {

struct ServiceOptions {
  /// Sequences that run together; each takes the state of all lightning layers.
  std::int64_t max_running = 16;
  /// Requests that wait; more are refused.
  std::int64_t max_waiting = 512;
  /// Tokens of a prompt and its answer together. 0: what max_position_embeddings and kv_bytes
  /// allow.
  std::int64_t max_context = 0;

  /// Memory for the keys and values of running sequences. 0: a part of what is available.
  std::int64_t kv_bytes = 0;
  /// Memory for the states of lightning layers of running sequences. 0: as max_running needs.
  std::int64_t state_bytes = 0;
  /// Memory for snapshots: prefixes that later requests continue, and requests that others
  /// displaced. 0: none.
  std::int64_t snapshot_bytes = std::int64_t{1} << 30;
  /// Snapshots are taken at the end of a prompt, at the end of an answer, where prompts part, and
  /// inside of long prompts every so many tokens and some way before the end. 0: not there.
  std::int64_t snapshot_interval_tokens = 1024;

  /// Tokens of a step, of prompts and answers together. 0: as many as the model has memory for.
  std::int64_t max_step_tokens = 0;
  /// The part of a step's time that prompts may take while answers are written: between 0 and 1.
  double prefill_share = 0.25;

  /// A request with a seed gives the same tokens alone and in any company: prompts are cut at
  /// multiples of chunk_tokens, and nothing is continued that was not computed so.
  bool batch_invariant = false;
  std::int64_t chunk_tokens = 128;

  /// Requests that waited so long go before all others, whatever their priority.
  double most_patience_seconds = 30.0;

  /// Above 0: speculative decoding by what followed the last tokens before, so many at a time.
  std::int64_t prompt_lookup_tokens = 0;
  /// Speculative decoding by a smaller model with the same vocabulary; may be null.
  MiniMaxForCausalLM* draft_model = nullptr;
  std::int64_t draft_tokens = 5;
};

}  // namespace minimax::serving

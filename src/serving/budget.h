// SPDX-License-Identifier: Apache-2.0
// The two currencies of running sequences: states of lightning layers, which cost the same for
// every sequence, and pages of keys and values, which grow with it.
#pragma once

#include <cstdint>

#include "model/loader.h"
#include "model/state.h"
#include "serving/options.h"
#include "serving/request.h"

namespace minimax::serving {

/// That states of this model could still take, on its device.
std::int64_t available_bytes(const model::Model& model);

class Budget {
 public:
  /// Throws: Error{kInvalidArgument} naming the option that is out of its range,
  /// Error{kOutOfMemory} where not one sequence fits.
  Budget(const model::Model& model, const ServiceOptions& options);

  std::int64_t slots() const { return slots_; }
  std::int64_t context_tokens() const { return context_tokens_; }
  std::int64_t kv_bytes() const { return kv_bytes_; }
  std::int64_t slot_bytes() const { return size_.fixed_bytes; }
  std::int64_t page_bytes() const;

  /// Keys and values of one sequence of `tokens` tokens.
  std::int64_t kv_of(std::int64_t tokens) const { return size_.kv_bytes(tokens); }
  /// What an answer of `tokens` tokens, its prompt included, needs beside the whole pages of the
  /// prompt, which all answers share.
  std::int64_t kv_of_answer(std::int64_t prompt_tokens, std::int64_t tokens) const;
  std::int64_t kv_of_shared_prompt(std::int64_t prompt_tokens) const;

  /// Throws: Error{kInvalidArgument} naming the field of a request that could never run.
  void check(const Request& request, std::int64_t max_new_tokens) const;

 private:
  model::StateSize size_;
  std::int64_t slots_ = 0;
  std::int64_t kv_bytes_ = 0;
  std::int64_t context_tokens_ = 0;
};

}  // namespace minimax::serving

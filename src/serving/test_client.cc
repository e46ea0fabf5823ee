// SPDX-License-Identifier: Apache-2.0
#include "serving/test_client.h"

#include <algorithm>
#include <utility>

#include "base/random.h"

namespace minimax::serving::testing {

Sink Client::sink() {
  return [this](Event event) {
    if (on_event) {
      on_event(event);
    }
    const std::lock_guard lock(mutex_);
    events_after_the_last += last_events;
    Collected& answer = answers_[event.index];
    answer.tokens.insert(answer.tokens.end(), event.tokens.begin(), event.tokens.end());
    answer.text += event.text;
    std::ranges::move(event.logprobs, std::back_inserter(answer.logprobs));
    if (event.finish_reason) {
      answer.finish_reason = event.finish_reason;
    }
    std::ranges::move(event.prompt_logprobs, std::back_inserter(prompt_logprobs));
    embedding.insert(embedding.end(), event.embedding.begin(), event.embedding.end());
    if (event.error) {
      error = std::move(event.error);
    }
    if (event.is_last) {
      usage = event.usage;
      ++last_events;
      changed_.notify_all();
    }
  };
}

void Client::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return last_events > 0; });
}

bool Client::has_ended() const {
  const std::lock_guard lock(mutex_);
  return last_events > 0;
}

void ask(Service& service, const Request& request, Client& client) {
  service.submit(request, client.sink());
  client.wait();
}

std::vector<std::int32_t> random_tokens(std::int64_t count, std::int64_t vocab_size,
                                        std::uint64_t seed) {
  base::SplitMix64 random(seed);
  std::vector<std::int32_t> tokens(static_cast<std::size_t>(count));
  std::ranges::generate(tokens, [&] {
    return static_cast<std::int32_t>(random.next() % static_cast<std::uint64_t>(vocab_size));
  });
  return tokens;
}

Request request_for(std::vector<std::int32_t> prompt, std::int64_t new_tokens) {
  Request request{.prompt = std::move(prompt)};
  request.config.max_new_tokens = new_tokens;
  request.config.ignore_eos = true;
  return request;
}

MiniMaxForCausalLM small_model(ComputeType dtype, int threads, Device device) {
  MiniMaxConfig config;
  config.hidden_size = 64;
  config.intermediate_size = 32;
  config.num_hidden_layers = 3;
  config.num_attention_heads = 4;
  config.num_key_value_heads = 2;
  config.head_dim = 16;
  config.num_local_experts = 4;
  config.num_experts_per_tok = 2;
  config.vocab_size = 300;
  config.block_size = 16;
  config.max_position_embeddings = 4096;
  config.layer_types = {LayerType::kLinearAttention, LayerType::kFullAttention,
                        LayerType::kLinearAttention};
  config.eos_token_id = {2};
  return MiniMaxForCausalLM::from_config(config,
                                         {.device = device, .dtype = dtype, .threads = threads}, 7);
}

Tokenizer demonstration_tokenizer() {
  return AutoTokenizer::from_pretrained(MINIMAX_SOURCE_DIR "/models/tiny-minimax");
}

}  // namespace minimax::serving::testing

// SPDX-License-Identifier: Apache-2.0
#include "server/embedding_task.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>
#include <vector>

#include "server/api_error.h"
#include "server/text_fields.h"

namespace minimax::server {
namespace {

using base::Json;
using base::JsonArray;
using base::JsonObject;

void normalize(std::vector<float>& values) {
  double sum = 0.0;
  for (const float value : values) {
    sum += double{value} * double{value};
  }
  const double scale = sum > 0.0 ? 1.0 / std::sqrt(sum) : 0.0;
  for (float& value : values) {
    value = static_cast<float>(double{value} * scale);
  }
}

class EmbeddingAnswer : public AnswerWriter {
 public:
  EmbeddingAnswer(std::string model, std::size_t prompts, bool is_base64, std::size_t dimensions)
      : model_(std::move(model)),
        embeddings_(prompts),
        left_(prompts),
        is_base64_(is_base64),
        dimensions_(dimensions) {}

  std::string push(std::size_t request, serving::Event event) override {
    check_event(event);
    if (!event.embedding.empty()) {
      event.embedding.resize(dimensions_);
      normalize(event.embedding);
      embeddings_[request] = std::move(event.embedding);
    }
    if (!event.is_last) {
      return "";
    }
    prompt_tokens_ += event.usage.prompt_tokens;
    --left_;
    return left_ == 0 ? body() : "";
  }

 private:
  Json encode(const std::vector<float>& values) const {
    if (is_base64_) {
      std::string bytes(values.size() * sizeof(float), '\0');
      std::memcpy(bytes.data(), values.data(), bytes.size());
      return encode_base64(bytes);
    }
    JsonArray numbers;
    numbers.reserve(values.size());
    for (const float value : values) {
      numbers.emplace_back(double{value});
    }
    return numbers;
  }

  std::string body() const {
    JsonArray data;
    for (std::size_t i = 0; i < embeddings_.size(); ++i) {
      data.emplace_back(JsonObject{{"object", "embedding"},
                                   {"index", static_cast<std::int64_t>(i)},
                                   {"embedding", encode(embeddings_[i])}});
    }
    return base::write_json(JsonObject{{"object", "list"},
                                       {"data", std::move(data)},
                                       {"model", model_},
                                       {"usage", JsonObject{{"prompt_tokens", prompt_tokens_},
                                                            {"total_tokens", prompt_tokens_}}}});
  }

  std::string model_;
  std::vector<std::vector<float>> embeddings_;
  std::size_t left_;
  bool is_base64_;
  std::size_t dimensions_;
  std::int64_t prompt_tokens_ = 0;
};

bool read_is_base64(const Fields& fields) {
  const std::string* format = fields.string("encoding_format");
  if (format != nullptr && *format != "float" && *format != "base64") {
    fields.refuse("encoding_format", "\"float\" or \"base64\"");
  }
  return format != nullptr && *format == "base64";
}

serving::Pooling read_pooling(const Fields& fields) {
  const std::string* pooling = fields.string("pooling");
  if (pooling != nullptr && *pooling != "mean" && *pooling != "last") {
    fields.refuse("pooling", "\"mean\" or \"last\"");
  }
  return pooling != nullptr && *pooling == "last" ? serving::Pooling::kLast
                                                  : serving::Pooling::kMean;
}

}  // namespace

Job make_embedding_job(const base::Json& body, const ServedModel& model,
                       const RequestLimits& limits) {
  const Fields fields(body);
  if (const std::string* name = fields.string("model")) {
    check_model_name(model, *name);
  }
  const bool is_base64 = read_is_base64(fields);
  const std::int64_t dimensions =
      fields.integer("dimensions", 1, model.config.hidden_size).value_or(model.config.hidden_size);
  serving::Request request;
  request.task = serving::Task::kEmbed;
  request.pooling = read_pooling(fields);
  Job job;
  for (std::vector<std::int32_t>& prompt : read_prompts(fields, "input", model, limits)) {
    if (static_cast<std::int64_t>(prompt.size()) > model.context_tokens) {
      throw ApiError(
          {.message = fmt::format("This model's maximum context length is {} tokens. The "
                                  "input has {} tokens.",
                                  model.context_tokens, prompt.size()),
           .param = "input",
           .code = "context_length_exceeded"});
    }
    request.prompt = std::move(prompt);
    job.requests.push_back(request);
  }
  job.writer = std::make_unique<EmbeddingAnswer>(model.name(), job.requests.size(), is_base64,
                                                 static_cast<std::size_t>(dimensions));
  return job;
}

std::string encode_base64(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t length = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      const char byte = j < length ? bytes[i + j] : '\0';
      group = group << 8 | static_cast<unsigned char>(byte);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      out += j <= length ? kDigits[group >> (18 - 6 * j) & 63] : '=';
    }
  }
  return out;
}

}  // namespace minimax::server

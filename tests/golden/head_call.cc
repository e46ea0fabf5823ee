// SPDX-License-Identifier: Apache-2.0
#include "tests/golden/head_call.h"

#include <algorithm>
#include <set>
#include <utility>

#include "minimax/model.h"

namespace minimax::testing {
namespace {

constexpr std::string_view kInput = ".input.";
constexpr std::string_view kOutput = ".output.";

void add(NamedOutputs& outputs, const char* name, const std::optional<float>& value) {
  if (value) {
    outputs[name] = {.shape = {}, .values = {*value}};
  }
}

void add(NamedOutputs& outputs, const std::string& name, std::vector<FloatTensor> layers) {
  for (std::size_t i = 0; i < layers.size(); ++i) {
    outputs[name + "." + std::to_string(i)] = std::move(layers[i]);
  }
}

NamedOutputs common_outputs(ModelOutput& output) {
  NamedOutputs outputs;
  add(outputs, "hidden_states", std::move(output.hidden_states));
  add(outputs, "attentions", std::move(output.attentions));
  add(outputs, "router_logits", std::move(output.router_logits));
  return outputs;
}

NamedOutputs named(MoeModelOutputWithPast output) {
  NamedOutputs outputs = common_outputs(output);
  outputs["last_hidden_state"] = std::move(output.last_hidden_state);
  return outputs;
}

NamedOutputs named(MoeCausalLMOutputWithPast output) {
  NamedOutputs outputs = common_outputs(output);
  add(outputs, "loss", output.loss);
  add(outputs, "aux_loss", output.aux_loss);
  outputs["logits"] = std::move(output.logits);
  return outputs;
}

NamedOutputs named(SequenceClassifierOutputWithPast output) {
  NamedOutputs outputs = common_outputs(output);
  add(outputs, "loss", output.loss);
  outputs["logits"] = std::move(output.logits);
  return outputs;
}

NamedOutputs named(TokenClassifierOutput output) {
  NamedOutputs outputs = common_outputs(output);
  add(outputs, "loss", output.loss);
  outputs["logits"] = std::move(output.logits);
  return outputs;
}

NamedOutputs named(QuestionAnsweringModelOutput output) {
  NamedOutputs outputs = common_outputs(output);
  add(outputs, "loss", output.loss);
  outputs["start_logits"] = std::move(output.start_logits);
  outputs["end_logits"] = std::move(output.end_logits);
  return outputs;
}

template <class Model>
NamedOutputs run_as(const std::filesystem::path& directory, const LoadOptions& options,
                    const HeadCall& call) {
  return named(Model::from_pretrained(directory, options).forward(call.inputs(), call.options()));
}

}  // namespace

std::vector<std::string> call_names(const GoldenFile& file) {
  std::set<std::string> names;
  for (const std::string& tensor : file.names()) {
    if (const auto end = tensor.find(kInput); end != std::string::npos) {
      names.insert(tensor.substr(0, end));
    }
  }
  return {names.begin(), names.end()};
}

HeadCall::HeadCall(const GoldenFile& file, const std::string& name)
    : file_(file),
      name_(name),
      input_ids_(argument<std::int32_t>("input_ids")),
      attention_mask_(argument<std::int32_t>("attention_mask")),
      position_ids_(argument<std::int64_t>("position_ids")),
      start_positions_(argument<std::int64_t>("start_positions")),
      end_positions_(argument<std::int64_t>("end_positions")) {
  const std::string embeds = name + ".input.inputs_embeds";
  const std::string labels = name + ".input.labels";
  if (file.has(embeds)) {
    inputs_embeds_ = file.floats(embeds);
  }
  if (file.has(labels) && file.is_float(labels)) {
    float_labels_ = file.floats(labels);
  } else {
    labels_ = argument<std::int32_t>("labels");
  }
  const std::vector<std::int64_t> shape =
      file.shape(file.has(embeds) ? embeds : name + ".input.input_ids");
  batch_size_ = shape[0];
  length_ = shape[1];
}

template <class T>
std::vector<T> HeadCall::argument(const std::string& argument) const {
  const std::string tensor = name_ + ".input." + argument;
  std::vector<T> values;
  if (file_.has(tensor)) {
    for (const std::int64_t value : file_.integers(tensor)) {
      values.push_back(static_cast<T>(value));
    }
  }
  return values;
}

std::int64_t HeadCall::option(const std::string& option) const {
  const std::string tensor = name_ + ".option." + option;
  return file_.has(tensor) ? file_.integers(tensor)[0] : 0;
}

ModelInputs HeadCall::inputs() const {
  ModelInputs inputs;
  inputs.batch_size = batch_size_;
  inputs.input_ids = input_ids_;
  inputs.inputs_embeds = inputs_embeds_;
  inputs.attention_mask = attention_mask_;
  inputs.position_ids = position_ids_;
  return inputs;
}

ForwardOptions HeadCall::options() const {
  return {.logits_to_keep = option("logits_to_keep"),
          .output_hidden_states = option("output_hidden_states") != 0,
          .output_attentions = option("output_attentions") != 0,
          .output_router_logits = option("output_router_logits") != 0,
          .labels = labels_,
          .float_labels = float_labels_,
          .start_positions = start_positions_,
          .end_positions = end_positions_};
}

std::vector<std::string> HeadCall::expected_names() const {
  const std::string prefix = name_ + std::string(kOutput);
  std::vector<std::string> names;
  for (const std::string& tensor : file_.names()) {
    if (tensor.starts_with(prefix)) {
      names.push_back(tensor.substr(prefix.size()));
    }
  }
  return names;
}

FloatTensor HeadCall::expected(const std::string& output) const {
  const std::string tensor = name_ + std::string(kOutput) + output;
  return {.shape = file_.shape(tensor), .values = file_.floats(tensor)};
}

bool HeadCall::has_padding() const {
  return std::find(attention_mask_.begin(), attention_mask_.end(), 0) != attention_mask_.end();
}

bool HeadCall::is_token(std::int64_t row, std::int64_t column) const {
  return attention_mask_.empty() ||
         attention_mask_[static_cast<std::size_t>(row * length_ + column)] != 0;
}

NamedOutputs run_call(const std::string& model, Device device, const HeadCall& call) {
  const std::filesystem::path directory = golden_model_directory(model);
  const LoadOptions options = {.device = device, .dtype = ComputeType::kFloat32, .threads = 2};
  const std::string name = model.substr(model.find('/') + 1);
  if (name.starts_with("model_")) {
    return run_as<MiniMaxModel>(directory, options, call);
  }
  if (name.starts_with("causal_lm_") || name.starts_with("window_")) {
    return run_as<MiniMaxForCausalLM>(directory, options, call);
  }
  if (name.starts_with("token_")) {
    return run_as<MiniMaxForTokenClassification>(directory, options, call);
  }
  if (name.starts_with("question_")) {
    return run_as<MiniMaxForQuestionAnswering>(directory, options, call);
  }
  return run_as<MiniMaxForSequenceClassification>(directory, options, call);
}

}  // namespace minimax::testing

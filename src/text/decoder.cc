// SPDX-License-Identifier: Apache-2.0
#include "text/decoder.h"

#include <ranges>

#include "text/decoder_stages.h"
#include "text/pattern_json.h"
#include "text/utf8.h"

namespace minimax::text {

// The end of every stream: what has arrived and was not yet fetched.
class DecoderStream::Output final : public TokenSink {
 public:
  explicit Output(bool joins_with_spaces) : joins_with_spaces_(joins_with_spaces) {}

  void text(std::string_view chunk) override { text_ += chunk; }

  // The space is written when the next token starts.
  void begin_token() {
    if (joins_with_spaces_ && has_tokens_) {
      text_ += ' ';
    }
    has_tokens_ = true;
  }

  void end_token() override {}
  void finish() override {}

  std::string fetch() {
    std::string text;
    text.swap(text_);
    return text;
  }

 private:
  bool joins_with_spaces_;
  bool has_tokens_ = false;
  std::string text_;
};

std::string DecoderStream::push(std::string_view token) {
  output_->begin_token();
  stages_.back()->text(token);
  stages_.back()->end_token();
  return output_->fetch();
}

std::string DecoderStream::finish() {
  stages_.back()->finish();
  return output_->fetch();
}

Decoder Decoder::joining_with_spaces() {
  Decoder decoder({});
  decoder.joins_with_spaces_ = true;
  return decoder;
}

DecoderStream Decoder::stream() const {
  DecoderStream stream;
  auto output = std::make_unique<DecoderStream::Output>(joins_with_spaces_);
  stream.output_ = output.get();
  stream.stages_.push_back(std::move(output));
  for (const DecoderStep& step : std::views::reverse(steps_)) {
    TokenSink& next = *stream.stages_.back();
    stream.stages_.push_back(make_decoder_stage(step, next));
  }
  return stream;
}

namespace {

std::string one_character(const base::JsonView& json) {
  const std::string& text = json.as_string();
  if (text.empty() || decode_utf8(text, 0).length != static_cast<std::int64_t>(text.size())) {
    json.fail_expected("one character");
  }
  return text;
}

DecoderStep parse_metaspace(const base::JsonView& json) {
  const std::string scheme = string_or(json, "prepend_scheme", "always");
  const bool adds_prefix = bool_or(json, "add_prefix_space", true);
  return MetaspaceDecoding{one_character(json.require("replacement")),
                           scheme != "never" && adds_prefix};
}

DecoderStep parse_step(const base::JsonView& json) {
  constexpr std::int64_t kMaxStrip = 1 << 20;
  const std::string& type = component_type(json);
  if (type == "ByteLevel") {
    return ByteLevelDecoding{};
  }
  if (type == "ByteFallback") {
    return ByteFallbackDecoding{};
  }
  if (type == "Fuse") {
    return FuseDecoding{};
  }
  if (type == "Replace") {
    return ReplaceDecoding{parse_pattern(json.require("pattern")),
                           json.require("content").as_string()};
  }
  if (type == "Strip") {
    return StripDecoding{one_character(json.require("content")),
                         json.require("start").as_integer(0, kMaxStrip),
                         json.require("stop").as_integer(0, kMaxStrip)};
  }
  if (type == "Metaspace") {
    return parse_metaspace(json);
  }
  if (type == "BPEDecoder") {
    const base::JsonView suffix = json.require("suffix");
    if (suffix.as_string().empty()) {
      suffix.fail_expected("a suffix that is not empty");
    }
    return SuffixDecoding{suffix.as_string()};
  }
  refuse_type(json, "decoder");
}

}  // namespace

Decoder Decoder::from_json(const base::JsonView& json) {
  std::vector<DecoderStep> steps;
  for_each_component(json, "decoders",
                     [&](const base::JsonView& part) { steps.push_back(parse_step(part)); });
  return Decoder(std::move(steps));
}

}  // namespace minimax::text

// SPDX-License-Identifier: Apache-2.0
#include "engine/tokenizer.h"

#include <optional>
#include <utility>

#include "base/check.h"
#include "base/json.h"
#include "engine/gguf_tokenizer.h"
#include "io/gguf.h"
#include "io/model_files.h"

namespace minimax {
namespace {

using base::Json;

// JSON that a caller passed: what is wrong with it is an argument's fault, not a file's.
Json parse_argument(std::string_view text, const std::string& name) {
  try {
    return base::parse_json(text, name);
  } catch (const Error& error) {
    throw Error(ErrorCode::kInvalidArgument, error.what());
  }
}

std::vector<text::TextSegment> render(const Tokenizer::Impl& impl, std::string_view messages_json,
                                      const Tokenizer::ChatTemplateOptions& options) {
  const Json messages = parse_argument(messages_json, "messages");
  std::optional<Json> tools;
  if (!options.tools_json.empty()) {
    tools = parse_argument(options.tools_json, "tools");
  }
  text::RenderOptions render_options;
  render_options.tools = tools ? &*tools : nullptr;
  render_options.add_generation_prompt = options.add_generation_prompt;
  return impl.chat_template.render(messages, render_options);
}

Tokenizer::Impl read_tokenizer(const std::filesystem::path& directory) {
  if (const auto gguf = io::find_gguf(directory)) {
    return engine::tokenizer_from_gguf(io::read_gguf(*gguf).metadata);
  }
  return {.tokenizer = text::Tokenizer::from_directory(directory),
          .chat_template = text::ChatTemplate::from_directory(directory),
          .warnings = {}};
}

}  // namespace

Tokenizer::Tokenizer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

std::vector<std::int32_t> Tokenizer::encode(std::string_view text, SpecialTokens special) const {
  return impl_->tokenizer.encode(text, {.parse_special = special == SpecialTokens::kParse});
}

BatchEncoding Tokenizer::encode_batch(std::span<const std::string> texts, PaddingSide side,
                                      std::int32_t pad_token_id, SpecialTokens special) const {
  std::vector<std::vector<std::int32_t>> rows;
  rows.reserve(texts.size());
  for (const std::string& text : texts) {
    rows.push_back(encode(text, special));
  }
  return pad(rows, side, pad_token_id);
}

std::string Tokenizer::decode(std::span<const std::int32_t> ids, bool skip_special_tokens) const {
  return impl_->tokenizer.decode(ids, skip_special_tokens);
}

std::vector<std::string> Tokenizer::batch_decode(
    const std::vector<std::vector<std::int32_t>>& batch, bool skip_special_tokens) const {
  std::vector<std::string> texts;
  texts.reserve(batch.size());
  for (const std::vector<std::int32_t>& ids : batch) {
    texts.push_back(decode(ids, skip_special_tokens));
  }
  return texts;
}

std::string Tokenizer::apply_chat_template(std::string_view messages_json,
                                           const ChatTemplateOptions& options) const {
  return text::join_segments(render(*impl_, messages_json, options));
}

std::vector<std::int32_t> Tokenizer::encode_chat(std::string_view messages_json,
                                                 const ChatTemplateOptions& options) const {
  // The template writes the special tokens itself, as transformers assumes too.
  return impl_->tokenizer.encode(render(*impl_, messages_json, options),
                                 {.add_special_tokens = false});
}

std::int64_t Tokenizer::vocab_size() const { return impl_->tokenizer.vocab_size(); }

std::optional<std::int32_t> Tokenizer::token_to_id(std::string_view token) const {
  return impl_->tokenizer.token_to_id(token);
}

const std::vector<std::string>& Tokenizer::warnings() const { return impl_->warnings; }

Tokenizer AutoTokenizer::from_pretrained(const std::filesystem::path& directory) {
  auto impl = std::make_unique<Tokenizer::Impl>(read_tokenizer(directory));
  impl->warnings = impl->tokenizer.warnings();
  const std::vector<std::string>& more = impl->chat_template.warnings();
  impl->warnings.insert(impl->warnings.end(), more.begin(), more.end());
  return Tokenizer(std::move(impl));
}

}  // namespace minimax

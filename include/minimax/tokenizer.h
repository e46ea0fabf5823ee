// SPDX-License-Identifier: Apache-2.0
// Text to token ids and back, and the chat template.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "minimax/inputs.h"

namespace minimax {

/// Whether text that spells a special token becomes that token. Text of users must not.
enum class SpecialTokens { kAsText, kParse };

/// The tokenizer of a model directory together with its chat template. Thread safety: const
/// members may be called from several threads.
class Tokenizer {
 public:
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;
  ~Tokenizer();

  std::vector<std::int32_t> encode(std::string_view text,
                                   SpecialTokens special = SpecialTokens::kParse) const;

  /// The ids of several texts, filled up to one length: models that generate want it at the left.
  BatchEncoding encode_batch(std::span<const std::string> texts, PaddingSide side,
                             std::int32_t pad_token_id = 0,
                             SpecialTokens special = SpecialTokens::kParse) const;

  /// Throws: Error{kInvalidArgument} for an id outside of the vocabulary.
  std::string decode(std::span<const std::int32_t> ids, bool skip_special_tokens = false) const;
  std::vector<std::string> batch_decode(const std::vector<std::vector<std::int32_t>>& batch,
                                        bool skip_special_tokens = false) const;

  struct ChatTemplateOptions {
    bool add_generation_prompt = true;
    std::string tools_json;  ///< a JSON array of tool descriptions, or empty
  };
  /// Renders a conversation. `messages_json` is a JSON array of {"role", "content"}; content is a
  /// string or a list of {"type": "text", "text": ...} parts.
  /// Throws: Error{kInvalidArgument} naming the message and field.
  std::string apply_chat_template(std::string_view messages_json,
                                  const ChatTemplateOptions& options) const;
  std::string apply_chat_template(std::string_view messages_json) const {
    return apply_chat_template(messages_json, ChatTemplateOptions{});
  }
  /// The token ids of the rendered conversation. Text that came from the conversation never
  /// becomes a special token, whatever it spells.
  std::vector<std::int32_t> encode_chat(std::string_view messages_json,
                                        const ChatTemplateOptions& options) const;
  std::vector<std::int32_t> encode_chat(std::string_view messages_json) const {
    return encode_chat(messages_json, ChatTemplateOptions{});
  }

  std::int64_t vocab_size() const;
  std::optional<std::int32_t> token_to_id(std::string_view token) const;

  /// Oddities found on loading that did not prevent it, for the caller to show.
  const std::vector<std::string>& warnings() const;

  struct Impl;
  explicit Tokenizer(std::unique_ptr<Impl> impl);
  const Impl& impl() const { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

/// As in transformers: picks the tokenizer that a model directory describes.
struct AutoTokenizer {
  /// Reads tokenizer.json, or vocab.json with merges.txt, tokenizer_config.json and the template;
  /// or the metadata of a GGUF file, found as MiniMaxConfig::from_pretrained finds it. A GGUF file
  /// without a tokenizer is an Error{kUnsupported}.
  /// Throws: Error{kCorruptFile, kUnsupported, kIo} naming the file and field.
  static Tokenizer from_pretrained(const std::filesystem::path& directory);
};

}  // namespace minimax

// SPDX-License-Identifier: Apache-2.0
// The decoder of a tokenizer file: from token texts to text. There is only the streaming form;
// decoding everything at once is streaming and then finishing, so that both always agree.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/json.h"
#include "text/split.h"

namespace minimax::text {

struct ByteLevelDecoding {};
struct ByteFallbackDecoding {};
struct FuseDecoding {};
struct ReplaceDecoding {
  Pattern pattern;
  std::string content;
};
struct StripDecoding {
  std::string content;  // one character
  std::int64_t start = 0;
  std::int64_t stop = 0;
};
struct MetaspaceDecoding {
  std::string replacement;
  bool drops_first = true;
};
struct SuffixDecoding {  // "BPEDecoder"
  std::string suffix;
};
using DecoderStep = std::variant<ByteLevelDecoding, ByteFallbackDecoding, FuseDecoding,
                                 ReplaceDecoding, StripDecoding, MetaspaceDecoding, SuffixDecoding>;

/// Receives tokens as chunks of text, each token followed by end_token(), and after the last one
/// finish(). Chunks are whole characters.
class TokenSink {
 public:
  virtual ~TokenSink() = default;
  virtual void text(std::string_view chunk) = 0;
  virtual void end_token() = 0;
  virtual void finish() = 0;
};

/// The text of a growing list of tokens. Movable; not thread safe.
class DecoderStream {
 public:
  /// The new text, as far as later tokens cannot change it.
  std::string push(std::string_view token);
  /// What was held back. The stream takes no more tokens.
  std::string finish();

 private:
  friend class Decoder;
  class Output;

  DecoderStream() = default;

  std::vector<std::unique_ptr<TokenSink>> stages_;  // the last one takes the tokens
  Output* output_ = nullptr;                        // the first stage, where the text arrives
};

/// Thread safety: const methods may run on several threads.
class Decoder {
 public:
  /// From the "decoder" member of a tokenizer file.
  /// Throws: Error{kUnsupported} naming an unknown type, Error{kCorruptFile}.
  static Decoder from_json(const base::JsonView& json);

  explicit Decoder(std::vector<DecoderStep> steps) : steps_(std::move(steps)) {}

  /// Joins tokens with spaces, which is what a file without a decoder asks for.
  static Decoder joining_with_spaces();

  /// Whether tokens are bytes in the byte alphabet and nothing else is done to them.
  bool is_byte_level() const {
    return steps_.size() == 1 && std::holds_alternative<ByteLevelDecoding>(steps_.front());
  }

  /// The decoder must outlive the stream.
  DecoderStream stream() const;

 private:
  std::vector<DecoderStep> steps_;
  bool joins_with_spaces_ = false;
};

}  // namespace minimax::text

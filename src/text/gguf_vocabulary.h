// SPDX-License-Identifier: Apache-2.0
// A byte-level tokenizer as the metadata of GGUF files tells it, in plain values: this folder
// knows no files of models. docs/formats/gguf.md has the keys.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "text/tokenizer.h"

namespace minimax::text {

/// The numbers of tokenizer.ggml.token_type.
enum class GgufTokenType : std::int32_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,  // fills a gap between ids
  kByte = 6,
};

/// What a tokenizer is made of. The spans must outlive the call that reads them.
struct GgufVocabulary {
  std::string source;                   // the file, for messages
  std::span<const std::string> tokens;  // by id
  std::span<const std::int64_t> types;  // by id; empty: all normal
  std::span<const std::string> merges;  // "left right", in the order of their ranks
  std::string pre;                      // the name of the splitting rule
  SpecialTokenIds ids = {};
  std::vector<std::int32_t> more_special_ids = {};  // that end a turn, for example
  std::optional<bool> add_bos = std::nullopt;       // absent: as the splitting rule has it
  std::optional<bool> add_eos = std::nullopt;
};

/// The same with the texts of its own.
struct OwnedGgufVocabulary {
  std::vector<std::string> tokens;
  std::vector<std::int32_t> types;
  std::vector<std::string> merges;
  std::string pre;
  SpecialTokenIds ids;
  bool add_bos = false;
  bool add_eos = false;
  std::vector<std::string> warnings;  // what GGUF has no words for
};

}  // namespace minimax::text

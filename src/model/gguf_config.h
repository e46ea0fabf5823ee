// SPDX-License-Identifier: Apache-2.0
// The configuration of a model from the metadata of a GGUF file, as llama.cpp names it for the
// architecture "minimax-01".
#pragma once

#include <string_view>

#include "io/gguf.h"
#include "io/gguf_metadata.h"
#include "minimax/config.h"

namespace minimax::model {

/// A key that only this library writes and reads, with the names of both schedules.
inline constexpr std::string_view kGgufDecayKey = "minimax.decay_schedule";
inline constexpr std::string_view kGgufMiniMaxDecay = "minimax";
inline constexpr std::string_view kGgufOriginalDecay = "original";

/// GGUF has one factor for the residual stream: it is every alpha, and every beta is 1.
/// Throws: Error{kCorruptFile} naming file and key; Error{kUnsupported} for other architectures
/// and for what this library does not implement (RoPE scaling, shared experts, other gates).
MiniMaxConfig config_from_gguf(const io::GgufMetadata& metadata);

/// The same; a file without a language head ties it to the embeddings.
MiniMaxConfig config_from_gguf(const io::GgufModel& model);

}  // namespace minimax::model

// SPDX-License-Identifier: Apache-2.0
// The streaming form of every decoder step. Private to decoder.cc.
#pragma once

#include <memory>

#include "text/decoder.h"

namespace minimax::text {

/// The stage that does `step` and hands its tokens to `next`. Both arguments must outlive it.
std::unique_ptr<TokenSink> make_decoder_stage(const DecoderStep& step, TokenSink& next);

}  // namespace minimax::text

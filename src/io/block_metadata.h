// SPDX-License-Identifier: Apache-2.0
// How a safetensors file says that a tensor holds blocks of a quantized format: it is U8 with the
// bytes of a row as its innermost extent, and the metadata of its file names the format.
// Layout: docs/formats/quantized_checkpoint.md.
#pragma once

#include <string>
#include <string_view>

#include "io/safetensors_header.h"

namespace minimax::io {

/// The key of the metadata whose value is the name of the tensor's format (quant/format.h).
std::string block_format_key(std::string_view tensor_name);

/// Turns such tensors into entries with a format whose shape counts elements, and takes their keys
/// out of the metadata.
/// Throws: Error{kCorruptFile} for a key without its tensor or a tensor that cannot hold blocks of
/// the format, Error{kUnsupported} for an unknown format.
void apply_block_formats(SafetensorsHeader& header, const std::string& source);

}  // namespace minimax::io

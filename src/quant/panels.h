// SPDX-License-Identifier: Apache-2.0
// The layout that CPU kernels multiply by: sixteen rows of a matrix interleaved, so that a vector
// of sixteen lanes holds the same elements of sixteen rows. It holds what the rows hold, bit for
// bit, in about as many bytes; docs/formats/panels.md describes them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "quant/format.h"
#include "quant/panel_layout.h"

namespace minimax::quant {

/// Whether a format has panels: all but the plain ones.
bool has_panels(Format format);

/// The bytes of one panel, sixteen rows of `elements`, a multiple of 32.
/// Throws: Error{kInvalidArgument} for a format without panels, and where the row does not divide
/// into blocks.
std::int64_t panel_bytes(Format format, std::int64_t elements);

/// The bytes of a matrix in panels: the last one is filled up with rows of zeros.
std::int64_t panels_bytes(Format format, std::int64_t rows, std::int64_t elements);

/// Rows of blocks as files hold them, at any address.
struct BlockRows {
  Format format;
  const std::byte* data;
  std::int64_t stride;  // bytes from one row to the next
  std::int64_t rows;
  std::int64_t elements;  // of a row
};

/// Packs a panel from the first sixteen rows, or from all where there are fewer. Reads and writes
/// several GB/s for the common formats.
void pack_panel(const BlockRows& from, std::span<std::byte> out);

/// Packs all rows: panel after panel.
void pack_panels(const BlockRows& from, std::span<std::byte> out);

/// Decodes a row of a panel exactly as decode_row() decodes it from its blocks.
void decode_panel_row(Format format, std::span<const std::byte> panel, int row,
                      std::span<float> out);

}  // namespace minimax::quant

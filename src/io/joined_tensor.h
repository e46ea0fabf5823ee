// SPDX-License-Identifier: Apache-2.0
// Weights whose codes and scales are tensors of their own, as one tensor of blocks: they are put
// together when they are read.
// Layout: docs/formats/bitsandbytes.md, docs/formats/fp8.md.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "io/checkpoint.h"

namespace minimax::io {

/// Reads bytes of a part.
using ReadPart = std::function<void(const TensorEntry&, std::int64_t, std::span<std::byte>)>;

/// Fills `out` with the bytes of `entry` from `begin` on: blocks of its format, or float32 where it
/// has none. Requires: `joined` is that of `entry`, and the range lies inside.
void read_joined(const JoinedTensor& joined, const TensorEntry& entry, std::int64_t begin,
                 std::span<std::byte> out, const ReadPart& read);

/// Finds such weights among the tensors of a checkpoint and replaces their parts by one entry each.
/// Where their blocks do not divide into those of kernels, the entry has float32 elements.
/// Throws: Error{kCorruptFile} for parts that are missing or do not fit together,
/// Error{kUnsupported} for variants that bitsandbytes does not write; Error{kIo}.
void join_bitsandbytes(Checkpoint& checkpoint);

/// The same for weights of e4m3 numbers with scales beside them, as vLLM, transformers and
/// compressed-tensors write them; scales of activations are left out. Rows that do not divide into
/// blocks of 128 become float32.
/// Throws: Error{kCorruptFile} naming the weight without scales, or the scales that do not fit.
void join_fp8(Checkpoint& checkpoint);

/// read_joined() of such a weight.
void read_joined_fp8(const JoinedTensor& joined, const TensorEntry& entry, std::int64_t begin,
                     std::span<std::byte> out, const ReadPart& read);

}  // namespace minimax::io

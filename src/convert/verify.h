// SPDX-License-Identifier: Apache-2.0
// Whether a quantized checkpoint is what was written: its manifest against its files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace minimax::convert {

struct Damage {
  std::string subject;  // a file or a tensor
  std::string what;
};

struct VerifyReport {
  std::int64_t files = 0;
  std::int64_t tensors = 0;
  std::int64_t bytes = 0;  // of tensors whose checksum was computed
  std::vector<Damage> damages;
};

/// Checks the size and checksum of every file and tensor that the manifest of `folder` names, that
/// the folder has no other tensors, that shapes and formats agree, and that no block has a scale
/// that is not finite.
/// `on_progress` is called with bytes done and in all; it may throw to stop.
/// Throws: Error{kCorruptFile} where there is no readable manifest or checkpoint at all;
/// Error{kIo}.
VerifyReport verify(const std::filesystem::path& folder,
                    const std::function<void(std::int64_t, std::int64_t)>& on_progress = {});

}  // namespace minimax::convert

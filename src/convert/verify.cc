// SPDX-License-Identifier: Apache-2.0
#include "convert/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <span>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "base/file.h"
#include "convert/hash.h"
#include "convert/manifest.h"
#include "convert/row_reader.h"
#include "io/checkpoint_reader.h"
#include "io/input_file.h"
#include "io/safetensors.h"
#include "quant/decode.h"

namespace minimax::convert {
namespace {

namespace fs = std::filesystem;
using base::printable;

constexpr std::int64_t kPieceBytes = std::int64_t{4} << 20;

class Verifier {
 public:
  Verifier(const fs::path& folder, const std::function<void(std::int64_t, std::int64_t)>& progress)
      : folder_(folder), progress_(progress), manifest_(read_manifest(folder / kManifestFile)) {}

  VerifyReport run() {
    for (const ManifestFile& file : manifest_.files) {
      check_file(file);
    }
    // With a damaged header, what it says of the tensors is of no use.
    if (report_.damages.empty()) {
      check_tensors(io::read_safetensors(folder_, io::Parts::kAsStored));
    }
    return std::move(report_);
  }

 private:
  void damage(const std::string& subject, std::string what) {
    report_.damages.push_back({printable(subject), std::move(what)});
  }

  void check_file(const ManifestFile& file) {
    ++report_.files;
    const fs::path path = folder_ / file.name;
    std::error_code ignored;
    if (!fs::is_regular_file(path, ignored)) {
      return damage(file.name, "expected a file, found none");
    }
    const std::int64_t bytes = io::InputFile(path).bytes();
    if (bytes != file.bytes || file.checked_bytes > bytes) {
      return damage(file.name, fmt::format("expected {} bytes, found {}", file.bytes, bytes));
    }
    const std::uint64_t hash = hash_of_file(path, file.checked_bytes);
    if (hash != file.xxh3) {
      damage(file.name, fmt::format("{}: expected the checksum {}, found {}",
                                    file.checked_bytes == bytes ? "content" : "header",
                                    to_hex(file.xxh3), to_hex(hash)));
    }
  }

  void check_tensors(const io::Checkpoint& checkpoint) {
    std::map<std::string_view, const ManifestTensor*> expected;
    for (const ManifestTensor& tensor : manifest_.tensors) {
      expected.emplace(tensor.name, &tensor);
      total_bytes_ += tensor.bytes;
      if (checkpoint.find(tensor.name) == nullptr) {
        damage(tensor.name, "expected a tensor, found none");
      }
    }
    const io::CheckpointReader reader(checkpoint);
    for (const io::TensorEntry& entry : checkpoint.tensors) {
      const auto it = expected.find(entry.name);
      if (it == expected.end()) {
        damage(entry.name, "expected only tensors of the manifest, found another");
      } else {
        check_tensor(checkpoint, reader, entry, *it->second);
      }
    }
  }

  void check_tensor(const io::Checkpoint& checkpoint, const io::CheckpointReader& reader,
                    const io::TensorEntry& entry, const ManifestTensor& expected) {
    ++report_.tensors;
    const std::string_view format = io::type_name(entry);
    const std::string file = checkpoint.file_of(entry).path.filename().string();
    // Floating point numbers go by the name of their type in files and of their format in plans.
    const auto as_format = quant::format_from_name(expected.format);
    const bool same_format =
        format == expected.format ||
        (as_format && !entry.format && as_format == quant::format_from_name(format));
    if (entry.shape != expected.shape || !same_format || entry.bytes != expected.bytes ||
        file != expected.file) {
      return damage(entry.name, fmt::format("expected {} {} in {}, found {} {} in {}",
                                            expected.format, expected.shape.to_string(),
                                            expected.file, format, entry.shape.to_string(), file));
    }
    check_bytes(reader, entry, expected.xxh3);
  }

  void check_bytes(const io::CheckpointReader& reader, const io::TensorEntry& entry,
                   std::uint64_t expected) {
    const std::int64_t row_bytes =
        std::max<std::int64_t>(1, rows_of(entry) == 0 ? 1 : entry.bytes / rows_of(entry));
    const std::int64_t piece_bytes = std::max<std::int64_t>(1, kPieceBytes / row_bytes) * row_bytes;
    std::vector<std::byte> piece;
    Hash hash;
    bool is_finite = true;
    for (std::int64_t begin = 0; begin < entry.bytes; begin += piece_bytes) {
      piece.resize(static_cast<std::size_t>(std::min(piece_bytes, entry.bytes - begin)));
      reader.read(entry, begin, piece);
      hash.update(piece);
      is_finite = is_finite && (!entry.format || decodes_to_finite(*entry.format, piece));
      report_.bytes += std::ssize(piece);
      if (progress_) {
        progress_(report_.bytes, total_bytes_);
      }
    }
    if (hash.digest() != expected) {
      damage(entry.name, fmt::format("expected the checksum {}, found {}", to_hex(expected),
                                     to_hex(hash.digest())));
    } else if (!is_finite) {
      damage(entry.name, "expected finite scales, found NaN or infinity");
    }
  }

  bool decodes_to_finite(quant::Format format, std::span<const std::byte> bytes) {
    const quant::FormatInfo& info = quant::info(format);
    values_.resize(bytes.size() / static_cast<std::size_t>(info.block_bytes) *
                   static_cast<std::size_t>(info.block_elements));
    quant::decode_row(format, bytes, values_);
    return std::ranges::all_of(values_, [](float value) { return std::isfinite(value); });
  }

  const fs::path& folder_;
  const std::function<void(std::int64_t, std::int64_t)>& progress_;
  Manifest manifest_;
  VerifyReport report_;
  std::int64_t total_bytes_ = 0;
  std::vector<float> values_;
};

}  // namespace

VerifyReport verify(const fs::path& folder,
                    const std::function<void(std::int64_t, std::int64_t)>& on_progress) {
  const fs::path manifest = folder / kManifestFile;
  std::error_code ignored;
  base::check(fs::exists(manifest, ignored), ErrorCode::kCorruptFile, [&] {
    return fmt::format("{}: expected a quantized model with a {}, found none",
                       printable(folder.string()), kManifestFile);
  });
  return Verifier(folder, on_progress).run();
}

}  // namespace minimax::convert

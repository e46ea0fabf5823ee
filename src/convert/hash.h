// SPDX-License-Identifier: Apache-2.0
// The checksum of manifests: XXH3 with 64 bits, of bytes that come in pieces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace minimax::convert {

class Hash {
 public:
  Hash();
  ~Hash();
  Hash(const Hash&) = delete;
  Hash& operator=(const Hash&) = delete;

  void update(std::span<const std::byte> bytes);
  void update(std::string_view bytes);
  std::uint64_t digest() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::uint64_t hash_of(std::string_view bytes);

/// The checksum of the first `bytes` of a file. Throws: Error{kIo}, also where it is shorter.
std::uint64_t hash_of_file(const std::filesystem::path& path, std::int64_t bytes);

/// Sixteen hexadecimal digits.
std::string to_hex(std::uint64_t hash);

}  // namespace minimax::convert

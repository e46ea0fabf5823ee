// SPDX-License-Identifier: Apache-2.0
#include "convert/hash.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <new>
#include <vector>

#include "io/input_file.h"

namespace minimax::convert {

struct Hash::State {
  State() : xxh3(XXH3_createState()) {
    if (xxh3 == nullptr) {
      throw std::bad_alloc();
    }
    XXH3_64bits_reset(xxh3);
  }
  ~State() { XXH3_freeState(xxh3); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  XXH3_state_t* xxh3;
};

Hash::Hash() : state_(std::make_unique<State>()) {}
Hash::~Hash() = default;

void Hash::update(std::span<const std::byte> bytes) {
  XXH3_64bits_update(state_->xxh3, bytes.data(), bytes.size());
}

void Hash::update(std::string_view bytes) { update(std::as_bytes(std::span(bytes))); }

std::uint64_t Hash::digest() const { return XXH3_64bits_digest(state_->xxh3); }

std::uint64_t hash_of(std::string_view bytes) {
  Hash hash;
  hash.update(bytes);
  return hash.digest();
}

std::uint64_t hash_of_file(const std::filesystem::path& path, std::int64_t bytes) {
  constexpr std::int64_t kPiece = 1 << 20;
  const io::InputFile file(path);
  std::vector<std::byte> piece(static_cast<std::size_t>(std::min(bytes, kPiece)));
  Hash hash;
  for (std::int64_t begin = 0; begin < bytes; begin += kPiece) {
    const auto part =
        std::span(piece).first(static_cast<std::size_t>(std::min(kPiece, bytes - begin)));
    file.read(begin, part);
    hash.update(part);
  }
  return hash.digest();
}

std::string to_hex(std::uint64_t hash) { return fmt::format("{:016x}", hash); }

}  // namespace minimax::convert

// SPDX-License-Identifier: Apache-2.0
// Who may ask: API keys, and names by which browsers may reach the server.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace minimax::server {

/// A set of API keys. Only their SHA-256 digests are kept. Thread safety: const members may be
/// called from several threads.
class ApiKeys {
 public:
  ApiKeys() = default;
  /// Empty keys are left out.
  explicit ApiKeys(const std::vector<std::string>& keys);

  bool is_empty() const { return digests_.empty(); }

  /// The digest of `key` in hexadecimal where it is one of ours. Takes the same time for every
  /// key of a length, right or wrong.
  std::optional<std::string> find(std::string_view key) const;

 private:
  using Digest = std::array<unsigned char, 32>;
  static Digest digest_of(std::string_view key);

  std::vector<Digest> digests_;
};

/// The key of "Authorization: Bearer KEY", or nothing. The scheme may be written in any case.
std::optional<std::string> bearer_key(std::string_view authorization);

/// Whether `host`, the value of a Host header, cannot be a foreign name that was pointed at this
/// machine: an IP address, localhost, or one of `allowed`. The port does not matter.
bool is_trusted_host(std::string_view host, const std::vector<std::string>& allowed);

/// Whether an address to listen at is reached from this machine only.
bool is_loopback(std::string_view address);

}  // namespace minimax::server

// SPDX-License-Identifier: Apache-2.0
#include "server/auth.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cctype>

namespace minimax::server {
namespace {

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) ==
           std::tolower(static_cast<unsigned char>(y));
  });
}

bool is_ip_address(const std::string& text) {
  in_addr four{};
  in6_addr six{};
  return ::inet_pton(AF_INET, text.c_str(), &four) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), &six) == 1;
}

// The name without the port, and without the brackets of an address.
std::string host_name(std::string_view host) {
  if (host.starts_with('[')) {
    return std::string(host.substr(1, host.find(']') - 1));
  }
  return std::string(host.substr(0, host.rfind(':')));
}

}  // namespace

ApiKeys::ApiKeys(const std::vector<std::string>& keys) {
  for (const std::string& key : keys) {
    if (!key.empty()) {
      digests_.push_back(digest_of(key));
    }
  }
}

ApiKeys::Digest ApiKeys::digest_of(std::string_view key) {
  Digest digest{};
  ::SHA256(reinterpret_cast<const unsigned char*>(key.data()), key.size(), digest.data());
  return digest;
}

std::optional<std::string> ApiKeys::find(std::string_view key) const {
  const Digest digest = digest_of(key);
  bool is_known = false;
  for (const Digest& each : digests_) {
    is_known |= ::CRYPTO_memcmp(each.data(), digest.data(), digest.size()) == 0;
  }
  if (!is_known) {
    return std::nullopt;
  }
  std::string text;
  for (const unsigned char byte : digest) {
    text += fmt::format("{:02x}", byte);
  }
  return text;
}

std::optional<std::string> bearer_key(std::string_view authorization) {
  constexpr std::string_view kScheme = "Bearer ";
  if (authorization.size() <= kScheme.size() ||
      !equal_ignoring_case(authorization.substr(0, kScheme.size()), kScheme)) {
    return std::nullopt;
  }
  authorization.remove_prefix(
      std::min(authorization.find_first_not_of(' ', kScheme.size()), authorization.size()));
  return std::string(authorization);
}

bool is_trusted_host(std::string_view host, const std::vector<std::string>& allowed) {
  const std::string name = host_name(host);
  return is_ip_address(name) || equal_ignoring_case(name, "localhost") ||
         std::ranges::any_of(allowed, [&](const std::string& each) {
           return equal_ignoring_case(name, each) || equal_ignoring_case(host, each);
         });
}

bool is_loopback(std::string_view address) {
  const std::string text(address);
  in_addr four{};
  if (::inet_pton(AF_INET, text.c_str(), &four) == 1) {
    return (ntohl(four.s_addr) >> 24) == 127;
  }
  return text == "::1" || text == "localhost";
}

}  // namespace minimax::server

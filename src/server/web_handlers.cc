// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <span>
#include <string>

#include "server/handlers.h"
#include "server/web_assets.h"

namespace minimax::server {
namespace {

// What a model writes may look like a page of its own, so nothing runs, loads or is sent to but
// what came from here, and the page never becomes part of another.
constexpr const char* kContentSecurityPolicy =
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "object-src 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

const WebAsset* find_asset(std::string_view name) {
  const std::span<const WebAsset> all = web_assets();
  const auto it = std::ranges::find(all, name, &WebAsset::name);
  return it == all.end() ? nullptr : &*it;
}

// Browsers keep the files, and ask each time whether they are still the same.
bool has_current(const Call& call, const WebAsset& asset) {
  return std::ranges::any_of(call.header("if-none-match"), [&](std::string_view value) {
    return value == "*" || value.find(asset.etag) != std::string_view::npos;
  });
}

Reply asset_reply(const Call& call, const WebAsset& asset) {
  Reply reply{.content_type = std::string(asset.content_type),
              .headers = {{"Content-Security-Policy", kContentSecurityPolicy},
                          {"Referrer-Policy", "no-referrer"},
                          {"Cache-Control", "no-cache"},
                          {"ETag", std::string(asset.etag)}}};
  if (has_current(call, asset)) {
    reply.status = 304;
  } else {
    reply.body = std::string(asset.content);
  }
  return reply;
}

}  // namespace

Outcome handle_page(const RouteContext& /*context*/, const Call& call) {
  return asset_reply(call, *find_asset("index.html"));
}

Outcome handle_asset(const RouteContext& /*context*/, const Call& call) {
  const std::string_view path = call.path();
  const WebAsset* asset = find_asset(path.substr(path.rfind('/') + 1));
  if (asset == nullptr || path != "/web/" + std::string(asset->name)) {
    throw ApiError({.status = 404, .message = "The page has no such file.", .code = "not_found"});
  }
  return asset_reply(call, *asset);
}

}  // namespace minimax::server

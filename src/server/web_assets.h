// SPDX-License-Identifier: Apache-2.0
// The files of the chat page, which the build turns into part of the program
// (cmake/MinimaxWebAssets.cmake).
#pragma once

#include <span>
#include <string_view>

namespace minimax::server {

struct WebAsset {
  std::string_view name;          ///< as in the folder web/
  std::string_view content_type;  ///< with its charset
  std::string_view etag;          ///< with its quotes; changes with the content
  std::string_view content;
};

std::span<const WebAsset> web_assets();

}  // namespace minimax::server

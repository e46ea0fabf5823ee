// SPDX-License-Identifier: Apache-2.0
// Server-sent events: how streams are framed.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"

namespace minimax::server {

/// "data: ...\n\n". Requires: no line ends in `data`, which JSON never has.
std::string sse_data(std::string_view data);

/// With "event: ..." before.
std::string sse_event(std::string_view event, std::string_view data);

/// The text of an object without its closing brace, for streams that write equal members often.
std::string open_object(const base::JsonObject& members);

/// What ends a stream of OpenAI's protocol that did not fail.
inline constexpr std::string_view kSseDone = "data: [DONE]\n\n";

/// A comment, which clients ignore and which keeps proxies from closing a silent connection.
inline constexpr std::string_view kSsePing = ": ping\n\n";

}  // namespace minimax::server

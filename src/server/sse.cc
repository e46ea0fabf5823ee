// SPDX-License-Identifier: Apache-2.0
#include "server/sse.h"

namespace minimax::server {

std::string sse_data(std::string_view data) {
  std::string text = "data: ";
  text += data;
  return text += "\n\n";
}

std::string sse_event(std::string_view event, std::string_view data) {
  std::string text = "event: ";
  text += event;
  text += '\n';
  return text += sse_data(data);
}

}  // namespace minimax::server

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

std::string open_object(const base::JsonObject& members) {
  std::string text = base::write_json(members);
  text.pop_back();
  return text;
}

}  // namespace minimax::server

// SPDX-License-Identifier: Apache-2.0
// Bodies of requests to every route that takes one: each gets a response or becomes a job.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "server/test_api.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using minimax::server::Call;
  using minimax::server::Route;
  static minimax::server::TestApi test;
  std::vector<const Route*> posts;
  for (const Route& route : minimax::server::routes()) {
    if (route.method == "POST") {
      posts.push_back(&route);
    }
  }
  if (size == 0) {
    return 0;
  }
  const std::string body(reinterpret_cast<const char*>(data) + 1, size - 1);
  Call call =
      minimax::server::TestApi::post(std::string(posts[data[0] % posts.size()]->path), body);
  const minimax::server::Outcome outcome = test.api().handle(call);
  const auto* reply = std::get_if<minimax::server::Reply>(&outcome);
  if (reply != nullptr && reply->status >= 500) {
    std::abort();  // whatever a client sends, it is no defect of the server
  }
  return 0;
}

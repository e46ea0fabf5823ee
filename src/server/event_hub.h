// SPDX-License-Identifier: Apache-2.0
// Carries events from the thread of the engine to the thread of the sockets. All that one step of
// the engine says wakes the sockets once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <vector>

#include "serving/request.h"

namespace minimax::server {

class EventHub {
 public:
  using Receiver = std::function<void(std::size_t request, serving::Event event)>;

  /// `wake` must make deliver() run soon on the thread of the sockets; any thread may call it.
  explicit EventHub(std::function<void()> wake) : wake_(std::move(wake)) {}

  /// What is posted to the returned id goes to `receiver` until close(). Thread of the sockets.
  std::uint64_t open(Receiver receiver);
  /// What is on its way to the id is dropped. Thread of the sockets.
  void close(std::uint64_t id) { receivers_.erase(id); }
  std::size_t open_count() const { return receivers_.size(); }

  /// Any thread. Never blocks for long.
  void post(std::uint64_t id, std::size_t request, serving::Event event);
  /// Hands out what was posted, in its order. Receivers may open and close. Thread of the sockets.
  void deliver();

 private:
  struct Posted {
    std::uint64_t id = 0;
    std::size_t request = 0;
    serving::Event event;
  };

  std::function<void()> wake_;
  std::map<std::uint64_t, Receiver> receivers_;
  std::uint64_t next_id_ = 1;
  std::mutex mutex_;
  std::vector<Posted> posted_;
};

}  // namespace minimax::server

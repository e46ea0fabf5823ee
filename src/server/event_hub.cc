// SPDX-License-Identifier: Apache-2.0
#include "server/event_hub.h"

#include <utility>

namespace minimax::server {

std::uint64_t EventHub::open(Receiver receiver) {
  receivers_.emplace(next_id_, std::move(receiver));
  return next_id_++;
}

void EventHub::post(std::uint64_t id, std::size_t request, serving::Event event) {
  bool is_first = false;
  {
    const std::scoped_lock lock(mutex_);
    is_first = posted_.empty();
    posted_.push_back({id, request, std::move(event)});
  }
  if (is_first) {
    wake_();
  }
}

void EventHub::deliver() {
  std::vector<Posted> posted;
  {
    const std::scoped_lock lock(mutex_);
    posted.swap(posted_);
  }
  for (Posted& each : posted) {
    const auto it = receivers_.find(each.id);
    if (it != receivers_.end()) {
      it->second(each.request, std::move(each.event));
    }
  }
}

}  // namespace minimax::server

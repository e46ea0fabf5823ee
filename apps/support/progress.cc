// SPDX-License-Identifier: Apache-2.0
#include "support/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

namespace minimax::apps {
namespace {

constexpr std::chrono::milliseconds kQuietTime{500};
constexpr std::chrono::milliseconds kRedrawTime{100};
constexpr std::chrono::seconds kPlainLineTime{5};
constexpr int kLargestBar = 40;
constexpr int kSmallestBar = 5;

}  // namespace

std::string progress_line(const std::string& label, std::int64_t done, std::int64_t total,
                          int columns) {
  const std::int64_t percent = total > 0 ? std::clamp<std::int64_t>(done * 100 / total, 0, 100) : 0;
  const std::string end = fmt::format("{:3d} %", percent);
  const int room = columns - static_cast<int>(label.size() + end.size()) - 6;
  if (room < kSmallestBar) {
    const std::string line = fmt::format("{} {}", label, end);
    return line.substr(0, static_cast<std::size_t>(std::max(columns - 1, 0)));
  }
  const int width = std::min(room, kLargestBar);
  const int filled = static_cast<int>(percent) * width / 100;
  return fmt::format("{}  [{:#<{}}{:-<{}}] {}", label, "", filled, "", width - filled, end);
}

Progress::Progress(std::string label)
    : terminal_(describe_terminal(STDERR_FILENO)),
      label_(std::move(label)),
      next_(Clock::now() + (terminal_.can_rewrite ? Clock::duration(kQuietTime)
                                                  : Clock::duration(kPlainLineTime))) {}

Progress::~Progress() { finish(); }

void Progress::update(std::int64_t done, std::int64_t total) {
  const Clock::time_point now = Clock::now();
  if (now < next_) {
    return;
  }
  if (terminal_.can_rewrite) {
    write_message("\r" + progress_line(label_, done, total, terminal_.columns) + "\x1b[K");
    shown_ = true;
    next_ = now + kRedrawTime;
  } else {
    write_message(fmt::format("{}: {} %\n", label_, total > 0 ? done * 100 / total : 0));
    next_ = now + kPlainLineTime;
  }
}

void Progress::finish() {
  if (shown_) {
    write_message("\r\x1b[K");
    shown_ = false;
  }
}

}  // namespace minimax::apps

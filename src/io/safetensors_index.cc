// SPDX-License-Identifier: Apache-2.0
#include "io/safetensors_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>

#include "base/check.h"
#include "base/file.h"
#include "io/json_cursor.h"
#include "io/safetensors_header.h"

namespace minimax::io {
namespace {

using base::printable;

// Bounds the number of items from the text's size. Shorter than any pair with a tensor's name of
// three bytes, "abc":"a", and shorter names are few.
constexpr std::size_t kSmallItemBytes = 10;
constexpr std::size_t kShortNames = 16'384;
constexpr std::size_t kMaxShardNameBytes = 1024;

bool leads_out(std::string_view shard) {
  const std::filesystem::path path(shard);
  return path.is_absolute() || std::ranges::find(path, "..") != path.end();
}

class IndexParser {
 public:
  IndexParser(std::span<char> json, const std::string& source)
      : json_(json), cursor_(json, source), source_(source) {}

  SafetensorsIndex parse() {
    bool has_map = false;
    bool has_metadata = false;
    cursor_.each_member([&](std::string_view key) {
      cursor_.set_subject(key);
      bool ignored = false;
      bool& seen = key == "weight_map" ? has_map : key == "metadata" ? has_metadata : ignored;
      if (std::exchange(seen, true)) {
        cursor_.refuse("appears twice");
      }
      if (key == "weight_map") {
        parse_weight_map();
      } else {
        cursor_.skip_value();
      }
      cursor_.set_subject({});
    });
    cursor_.expect_end(/*any_space=*/true);
    if (!has_map) {
      cursor_.refuse("expected a member \"weight_map\", found none");
    }
    number_shards();
    check_names();
    return std::move(index_);
  }

 private:
  void parse_weight_map() {
    const auto colons = static_cast<std::size_t>(std::count(json_.begin(), json_.end(), ':'));
    index_.items.reserve(std::min({colons, json_.size() / kSmallItemBytes + kShortNames,
                                   static_cast<std::size_t>(kMaxTensors)}));
    cursor_.each_member([this](std::string_view tensor) {
      check_tensor_name(tensor, source_);
      const std::string_view shard = cursor_.string();
      const auto [it, is_new] = shards_.try_emplace(shard, std::ssize(shards_));
      if (is_new) {
        check_shard(tensor, shard);
      }
      if (std::ssize(index_.items) >= kMaxTensors) {
        cursor_.refuse(fmt::format("expected at most {} tensors, found more", kMaxTensors));
      }
      index_.items.push_back({tensor, static_cast<std::int32_t>(it->second)});
    });
  }

  void check_shard(std::string_view tensor, std::string_view shard) const {
    const auto refuse = [&](const std::string& expected) {
      cursor_.refuse(fmt::format("\"{}\": expected {}, found \"{}\"", printable(tensor, 100),
                                 expected, printable(shard, 100)));
    };
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20; };
    if (shard.empty() || shard.size() > kMaxShardNameBytes ||
        std::ranges::any_of(shard, is_control)) {
      refuse(fmt::format("a file name of 1 to {} bytes", kMaxShardNameBytes));
    }
    if (leads_out(shard)) {
      refuse("a file inside the model's folder");
    }
    if (std::ssize(shards_) > kMaxShards) {
      cursor_.refuse(fmt::format("expected at most {} files, found more", kMaxShards));
    }
  }

  // The map numbers shards in the order of appearance; the result has them sorted by name.
  void number_shards() {
    std::vector<std::int32_t> rank_of(shards_.size());
    index_.shards.reserve(shards_.size());
    for (const auto& [shard, first_seen] : shards_) {
      rank_of[static_cast<std::size_t>(first_seen)] =
          static_cast<std::int32_t>(index_.shards.size());
      index_.shards.emplace_back(shard);
    }
    for (SafetensorsIndex::Item& item : index_.items) {
      item.shard = rank_of[static_cast<std::size_t>(item.shard)];
    }
  }

  void check_names() {
    std::vector<SafetensorsIndex::Item>& items = index_.items;
    const auto by_name = [](const auto& a, const auto& b) { return a.tensor < b.tensor; };
    if (!std::is_sorted(items.begin(), items.end(), by_name)) {
      std::sort(items.begin(), items.end(), by_name);
    }
    const auto twin =
        std::adjacent_find(items.begin(), items.end(),
                           [](const auto& a, const auto& b) { return a.tensor == b.tensor; });
    if (twin != items.end()) {
      cursor_.refuse(
          fmt::format("weight_map: the tensor \"{}\" appears twice", printable(twin->tensor, 100)));
    }
  }

  std::span<char> json_;
  JsonCursor cursor_;
  const std::string& source_;
  std::map<std::string_view, std::int64_t> shards_;
  SafetensorsIndex index_;
};

}  // namespace

SafetensorsIndex parse_safetensors_index(std::span<char> json, const std::string& source) {
  return IndexParser(json, source).parse();
}

}  // namespace minimax::io

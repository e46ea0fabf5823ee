// SPDX-License-Identifier: Apache-2.0
#include "convert/model_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>

#include "base/file.h"
#include "base/json.h"
#include "io/safetensors.h"
#include "minimax/error.h"

namespace minimax::convert {
namespace {

namespace fs = std::filesystem;
using base::Json;
using base::JsonObject;

constexpr const char* kConfigFile = "config.json";

constexpr std::array kCopiedFiles = {
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "chat_template.json",
    "vocab.json",
    "merges.txt",
    "added_tokens.json",
    "special_tokens_map.json",
};

SourceFile describe(const fs::path& path) {
  std::error_code error;
  const auto bytes = static_cast<std::int64_t>(fs::file_size(path, error));
  const auto time = fs::last_write_time(path, error);
  if (error) {
    throw Error(ErrorCode::kIo, fmt::format("{}: cannot stat: {}", base::printable(path.string()),
                                            error.message()));
  }
  return {path.filename().string(), bytes,
          std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count()};
}

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

void set_member(JsonObject& object, const std::string& key, Json value) {
  const auto it = std::ranges::find(object, key, &base::JsonMember::first);
  if (it != object.end()) {
    it->second = std::move(value);
  } else {
    object.emplace_back(key, std::move(value));
  }
}

void write_config(Json config, const JsonObject& members, const fs::path& folder) {
  for (const auto& [key, value] : members) {
    set_member(config.object(), key, value);
  }
  base::write_file_atomically(folder / kConfigFile,
                              base::write_json(config, base::JsonStyle::kIndented) + "\n");
}

void write_index(const std::vector<OutputFile>& files, const fs::path& folder) {
  std::map<std::string, std::string, std::less<>> by_name;
  std::int64_t bytes = 0;
  for (const OutputFile& file : files) {
    for (const OutputGroup& group : file.groups) {
      bytes += group.bytes();
      for (const OutputTensor& tensor : group.tensors) {
        by_name.emplace(tensor.plan.name, file.name);
      }
    }
  }
  JsonObject weight_map;
  for (const auto& [name, file] : by_name) {
    weight_map.emplace_back(name, file);
  }
  const Json index = JsonObject{{"metadata", JsonObject{{"total_size", bytes}}},
                                {"weight_map", std::move(weight_map)}};
  base::write_file_atomically(folder / io::kSafetensorsIndexFile,
                              base::write_json(index, base::JsonStyle::kIndented) + "\n");
}

}  // namespace

Json quantization_config(const QuantizePlan& plan) {
  std::map<std::string, std::int64_t, std::less<>> counts;
  for (const PlannedTensor& tensor : plan.tensors) {
    ++counts[std::string(stored_as(tensor))];
  }
  JsonObject formats;
  for (const auto& [name, count] : counts) {
    formats.emplace_back(name, count);
  }
  return JsonObject{{"quant_method", "minimax"},
                    {"version", 1},
                    {"bits_per_element", plan.bits_per_element()},
                    {"tensors_by_format", std::move(formats)}};
}

std::vector<SourceFile> source_files(const io::Checkpoint& checkpoint) {
  std::vector<SourceFile> files;
  for (const io::CheckpointFile& file : checkpoint.files) {
    files.push_back(describe(file.path));
  }
  return files;
}

ModelFiles read_model_files(const fs::path& model) {
  ModelFiles files;
  const std::string path = (model / kConfigFile).string();
  files.config = base::read_json_file(path);
  base::JsonView(files.config, path).as_object();
  for (const char* name : kCopiedFiles) {
    if (is_file(model / name)) {
      files.others.push_back({name, base::read_file(model / name)});
    }
  }
  return files;
}

std::vector<std::string> write_model_files(const ModelFiles& model,
                                           const JsonObject& config_members,
                                           const std::vector<OutputFile>& shards,
                                           const fs::path& folder) {
  std::vector<std::string> names{kConfigFile};
  write_config(model.config, config_members, folder);
  if (shards.size() > 1) {
    write_index(shards, folder);
    names.emplace_back(io::kSafetensorsIndexFile);
  }
  for (const TextFile& file : model.others) {
    base::write_file_atomically(folder / file.name, file.text);
    names.push_back(file.name);
  }
  return names;
}

}  // namespace minimax::convert

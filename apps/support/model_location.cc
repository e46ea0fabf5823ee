// SPDX-License-Identifier: Apache-2.0
#include "support/model_location.h"

#include <fmt/format.h>

#include <system_error>

#include "base/file.h"
#include "io/hub_cache.h"
#include "minimax/error.h"
#include "support/environment.h"

namespace minimax::apps {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDemonstrationModel = "tiny-minimax";

io::HubEnvironment hub_environment() {
  return {.hf_hub_cache = environment_value("HF_HUB_CACHE"),
          .huggingface_hub_cache = environment_value("HUGGINGFACE_HUB_CACHE"),
          .hf_home = environment_value("HF_HOME"),
          .hf_hub_offline = environment_value("HF_HUB_OFFLINE"),
          .xdg_cache_home = environment_value("XDG_CACHE_HOME"),
          .home = environment_value("HOME")};
}

bool is_directory(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

bool has_model(const fs::path& directory) {
  std::error_code ignored;
  return fs::is_regular_file(directory / "config.json", ignored);
}

}  // namespace

fs::path resolve_model(const std::string& name) {
  return io::resolve_model(name, hub_environment());
}

bool looks_like_model(const std::string& argument) {
  if (is_directory(argument)) {
    return true;
  }
  return argument.find('/') != std::string::npos &&
         argument.find_first_of(" \t\r\n") == std::string::npos;
}

fs::path demonstration_model() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  const fs::path bin = program.parent_path();
  fs::path installed = bin.parent_path() / "share/minimax/models" / kDemonstrationModel;
  if (has_model(installed)) {
    return installed;
  }
  for (fs::path folder = bin; folder.has_relative_path(); folder = folder.parent_path()) {
    if (has_model(folder / "models" / kDemonstrationModel)) {
      return folder / "models" / kDemonstrationModel;
    }
  }
  throw Error(ErrorCode::kCorruptFile,
              fmt::format("the demonstration model: expected it in {} or in models/{} above {}; "
                          "name a model",
                          base::printable(installed.string()), kDemonstrationModel,
                          base::printable(bin.string())));
}

}  // namespace minimax::apps

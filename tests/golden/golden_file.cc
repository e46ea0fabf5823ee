// SPDX-License-Identifier: Apache-2.0
#include "tests/golden/golden_file.h"

#include <algorithm>
#include <span>

#include "io/checkpoint_reader.h"
#include "io/safetensors.h"

namespace minimax::testing {
namespace {

const std::filesystem::path kSource = MINIMAX_SOURCE_DIR;
const std::filesystem::path kFolder = kSource / "tests/golden";

// The folders of `parent` that hold a model with its golden, from kFolder on.
std::vector<std::string> model_folders(const std::filesystem::path& parent) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(parent)) {
    if (std::filesystem::exists(entry.path() / "golden.safetensors") &&
        std::filesystem::exists(entry.path() / "config.json")) {
      names.push_back(entry.path().lexically_relative(kFolder).generic_string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

std::vector<std::string> random_model_names() {
  std::vector<std::string> names = model_folders(kFolder);
  const std::vector<std::string> windows = model_folders(kFolder / "window");
  names.insert(names.end(), windows.begin(), windows.end());
  return names;
}

std::vector<std::string> head_model_names() { return model_folders(kFolder / "heads"); }

std::filesystem::path golden_model_directory(const std::string& name) {
  return name == kDemonstrationModel ? kSource / "models" / name : kFolder / name;
}

std::filesystem::path golden_path(const std::string& name) {
  return kFolder / name / "golden.safetensors";
}

GoldenFile::GoldenFile(const std::filesystem::path& path)
    : checkpoint_(io::read_safetensors(path)) {}

template <class T>
std::vector<T> GoldenFile::read(const std::string& tensor) const {
  const io::TensorEntry& entry = checkpoint_.require(tensor);
  std::vector<T> values(static_cast<std::size_t>(entry.shape.elements()));
  io::CheckpointReader(checkpoint_).read(entry, std::as_writable_bytes(std::span(values)));
  return values;
}

std::vector<std::string> GoldenFile::names() const {
  std::vector<std::string> names;
  for (const io::TensorEntry& entry : checkpoint_.tensors) {
    names.push_back(entry.name);
  }
  return names;
}

std::vector<std::int64_t> GoldenFile::shape(const std::string& tensor) const {
  const tensor::Shape& shape = checkpoint_.require(tensor).shape;
  std::vector<std::int64_t> dimensions;
  for (int i = 0; i < shape.rank(); ++i) {
    dimensions.push_back(shape[i]);
  }
  return dimensions;
}

bool GoldenFile::is_float(const std::string& tensor) const {
  return checkpoint_.require(tensor).dtype == tensor::DType::kF32;
}

std::vector<float> GoldenFile::floats(const std::string& tensor) const {
  return read<float>(tensor);
}

std::vector<std::int64_t> GoldenFile::integers(const std::string& tensor) const {
  return read<std::int64_t>(tensor);
}

std::vector<std::byte> GoldenFile::bytes(const std::string& tensor) const {
  return read<std::byte>(tensor);
}

std::vector<std::string> GoldenFile::sequences() const {
  constexpr std::string_view kEnding = ".logits";
  std::vector<std::string> names;
  for (const io::TensorEntry& entry : checkpoint_.tensors) {
    if (entry.name.ends_with(kEnding)) {
      names.push_back(entry.name.substr(0, entry.name.size() - kEnding.size()));
    }
  }
  return names;
}

std::vector<std::int32_t> GoldenFile::input_ids(const std::string& sequence) const {
  std::vector<std::int32_t> ids;
  for (const std::int64_t id : integers(sequence + ".input_ids")) {
    ids.push_back(static_cast<std::int32_t>(id));
  }
  return ids;
}

std::vector<float> select_rows(const std::vector<float>& matrix, std::int64_t width,
                               const std::vector<std::int64_t>& rows) {
  std::vector<float> selected;
  for (const std::int64_t row : rows) {
    selected.insert(selected.end(), matrix.begin() + row * width,
                    matrix.begin() + (row + 1) * width);
  }
  return selected;
}

}  // namespace minimax::testing

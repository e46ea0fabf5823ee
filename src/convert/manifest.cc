// SPDX-License-Identifier: Apache-2.0
#include "convert/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/check.h"
#include "base/file.h"
#include "base/json.h"
#include "convert/hash.h"
#include "io/input_file.h"

namespace minimax::convert {
namespace {

using base::Json;
using base::JsonArray;
using base::JsonObject;
using base::JsonView;

constexpr std::int64_t kVersion = 1;
constexpr std::int64_t kMaxManifestBytes = std::int64_t{1} << 30;

std::uint64_t as_hash(const JsonView& view) {
  const std::string& text = view.as_string();
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc() || end != text.data() + text.size() || text.size() != 16) {
    view.fail_expected("sixteen hexadecimal digits");
  }
  return value;
}

std::int64_t as_bytes(const JsonView& view) {
  return view.as_integer(0, std::numeric_limits<std::int64_t>::max());
}

// A plain name: the manifest of a stranger must not lead out of the folder.
std::string as_file_name(const JsonView& view) {
  const std::string& name = view.as_string();
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos ||
      name.find('\0') != std::string::npos) {
    view.fail_expected("the name of a file of this folder");
  }
  return name;
}

tensor::Shape as_shape(const JsonView& view) {
  std::vector<std::int64_t> extents;
  for (const JsonView& extent : view.elements()) {
    extents.push_back(as_bytes(extent));
  }
  try {
    return tensor::Shape(extents);
  } catch (const Error&) {
    view.fail_expected("at most 8 extents with a product below 2^63");
  }
}

ManifestFile as_file(const JsonView& view) {
  return {.name = as_file_name(view.require("name")),
          .bytes = as_bytes(view.require("bytes")),
          .checked_bytes = as_bytes(view.require("checked_bytes")),
          .xxh3 = as_hash(view.require("xxh3"))};
}

ManifestTensor as_tensor(const JsonView& view) {
  return {.name = view.require("name").as_string(),
          .file = as_file_name(view.require("file")),
          .format = view.require("format").as_string(),
          .shape = as_shape(view.require("shape")),
          .bytes = as_bytes(view.require("bytes")),
          .xxh3 = as_hash(view.require("xxh3"))};
}

JsonObject to_json(const ManifestFile& file) {
  return {{"name", file.name},
          {"bytes", file.bytes},
          {"checked_bytes", file.checked_bytes},
          {"xxh3", to_hex(file.xxh3)}};
}

JsonObject to_json(const ManifestTensor& tensor) {
  JsonArray shape;
  for (int axis = 0; axis < tensor.shape.rank(); ++axis) {
    shape.emplace_back(tensor.shape[axis]);
  }
  return {{"name", tensor.name},       {"file", tensor.file},   {"format", tensor.format},
          {"shape", std::move(shape)}, {"bytes", tensor.bytes}, {"xxh3", to_hex(tensor.xxh3)}};
}

}  // namespace

bool Manifest::has_file(const std::string& name) const {
  return std::ranges::find(files, name, &ManifestFile::name) != files.end();
}

Manifest read_manifest(const std::filesystem::path& path) {
  return parse_manifest(base::read_file(path, kMaxManifestBytes), base::printable(path.string()));
}

Manifest parse_manifest(std::string_view text, const std::string& source) {
  const Json json = base::parse_json(text, source);
  const JsonView root(json, source);
  root.as_object();
  const JsonView version = root.require("version");
  base::check(version.as_integer(0, std::numeric_limits<std::int64_t>::max()) == kVersion,
              ErrorCode::kUnsupported, [&] {
                return fmt::format("{}: /version: expected {}, found {}", source, kVersion,
                                   version.value().integer());
              });
  Manifest manifest;
  manifest.plan = as_hash(root.require("plan"));
  for (const JsonView& file : root.require("files").elements()) {
    manifest.files.push_back(as_file(file));
  }
  for (const JsonView& tensor : root.require("tensors").elements()) {
    manifest.tensors.push_back(as_tensor(tensor));
  }
  return manifest;
}

std::string write_manifest(const Manifest& manifest) {
  JsonArray files;
  for (const ManifestFile& file : manifest.files) {
    files.emplace_back(to_json(file));
  }
  JsonArray tensors;
  for (const ManifestTensor& tensor : manifest.tensors) {
    tensors.emplace_back(to_json(tensor));
  }
  const Json json = JsonObject{{"version", kVersion},
                               {"plan", to_hex(manifest.plan)},
                               {"files", std::move(files)},
                               {"tensors", std::move(tensors)}};
  return base::write_json(json, base::JsonStyle::kIndented) + "\n";
}

void write_manifest(const Manifest& manifest, const std::filesystem::path& path) {
  base::write_file_atomically(path, write_manifest(manifest));
}

ManifestFile describe_file(const std::filesystem::path& path) {
  return describe_file(path, io::InputFile(path).bytes());
}

ManifestFile describe_file(const std::filesystem::path& path, std::int64_t checked_bytes) {
  return {.name = path.filename().string(),
          .bytes = io::InputFile(path).bytes(),
          .checked_bytes = checked_bytes,
          .xxh3 = hash_of_file(path, checked_bytes)};
}

}  // namespace minimax::convert

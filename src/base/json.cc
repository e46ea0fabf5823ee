// SPDX-License-Identifier: Apache-2.0
#include "base/json.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "base/check.h"
#include "base/file.h"

namespace minimax::base {
namespace {

namespace dom = simdjson::dom;

[[noreturn]] void fail(const std::string& source, const std::string& what) {
  throw Error(ErrorCode::kCorruptFile, fmt::format("{}: {}", source, what));
}

class Converter {
 public:
  Converter(const std::string& source, DuplicateKeys duplicates)
      : source_(source), duplicates_(duplicates) {}

  Json convert(dom::element element) const {
    switch (element.type()) {
      case dom::element_type::ARRAY:
        return convert_array(element.get_array().value_unsafe());
      case dom::element_type::OBJECT:
        return convert_object(element.get_object().value_unsafe());
      case dom::element_type::STRING:
        return std::string_view(element.get_string().value_unsafe());
      case dom::element_type::INT64:
        return element.get_int64().value_unsafe();
      case dom::element_type::UINT64:
        return static_cast<double>(element.get_uint64().value_unsafe());
      case dom::element_type::DOUBLE:
        return element.get_double().value_unsafe();
      case dom::element_type::BOOL:
        return element.get_bool().value_unsafe();
      case dom::element_type::NULL_VALUE:
        break;
    }
    return nullptr;
  }

 private:
  Json convert_array(dom::array array) const {
    JsonArray result;
    result.reserve(array.size());
    for (dom::element element : array) {
      result.push_back(convert(element));
    }
    return result;
  }

  Json convert_object(dom::object object) const {
    JsonObject result;
    result.reserve(object.size());
    std::unordered_set<std::string_view> seen;
    seen.reserve(object.size());
    for (dom::key_value_pair member : object) {
      const bool is_new = seen.insert(member.key).second;
      if (!is_new && duplicates_ == DuplicateKeys::kRefuse) {
        fail(source_, fmt::format("duplicate key \"{}\"", printable(member.key)));
      }
      if (is_new) {
        result.emplace_back(std::string(member.key), convert(member.value));
      } else {
        std::find_if(result.begin(), result.end(), [&](const JsonMember& m) {
          return m.first == member.key;
        })->second = convert(member.value);
      }
    }
    return result;
  }

  const std::string& source_;
  DuplicateKeys duplicates_;
};

void write_number(double value, std::string& out) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  std::string text = fmt::format("{}", value);
  const bool looks_integral = text.find_first_of(".e") == std::string::npos;
  out += looks_integral ? text + ".0" : text;
}

void write_quoted(std::string_view text, std::string& out) {
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

class Writer {
 public:
  Writer(JsonStyle style, std::string& out) : style_(style), out_(out) {}

  void write(const Json& value, int depth) {
    if (value.is_null()) {
      out_ += "null";
    } else if (value.is_bool()) {
      out_ += value.boolean() ? "true" : "false";
    } else if (value.is_integer()) {
      out_ += fmt::format("{}", value.integer());
    } else if (value.is_number()) {
      write_number(value.number(), out_);
    } else if (value.is_string()) {
      write_quoted(value.string(), out_);
    } else if (value.is_array()) {
      write_array(value.array(), depth);
    } else {
      write_object(value.object(), depth);
    }
  }

 private:
  void write_array(const JsonArray& array, int depth) {
    out_ += '[';
    for (std::size_t i = 0; i < array.size(); ++i) {
      separate(i, depth + 1);
      write(array[i], depth + 1);
    }
    close(array.empty(), depth, ']');
  }

  void write_object(const JsonObject& object, int depth) {
    out_ += '{';
    for (std::size_t i = 0; i < object.size(); ++i) {
      separate(i, depth + 1);
      write_quoted(object[i].first, out_);
      out_ += style_ == JsonStyle::kIndented ? ": " : ":";
      write(object[i].second, depth + 1);
    }
    close(object.empty(), depth, '}');
  }

  void separate(std::size_t index, int depth) {
    if (index > 0) {
      out_ += ',';
    }
    new_line(depth);
  }

  void close(bool empty, int depth, char bracket) {
    if (!empty) {
      new_line(depth);
    }
    out_ += bracket;
  }

  void new_line(int depth) {
    if (style_ == JsonStyle::kIndented) {
      out_ += '\n';
      out_.append(static_cast<std::size_t>(depth) * 2, ' ');
    }
  }

  JsonStyle style_;
  std::string& out_;
};

}  // namespace

double Json::number() const {
  return is_integer() ? static_cast<double>(integer()) : std::get<double>(value_);
}

const Json* Json::find(std::string_view key) const {
  if (!is_object()) {
    return nullptr;
  }
  const JsonObject& members = object();
  const auto it = std::find_if(members.begin(), members.end(),
                               [&](const JsonMember& member) { return member.first == key; });
  return it == members.end() ? nullptr : &it->second;
}

const char* Json::type_name() const {
  static constexpr const char* kNames[] = {"null",   "boolean", "integer", "number",
                                           "string", "array",   "object"};
  return kNames[value_.index()];
}

Json parse_json(std::string_view text, const std::string& source, const JsonParseOptions& options) {
  dom::parser parser;
  if (parser.allocate(std::max<std::size_t>(text.size(), 32),
                      static_cast<std::size_t>(options.max_depth)) != simdjson::SUCCESS) {
    throw Error(ErrorCode::kOutOfMemory,
                fmt::format("{}: no memory to parse {} bytes of JSON", source, text.size()));
  }
  const simdjson::padded_string padded(text);
  const auto result = parser.parse(padded);
  if (result.error() != simdjson::SUCCESS) {
    fail(source, fmt::format("not valid JSON: {}", simdjson::error_message(result.error())));
  }
  return Converter(source, options.duplicate_keys).convert(result.value_unsafe());
}

Json read_json_file(const std::string& path, const JsonParseOptions& options) {
  return parse_json(read_file(path), path, options);
}

std::string write_json(const Json& value, JsonStyle style) {
  std::string out;
  Writer(style, out).write(value, 0);
  return out;
}

std::string quote_json(std::string_view text) {
  std::string out;
  write_quoted(text, out);
  return out;
}

std::optional<JsonView> JsonView::get(std::string_view key) const {
  const Json* member = value_->find(key);
  if (member == nullptr || member->is_null()) {
    return std::nullopt;
  }
  return JsonView(*member, source_, fmt::format("{}/{}", pointer_, key));
}

JsonView JsonView::require(std::string_view key) const {
  const Json* member = value_->find(key);
  if (member == nullptr) {
    fail(source_, fmt::format("{}/{}: missing", pointer_, printable(key)));
  }
  return JsonView(*member, source_, fmt::format("{}/{}", pointer_, key));
}

std::vector<JsonView> JsonView::elements() const {
  if (!value_->is_array()) {
    fail_expected("an array");
  }
  std::vector<JsonView> views;
  views.reserve(value_->array().size());
  for (std::size_t i = 0; i < value_->array().size(); ++i) {
    views.emplace_back(value_->array()[i], source_, fmt::format("{}/{}", pointer_, i));
  }
  return views;
}

std::int64_t JsonView::as_integer(std::int64_t min, std::int64_t max) const {
  if (!value_->is_integer() || value_->integer() < min || value_->integer() > max) {
    fail_expected(fmt::format("an integer from {} to {}", min, max));
  }
  return value_->integer();
}

double JsonView::as_finite() const {
  if (!value_->is_number() || !std::isfinite(value_->number())) {
    fail_expected("a finite number");
  }
  return value_->number();
}

bool JsonView::as_bool() const {
  if (!value_->is_bool()) {
    fail_expected("true or false");
  }
  return value_->boolean();
}

const std::string& JsonView::as_string() const {
  if (!value_->is_string()) {
    fail_expected("a string");
  }
  return value_->string();
}

const JsonObject& JsonView::as_object() const {
  if (!value_->is_object()) {
    fail_expected("an object");
  }
  return value_->object();
}

void JsonView::fail_expected(std::string_view expected) const {
  std::string found =
      value_->is_array() || value_->is_object() ? value_->type_name() : write_json(*value_);
  fail(source_, fmt::format("{}: expected {}, found {}", pointer_.empty() ? "/" : pointer_,
                            expected, printable(found, 80)));
}

}  // namespace minimax::base

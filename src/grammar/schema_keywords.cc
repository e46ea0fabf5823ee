// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "grammar/schema_compiler.h"
#include "minimax/error.h"

namespace minimax::grammar {
namespace {

constexpr std::string_view kSupported[] = {
    "type",
    "enum",
    "const",
    "$ref",
    "anyOf",
    "oneOf",
    "allOf",
    "properties",
    "required",
    "additionalProperties",
    "patternProperties",
    "propertyNames",
    "minProperties",
    "maxProperties",
    "items",
    "prefixItems",
    "additionalItems",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minLength",
    "maxLength",
    "pattern",
    "format",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
};

constexpr std::string_view kAnnotations[] = {
    "$schema",     "$id",         "$comment",        "$defs",
    "definitions", "title",       "default",         "examples",
    "example",     "description", "deprecated",      "readOnly",
    "writeOnly",   "$anchor",     "contentEncoding", "contentMediaType",
};

constexpr std::size_t kMaxProperties = 2000;  // lists of them are searched one by one

bool is_in(std::string_view word, const std::string_view* begin, const std::string_view* end) {
  return std::find(begin, end, word) != end;
}

}  // namespace

void fail_schema(const base::JsonView& schema, const std::string& message) {
  const std::string place = schema.pointer().empty() ? "/" : schema.pointer();
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{}: {}: {}", schema.source(), place, message));
}

bool is_annotation(std::string_view keyword) {
  return keyword.starts_with("x-") ||
         is_in(keyword, std::begin(kAnnotations), std::end(kAnnotations));
}

void check_keywords(const base::JsonView& schema) {
  for (const char* keyword : {"properties", "required"}) {
    const base::Json* list = schema.value().find(keyword);
    const std::size_t size = list == nullptr     ? 0
                             : list->is_object() ? list->object().size()
                             : list->is_array()  ? list->array().size()
                                                 : 0;
    if (size > kMaxProperties) {
      fail_schema(schema,
                  fmt::format("{}: expected at most {}, found {}", keyword, kMaxProperties, size));
    }
  }
  for (const base::JsonMember& member : schema.value().object()) {
    if (!is_annotation(member.first) &&
        !is_in(member.first, std::begin(kSupported), std::end(kSupported))) {
      fail_schema(schema, fmt::format("the keyword {} is not supported; supported are {}",
                                      base::quote_json(member.first.substr(0, 80)),
                                      fmt::join(kSupported, ", ")));
    }
  }
}

std::int64_t count_of(const base::JsonView& schema, const char* keyword, std::int64_t otherwise) {
  const std::optional<base::JsonView> value = schema.get(keyword);
  return value.has_value() ? value->as_integer(0, Grammar::kMaxRepeat) : otherwise;
}

}  // namespace minimax::grammar

// SPDX-License-Identifier: Apache-2.0
#include "grammar/json_schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "grammar/testing.h"
#include "minimax/error.h"

namespace minimax::grammar {
namespace {

using testing::HasSubstr;

std::shared_ptr<const CompiledGrammar> schema(const std::string& json) {
  const base::Json value = base::parse_json(json, "schema");
  return compile(json_schema_grammar(base::JsonView(value, "schema")), shared_test_vocabulary());
}

std::string complaint(const std::string& json) {
  try {
    schema(json);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

void expect(const std::string& json, const std::vector<const char*>& accepted,
            const std::vector<const char*>& refused) {
  const auto grammar = schema(json);
  for (const char* text : accepted) {
    EXPECT_TRUE(matches(grammar, text)) << json << " " << text;
  }
  for (const char* text : refused) {
    EXPECT_FALSE(matches(grammar, text)) << json << " " << text;
  }
}

TEST(JsonSchema, TakesAnyValueWhereNothingIsSaid) {
  for (const char* json : {"{}", "true", R"({"title": "x", "x-order": 1})"}) {
    expect(json, {"1", "-0.5e+10", "\"a\\n\\u00e9\"", "[1, {\"a\":null}]", "{}", "[\n  true\n]"},
           {"", "01", "tru", "[1,]", "{\"a\"}", "\"\\x\"", "\"\\ud800\"", " 1", "1 ", "\"\t\""});
  }
}

TEST(JsonSchema, KeepsPropertiesInOrderAndLeavesOptionalOnesOut) {
  const char* json = R"({"type": "object", "required": ["b"], "properties": {
      "a": {"type": "integer"}, "b": {"type": "boolean"}, "c": {"type": "null"}}})";
  expect(json,
         {R"({"b":true})", R"({"a":1,"b":false})", R"({"a": 1, "b": false, "c": null})",
          "{\n  \"b\": true,\n  \"c\": null\n}"},
         {"{}", R"({"a":1})", R"({"b":true,"a":1})", R"({"b":true,})", R"({"b":true,"d":1})",
          R"({"b":1})", R"({"b":true,"b":true})"});
}

TEST(JsonSchema, LeavesAllOptionalPropertiesOut) {
  expect(R"({"properties": {"a": {"const": 1}, "b": {"const": 2}, "c": {"const": 3}}})",
         {"{}", R"({"a":1})", R"({"b":2})", R"({"c":3})", R"({"a":1,"c":3})", R"({"b":2,"c":3})",
          R"({"a":1,"b":2,"c":3})"},
         {R"({"c":3,"a":1})", R"({,"a":1})", R"({"a":2})", "null"});
}

TEST(JsonSchema, TakesOtherPropertiesBehindTheDeclaredOnes) {
  const char* json = R"({"type": "object", "properties": {"id": {"type": "integer"}},
      "additionalProperties": {"type": "string"}})";
  expect(json,
         {"{}", R"({"id":1})", R"({"id":1,"x":"y","idx":""})", R"({"i":"a"})", R"({"":"a"})",
          R"({"ie":"a"})", R"({"a\"b":"a"})"},
         {R"({"id":"1"})", R"({"x":1})", R"({"x":"y","id":1})", R"({"\u0069d":"1"})"});
}

TEST(JsonSchema, TakesMaps) {
  expect(R"({"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 1,
             "maxProperties": 2, "propertyNames": {"pattern": "^[a-z]+$"}})",
         {R"({"a":1})", R"({"a":1, "bc":2})"}, {"{}", R"({"A":1})", R"({"a":1,"b":2,"c":3})"});
  expect(R"({"type": "object", "patternProperties": {"^x_": {"type": "null"}}})",
         {"{}", R"({"x_":null,"x_1":null})"}, {R"({"y":null})"});
}

TEST(JsonSchema, TakesRequiredNamesThatAreNotDeclared) {
  expect(R"({"type": "object", "required": ["z"]})", {R"({"z":[]})", R"({"z":1,"a":2})"},
         {"{}", R"({"a":1})"});
}

TEST(JsonSchema, CountsItems) {
  expect(R"({"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 3})",
         {"[1,2]", "[1, 2, 3]"}, {"[]", "[1]", "[1,2,3,4]", "[1,\"2\"]"});
  expect(R"({"type": "array", "items": {"type": "integer"}})", {"[]", "[1]", "[1, 2]"}, {"[1,]"});
  expect(R"({"type": "array", "maxItems": 0})", {"[]"}, {"[1]"});
  expect(R"({"items": {"enum": ["a"]}, "minItems": 1, "maxItems": 1})", {"[\"a\"]"},
         {"[]", "[\"a\",\"a\"]"});
}

TEST(JsonSchema, TakesTuples) {
  expect(R"({"type": "array", "prefixItems": [{"const": 1}, {"const": 2}], "items": false})",
         {"[]", "[1]", "[1,2]"}, {"[2]", "[1,2,3]"});
  expect(R"({"type": "array", "prefixItems": [{"const": 1}, {"const": 2}],
             "items": {"const": 3}, "minItems": 2, "maxItems": 4})",
         {"[1,2]", "[1,2,3]", "[1,2,3,3]"}, {"[1]", "[1,2,3,3,3]", "[1,2,4]"});
}

TEST(JsonSchema, TakesValuesAndChoices) {
  expect(R"({"enum": ["a\"b", 1, 1.5, null, [1, {"k": true}]]})",
         {"\"a\\\"b\"", "1", "1.5", "null", "[1, {\"k\": true}]", "[1,{\"k\":true}]"},
         {"\"a\"", "2", "[1]"});
  expect(R"({"type": "string", "enum": ["a", 1]})", {"\"a\""}, {"1"});
  expect(R"({"anyOf": [{"type": "string"}, {"type": "null"}]})", {"\"\"", "null"}, {"1"});
  expect(R"({"type": ["integer", "null"]})", {"0", "null"}, {"0.5"});
  expect(R"({"type": "object", "properties": {"a": {"const": 1}, "b": {"const": 2}},
             "oneOf": [{"required": ["a"]}, {"required": ["b"]}]})",
         {R"({"a":1})", R"({"b":2})", R"({"a":1,"b":2})"}, {"{}"});
}

TEST(JsonSchema, MergesSchemasThatAllHold) {
  expect(R"({"allOf": [{"$ref": "#/$defs/base"}, {"properties": {"b": {"minimum": 3}},
             "required": ["b"]}], "$defs": {"base": {"type": "object", "properties":
             {"a": {"const": 1}, "b": {"type": "integer", "maximum": 5}}}}})",
         {R"({"b":3})", R"({"a":1,"b":5})"}, {"{}", R"({"b":2})", R"({"b":6})"});
  expect(R"({"allOf": [{"type": ["number", "null"]}, {"type": ["integer", "string"]}]})", {"1"},
         {"1.5", "null", "\"\""});
}

TEST(JsonSchema, FollowsReferencesThatRecur) {
  const char* json = R"({"$ref": "#/$defs/node", "$defs": {"node": {"type": "object",
      "properties": {"value": {"type": "integer"}, "children": {"type": "array",
      "items": {"$ref": "#/$defs/node"}}}, "required": ["value", "children"]}}})";
  expect(json,
         {R"({"value":1,"children":[]})",
          R"({"value":1,"children":[{"value":2,"children":[{"value":3,"children":[]}]}]})"},
         {R"({"value":1})", R"({"value":1,"children":[{}]})"});
  expect(R"({"type": "array", "items": {"$ref": "#"}})", {"[]", "[[],[[]]]"}, {"[1]"});
  expect(R"({"properties": {"a~/b": {"const": 1}, "c": {"$ref": "#/properties/a~0~1b"}}})",
         {R"({"c":1})"}, {R"({"c":2})"});
}

TEST(JsonSchema, CountsCharactersOfStrings) {
  expect(R"({"type": "string", "minLength": 2, "maxLength": 3})",
         {"\"ab\"", "\"\xE2\x82\xAC\\n\\u00e9\"", "\"\\ud83d\\ude00a\""},
         {"\"\"", "\"a\"", "\"abcd\"", "\"\\n\""});
  const std::string at_limit = "\"" + std::string(5000, 'x') + "\"";
  const auto grammar = schema(R"({"type": "string", "maxLength": 5000})");
  EXPECT_TRUE(matches(grammar, at_limit));
  EXPECT_FALSE(matches(grammar, "\"x" + at_limit.substr(1)));
}

TEST(JsonSchema, SearchesPatternsAndSpellsThemAsJson) {
  expect(R"({"type": "string", "pattern": "a\"b"})", {"\"xxa\\\"by\"", "\"a\\\"b\""},
         {"\"a\"b\"", "\"ab\""});
  expect(R"({"type": "string", "pattern": "^(a|\\t)*$"})", {"\"\"", "\"aa\\ta\""},
         {"\"b\"", "\"a\t\""});
}

TEST(JsonSchema, KeepsPatternsWithinLengths) {
  expect(R"({"type": "string", "pattern": "^[a-z]+$", "minLength": 1, "maxLength": 5})",
         {"\"a\"", "\"abcde\""}, {"\"\"", "\"abcdef\""});
  expect(R"({"type": "string", "pattern": "^[0-9]{5}$", "minLength": 5, "maxLength": 5})",
         {"\"12345\""}, {"\"1234\""});
  expect(R"({"type": "string", "pattern": "x", "maxLength": 3})", {"\"x\"", "\"axb\""},
         {"\"axbc\"", "\"ab\""});
  expect(R"({"type": "string", "format": "uri", "minLength": 1, "maxLength": 2083})",
         {"\"https://example.org/path\""}, {"\"\""});
  EXPECT_THAT(complaint(R"({"pattern": "^[a-z]+$", "minLength": 2})"),
              HasSubstr("/pattern: minLength and maxLength beside it are only supported where"));
  EXPECT_THAT(complaint(R"({"pattern": "^[a-z]{9}$", "maxLength": 2})"),
              HasSubstr("it has texts of 9 to 9 characters"));
}

TEST(JsonSchema, KnowsFormats) {
  expect(R"({"type": "string", "format": "date"})", {"\"2024-02-29\"", "\"1999-12-31\""},
         {"\"2023-02-29\"", "\"1900-02-29\"", "\"2024-13-01\"", "\"2024-04-31\"", "\"2024-4-1\""});
  expect(R"({"type": "string", "format": "date-time"})",
         {"\"2024-02-29T23:59:59Z\"", "\"2024-01-01T00:00:00.123+05:30\""},
         {"\"2024-02-29\"", "\"2024-02-29T24:00:00Z\"", "\"2024-02-29T00:00:00\""});
  expect(R"({"type": "string", "format": "uuid"})", {"\"123e4567-e89b-12d3-a456-426614174000\""},
         {"\"123e4567e89b12d3a456426614174000\""});
  expect(R"({"type": "string", "format": "email"})", {"\"a.b@example.org\""}, {"\"a@\"", "\"@a\""});
  expect(R"({"type": "string", "format": "ipv4"})", {"\"255.0.10.199\""},
         {"\"256.1.1.1\"", "\"1.1.1\""});
  expect(R"({"type": "string", "format": "ipv6"})",
         {"\"::\"", "\"::1\"", "\"2001:db8::ff00:42:8329\"", "\"1:2:3:4:5:6:7:8\"", "\"1::\""},
         {"\":\"", "\"1:2\"", "\"1::2::3\"", "\"1:2:3:4:5:6:7:8:9\""});
  expect(R"({"type": "string", "format": "uri"})", {"\"https://example.org/a?b=c#d\""},
         {"\"example\"", "\"http://\""});
}

TEST(JsonSchema, KeepsIntegersWithinBounds) {
  for (const auto& [json, low, high] : std::vector<std::tuple<const char*, int, int>>{
           {R"({"type": "integer", "minimum": 7, "maximum": 1234})", 7, 1234},
           {R"({"type": "integer", "minimum": -105, "maximum": 98})", -105, 98},
           {R"({"type": "integer", "exclusiveMinimum": -20.5, "exclusiveMaximum": -3})", -20, -4},
           {R"({"type": "integer", "minimum": 0, "maximum": 0})", 0, 0},
           {R"({"type": "integer", "exclusiveMinimum": 0, "maximum": 10})", 1, 10}}) {
    const auto grammar = schema(json);
    for (int value = -2000; value <= 2000; ++value) {
      EXPECT_EQ(matches(grammar, std::to_string(value)), low <= value && value <= high)
          << json << " " << value;
    }
  }
  expect(R"({"type": "integer", "minimum": 95})", {"95", "100", "12345678901234567890"},
         {"94", "-100", "095"});
  expect(R"({"type": "integer", "maximum": -3})", {"-3", "-4000"}, {"-2", "0", "5"});
}

TEST(JsonSchema, KeepsNumbersWithinBounds) {
  for (const auto& [json, low, high] : std::vector<std::tuple<const char*, int, int>>{
           {R"({"type": "number", "minimum": 0.25, "maximum": 1.5})", 250, 1500},
           {R"({"type": "number", "exclusiveMinimum": -1.04, "exclusiveMaximum": 0.12})", -1039,
            119},
           {R"({"type": "number", "minimum": 1.123, "maximum": 1.129})", 1123, 1129},
           {R"({"type": "number", "exclusiveMaximum": 0, "minimum": -2})", -2000, -1},
           {R"({"type": "number", "minimum": 0.01, "maximum": 0.01})", 10, 10},
           {R"({"type": "number", "exclusiveMinimum": 1, "exclusiveMaximum": 2})", 1001, 1999}}) {
    const auto grammar = schema(json);
    for (int value = -3000; value <= 3000; ++value) {
      char text[32];
      std::snprintf(text, sizeof text, "%s%d.%03d", value < 0 ? "-" : "", std::abs(value) / 1000,
                    std::abs(value) % 1000);
      EXPECT_EQ(matches(grammar, text), low <= value && value <= high) << json << " " << text;
    }
  }
  expect(R"({"type": "number", "minimum": 10.5})", {"10.5", "10.50", "11", "100.0", "10.51"},
         {"10.4", "10", "1e5", "10.", "-11"});
}

TEST(JsonSchema, NamesThePlaceOfWhatIsNotSupported) {
  EXPECT_THAT(complaint(R"({"properties": {"a": {"not": {}}}})"),
              HasSubstr("schema: /properties/a: the keyword \"not\" is not supported; supported "
                        "are type, enum"));
  EXPECT_THAT(complaint(R"({"type": "integer", "multipleOf": 5})"), HasSubstr("multipleOf"));
  EXPECT_THAT(complaint(R"({"type": "foo"})"), HasSubstr("/type: expected object"));
  EXPECT_THAT(complaint(R"({"$ref": "http://example.org/x"})"),
              HasSubstr("/$ref: expected a reference inside"));
  EXPECT_THAT(complaint(R"({"$ref": "#/$defs/x"})"), HasSubstr("/$ref: expected the pointer"));
  EXPECT_THAT(complaint(R"({"$ref": "#"})"), HasSubstr("left recursive"));
  EXPECT_THAT(complaint(R"({"properties": {"a": {"pattern": "("}}})"),
              HasSubstr("schema: /properties/a/pattern: column 2"));
  EXPECT_THAT(complaint(R"({"format": "duration"})"),
              HasSubstr("/format: expected one of the formats date"));
  EXPECT_THAT(complaint(R"({"type": "string", "maxLength": 1000000000})"), HasSubstr("/maxLength"));
  EXPECT_THAT(complaint(R"({"type": "string", "pattern": "a{1000000000}"})"),
              HasSubstr("repetitions"));
  EXPECT_THAT(complaint(R"({"type": "array", "uniqueItems": true})"), HasSubstr("uniqueItems"));
  EXPECT_THAT(complaint("[]"), HasSubstr("expected a schema"));
  EXPECT_THAT(complaint(R"({"type": "integer", "minimum": 5, "maximum": 4})"),
              HasSubstr("matches no text"));
  EXPECT_THAT(complaint(R"({"enum": []})"), HasSubstr("matches no text"));
  EXPECT_THAT(complaint("false"), HasSubstr("matches no text"));
  EXPECT_THAT(complaint(R"({"allOf": [{"$ref": "#"}, {"type": "object"}]})"), HasSubstr("circle"));
}

// The promise is one second; sanitizers are slower.
TEST(JsonSchema, RefusesOrCompilesHostileSchemasInTime) {
  std::string values = R"({"enum": [)";
  for (int i = 0; i < 1'000'000; ++i) {
    values += std::to_string(i) + ",";
  }
  std::string properties = R"({"additionalProperties": true, "properties": {)";
  for (int i = 0; i < 2000; ++i) {
    properties += "\"name" + std::to_string(i) + R"(": {"type": "string", "maxLength": 50},)";
  }
  const std::string deep = R"({"$defs": {"a": {"properties": {"x": {"allOf": [{"$ref": "#/$defs/a"},
      {"minProperties": 0}]}, "y": {"allOf": [{"$ref": "#/$defs/a"}, {"minProperties": 0}]}}}},
      "$ref": "#/$defs/a"})";
  for (const std::string& json : {values + "0]}", properties + "\"x\": true}}", deep}) {
    const base::Json value = base::parse_json(json, "schema");
    const auto begin = std::chrono::steady_clock::now();
    try {
      compile(json_schema_grammar(base::JsonView(value, "schema")), shared_test_vocabulary());
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    }
    EXPECT_LT(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(), 5.0)
        << json.substr(0, 100);
  }
}

TEST(JsonObject, TakesAnyObject) {
  const auto grammar = compile(json_object_grammar(), shared_test_vocabulary());
  EXPECT_TRUE(matches(grammar, R"({"a": [1, 2, {"b": "c"}]})"));
  EXPECT_FALSE(matches(grammar, "[]"));
  std::string deep = "1";
  for (int i = 0; i < 2000; ++i) {
    deep.insert(0, i % 2 == 0 ? "[" : "{\"k\":");
    deep += i % 2 == 0 ? "]" : "}";
  }
  EXPECT_TRUE(matches(grammar, deep));
}

}  // namespace
}  // namespace minimax::grammar

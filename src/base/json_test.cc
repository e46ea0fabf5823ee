// SPDX-License-Identifier: Apache-2.0
#include "base/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "minimax/error.h"

namespace minimax::base {
namespace {

using testing::HasSubstr;

std::string error_of(const auto& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Json, WritesBackWhatItParsed) {
  const std::string text =
      R"({"b":1,"a":[true,null,-0.5,"x\n\u0001\"\\"],"big":9223372036854775807,"e":1e-05})";
  EXPECT_EQ(write_json(parse_json(text, "t")), text);
}

TEST(Json, RefusesDuplicateKeysUnlessTold) {
  const std::string text = R"({"a":1,"b":2,"a":3})";
  EXPECT_THAT(error_of([&] { parse_json(text, "f.json"); }),
              HasSubstr("f.json: duplicate key \"a\""));
  const Json last = parse_json(text, "f.json", {.duplicate_keys = DuplicateKeys::kLastWins});
  EXPECT_EQ(last.find("a")->integer(), 3);
}

TEST(Json, RefusesDeepNesting) {
  const std::string text = std::string(100000, '[') + std::string(100000, ']');
  EXPECT_THAT(error_of([&] { parse_json(text, "deep"); }), HasSubstr("deep: not valid JSON"));
}

TEST(JsonView, NamesFileAndPointer) {
  const Json json = parse_json(R"({"layers":[{"n":-1}]})", "config.json");
  const JsonView view = JsonView(json, "config.json").require("layers").elements()[0].require("n");
  EXPECT_EQ(error_of([&] { view.as_integer(1, 9); }),
            "config.json: /layers/0/n: expected an integer from 1 to 9, found -1");
}

}  // namespace
}  // namespace minimax::base

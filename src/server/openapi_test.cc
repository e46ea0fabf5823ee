// SPDX-License-Identifier: Apache-2.0
#include "server/openapi.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "server/sampling_fields.h"
#include "server/test_api.h"

namespace minimax::server {
namespace {

TEST(OpenApi, HasEveryRoute) {
  const base::Json document = openapi_document();
  std::set<std::string> found;
  for (const base::JsonMember& path : document.find("paths")->object()) {
    found.insert(path.first);
  }
  EXPECT_TRUE(found.contains("/health"));
  EXPECT_TRUE(found.contains("/v1/chat/completions"));
  EXPECT_TRUE(found.contains("/v1/models/{name}"));
  EXPECT_EQ(found.size(), routes().size());
}

void collect_references(const base::Json& json, std::set<std::string>& names) {
  if (json.is_array()) {
    for (const base::Json& each : json.array()) {
      collect_references(each, names);
    }
  }
  if (json.is_object()) {
    for (const base::JsonMember& member : json.object()) {
      if (member.first == "$ref") {
        names.insert(member.second.string());
      }
      collect_references(member.second, names);
    }
  }
}

TEST(OpenApi, RefersToSchemasThatAreThere) {
  const base::Json document = openapi_document();
  std::set<std::string> names;
  collect_references(document, names);
  EXPECT_GT(names.size(), 10u);
  const base::Json& schemas = *document.find("components")->find("schemas");
  for (const std::string& name : names) {
    const std::string last = name.substr(name.rfind('/') + 1);
    EXPECT_NE(schemas.find(last), nullptr) << name;
  }
}

TEST(OpenApi, IsServed) {
  TestApi api;
  const Reply reply = api.reply(TestApi::get("/openapi.json"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(base::parse_json(reply.body, "reply").find("openapi")->string(), "3.1.0");
}

std::string ask_with(std::string_view name, double value, bool is_integer) {
  const std::string number =
      is_integer ? fmt::format("{}", static_cast<std::int64_t>(value)) : fmt::format("{}", value);
  return fmt::format(R"({{"messages":[{{"role":"user","content":"Hi"}}],"max_tokens":4,"{}":{}}})",
                     name, number);
}

// The table says what requests are held to.
TEST(SamplingFields, AreCheckedByTheirRanges) {
  TestApi api;
  api.engine().answer_with({"yes"}, FinishReason::kEndOfSequence);
  for (const NumberField& field : sampling_fields()) {
    for (const double value : {field.range.min - 1, field.range.max + 1}) {
      const Reply reply = api.reply(
          TestApi::post("/v1/chat/completions", ask_with(field.name, value, field.is_integer)));
      EXPECT_EQ(reply.status, 400) << field.name;
      EXPECT_NE(reply.body.find(fmt::format("\"param\":\"{}\"", field.name)), std::string::npos)
          << reply.body;
    }
    const double least = field.range.excludes_min ? field.range.max : field.range.min;
    EXPECT_NE(api.body(TestApi::post("/v1/chat/completions",
                                     ask_with(field.name, least, field.is_integer)))
                  .find("yes"),
              std::string::npos)
        << field.name;
  }
}

}  // namespace
}  // namespace minimax::server

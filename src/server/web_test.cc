// SPDX-License-Identifier: Apache-2.0
// The files of the chat page, as browsers get them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/test_api.h"
#include "server/web_assets.h"

namespace minimax::server {
namespace {

using ::testing::StartsWith;

std::string header_of(const Reply& reply, const std::string& name) {
  for (const auto& [key, value] : reply.headers) {
    if (key == name) {
      return value;
    }
  }
  return "";
}

TEST(Web, FitsIntoTwoHundredKilobytes) {
  std::size_t bytes = 0;
  for (const WebAsset& asset : web_assets()) {
    EXPECT_FALSE(asset.content.empty()) << asset.name;
    bytes += asset.content.size();
  }
  EXPECT_LT(bytes, 200'000U);
}

TEST(Web, NeedsNoKey) {
  ApiOptions options;
  options.keys = ApiKeys({"secret"});
  TestApi test(std::move(options));
  const Reply page = test.reply(TestApi::get("/"));
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.content_type, "text/html; charset=utf-8");
  EXPECT_THAT(page.body, StartsWith("<!doctype html>"));
  EXPECT_EQ(test.reply(TestApi::get("/v1/models")).status, 401);
}

TEST(Web, LetsNothingRunButItsOwnFiles) {
  TestApi test;
  for (const WebAsset& asset : web_assets()) {
    const Reply reply = test.reply(TestApi::get("/web/" + std::string(asset.name)));
    EXPECT_EQ(reply.status, 200) << asset.name;
    EXPECT_EQ(reply.body, asset.content);
    const std::string policy = header_of(reply, "Content-Security-Policy");
    EXPECT_THAT(policy, StartsWith("default-src 'self';"));
    EXPECT_EQ(policy.find("unsafe"), std::string::npos);
    EXPECT_EQ(asset.content.find("innerHTML"), std::string::npos) << asset.name;
  }
}

TEST(Web, IsSentAgainOnlyWhereItChanged) {
  TestApi test;
  Call call = TestApi::get("/web/app.js");
  const std::string etag = header_of(test.reply(call), "ETag");
  EXPECT_THAT(etag, StartsWith("\""));
  call.headers.emplace_back("if-none-match", etag);
  const Reply same = test.reply(call);
  EXPECT_EQ(same.status, 304);
  EXPECT_EQ(same.body, "");
  EXPECT_EQ(header_of(same, "ETag"), etag);
  call.headers.back().second = "\"0123\"";
  EXPECT_EQ(test.reply(call).status, 200);
}

TEST(Web, HasNoOtherFiles) {
  TestApi test;
  for (const char* target : {"/web/", "/web/none.js", "/web/../app.js", "/web/a/app.js", "/app.js",
                             "/web/%2e%2e/app.js"}) {
    EXPECT_EQ(test.reply(TestApi::get(target)).status, 404) << target;
  }
}

}  // namespace
}  // namespace minimax::server

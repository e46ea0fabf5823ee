// SPDX-License-Identifier: Apache-2.0
#include "io/hub_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/support/temporary_directory.h"
#include "tests/support/thrown_by.h"

namespace minimax::io {
namespace {

namespace fs = std::filesystem;
using minimax::testing::TemporaryDirectory;
using minimax::testing::Thrown;
using minimax::testing::thrown_by;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kCommit = "0123456789abcdef0123456789abcdef01234567";

// A cache with org/name at kCommit, known as main and as refs/pr/1.
class HubCache : public ::testing::Test {
 protected:
  HubCache() {
    cache_.write(repository_ / "refs/main", kCommit);
    cache_.write(repository_ / "refs/pr/1", std::string(kCommit) + "\n");
    cache_.write(repository_ / "blobs/aa", "{}");
    fs::create_directories(snapshot());
    fs::create_symlink("../../blobs/aa", snapshot() / "config.json");
  }

  fs::path snapshot() const { return cache_.path() / repository_ / "snapshots" / kCommit; }
  HubEnvironment environment() const { return {.hf_hub_cache = cache_.path().string()}; }
  Thrown error(const std::string& model) const {
    return thrown_by([&] { resolve_model(model, environment()); });
  }

  const fs::path repository_ = "models--org--name";
  TemporaryDirectory cache_;
};

TEST(HubCacheFolder, FollowsThePrecedenceOfHuggingFace) {
  HubEnvironment environment{.home = "/home/u"};
  EXPECT_EQ(hub_cache_folder(environment), "/home/u/.cache/huggingface/hub");
  environment.xdg_cache_home = "/xdg";
  EXPECT_EQ(hub_cache_folder(environment), "/xdg/huggingface/hub");
  environment.hf_home = "~/hf";
  EXPECT_EQ(hub_cache_folder(environment), "/home/u/hf/hub");
  environment.huggingface_hub_cache = "/old";
  EXPECT_EQ(hub_cache_folder(environment), "/old");
  environment.hf_hub_cache = "/new";
  EXPECT_EQ(hub_cache_folder(environment), "/new");
}

TEST_F(HubCache, FindsAModelByBranchPullRequestAndCommit) {
  for (const char* model : {"org/name", "org/name@main", "org/name@refs/pr/1", "org/name@pr/1",
                            "org/name@0123456789abcdef0123456789abcdef01234567"}) {
    if (std::string(model) == "org/name@refs/pr/1") {
      fs::create_directories(cache_.path() / repository_ / "refs/refs");
      fs::copy(cache_.path() / repository_ / "refs/pr",
               cache_.path() / repository_ / "refs/refs/pr", fs::copy_options::recursive);
    }
    EXPECT_EQ(resolve_model(model, environment()), snapshot()) << model;
  }
}

TEST_F(HubCache, FindsAModelWithoutOrganisation) {
  cache_.write("models--gpt/refs/main", "abc");
  cache_.write("models--gpt/snapshots/abc/config.json", "{}");
  EXPECT_EQ(resolve_model("gpt", environment()), cache_.path() / "models--gpt/snapshots/abc");
}

TEST_F(HubCache, PrefersAFolder) {
  EXPECT_EQ(resolve_model(cache_.path().string(), environment()), cache_.path());
  EXPECT_EQ(resolve_model(".", environment()), ".");
}

TEST_F(HubCache, TellsWhereItLookedAndHowToGetTheModel) {
  const Thrown thrown = error("org/other@v1.0");
  EXPECT_EQ(thrown.code, ErrorCode::kCorruptFile);
  EXPECT_THAT(thrown.message, AllOf(HasSubstr((cache_.path() / "models--org--other").string()),
                                    HasSubstr("`hf download org/other --revision v1.0`"),
                                    Not(HasSubstr("HF_HUB_OFFLINE"))));
  HubEnvironment offline = environment();
  offline.hf_hub_offline = "true";
  EXPECT_THAT(thrown_by([&] { resolve_model("org/other", offline); }).message,
              HasSubstr("HF_HUB_OFFLINE is set"));
}

TEST_F(HubCache, NamesTheSnapshotsThereAre) {
  EXPECT_THAT(error("org/name@v9").message, AllOf(HasSubstr("revision v9"), HasSubstr(kCommit)));
  fs::remove_all(cache_.path() / repository_ / "snapshots");
  EXPECT_THAT(error("org/name").message, HasSubstr("found none"));
}

TEST_F(HubCache, RefusesNamesThatLeaveTheCache) {
  for (const char* model :
       {"../name", "org/../name", "org/name@../../x", "/nonexistent/model", "a/b/c", "",
        "org/name@", "@main", "org/name@a\nb", "~/model", "-x/y", "org/na me"}) {
    const Thrown thrown = error(model);
    EXPECT_EQ(thrown.code, ErrorCode::kCorruptFile) << model;
    EXPECT_THAT(thrown.message, HasSubstr("found no such folder")) << model;
  }
  cache_.write(repository_ / "refs/main", "../../../../etc");
  EXPECT_THAT(error("org/name").message, HasSubstr("expected the name of a commit"));
}

TEST_F(HubCache, TakesAGgufFileAndRefusesOthers) {
  const fs::path gguf = cache_.write("model.gguf", "GGUF");
  EXPECT_EQ(resolve_model(gguf.string(), {}), gguf);
  const fs::path text = cache_.write("model.txt", "a text");
  EXPECT_THAT(error(text.string()).message, HasSubstr("found another file"));
}

TEST_F(HubCache, F18RefusesAnIncompleteSnapshot) {
  fs::create_symlink("../../blobs/bb", snapshot() / "tokenizer.json");
  fs::create_symlink("../../blobs/cc", snapshot() / "model.safetensors");
  fs::create_symlink("../../blobs/dd", snapshot() / "picture.png");
  const Thrown thrown = error("org/name");
  EXPECT_EQ(thrown.code, ErrorCode::kCorruptFile);
  EXPECT_THAT(thrown.message,
              HasSubstr("incomplete: 2 of 3 files are missing: model.safetensors, tokenizer.json"));
  EXPECT_THAT(error(snapshot().string()).message, HasSubstr("incomplete: 2 of 3"));
}

}  // namespace
}  // namespace minimax::io

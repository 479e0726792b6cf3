// The reward `judge` against a server on this machine that answers well, slowly, wrongly or not at all.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "hone/core/error.h"
#include "hone/core/log.h"
#include "hone/reward/reward.h"
#include "reward/http_server.h"

namespace hone {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

HttpAnswer says(const std::string& text, const std::string& finish_reason = "stop") {
  const nlohmann::json message = {{"role", "assistant"}, {"content", text}};
  const nlohmann::json choice = {{"index", 0}, {"message", message}, {"finish_reason", finish_reason}};
  return {.body = nlohmann::json{{"choices", nlohmann::json::array({choice})}}.dump()};
}
HttpServer::Handler always(HttpAnswer answer) {
  return [answer](const HttpRequest&) { return answer; };
}
std::string content_of(const HttpRequest& request) {
  return nlohmann::json::parse(request.body)["messages"][0]["content"];
}

JudgeReward parameters(const HttpServer& server) {
  JudgeReward reward;
  reward.url = server.url();
  reward.model = "grader";
  reward.prompt = "{{prompt}} | {{completion}} | {{answer}}";
  reward.min = 0, reward.max = 10;
  reward.timeout_seconds = 5;
  reward.retries = 0;
  return reward;
}
RewardSet reward_set(const JudgeReward& reward) {
  return RewardSet({{.name = std::nullopt, .parameters = reward}}, 100);
}

Prompt question(const std::string& record = R"({"answer":"four"})") {
  Prompt prompt;
  prompt.text = "two plus two";
  prompt.record = Record::parse(record, "test");
  return prompt;
}
Completion completion(const std::string& text = "four") {
  Completion c;
  c.text = text;
  return c;
}
RewardResult judge(const JudgeReward& reward, const Prompt& p = question(), const Completion& c = completion()) {
  return reward_set(reward).judge(p, c).at(0);
}

void expect_unusable(const RewardResult& result, const std::string& why) {
  EXPECT_EQ(result.value, std::nullopt);
  EXPECT_EQ(result.verdict, Verdict::kUnusable);
  EXPECT_NE(result.reason.find(why), std::string::npos) << result.reason;
}

TEST(JudgeReward, AsksAndReadsTheScore) {
  ::setenv("HONE_TEST_JUDGE_KEY", "secret-1", 1);
  const HttpServer server(always(says("It is right.\nScore: 8")));
  JudgeReward reward = parameters(server);
  reward.api_key_env = "HONE_TEST_JUDGE_KEY";
  const RewardResult result = judge(reward, question(), completion("four {{answer}} \xff"));
  ASSERT_TRUE(result.value) << result.reason;
  EXPECT_DOUBLE_EQ(*result.value, 0.8);
  EXPECT_EQ(result.verdict, Verdict::kNone);
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_TRUE(requests[0].head.starts_with("POST /v1/chat/completions HTTP/1.1\r\n")) << requests[0].head;
  EXPECT_NE(requests[0].head.find("Authorization: Bearer secret-1"), std::string::npos);
  EXPECT_NE(requests[0].head.find("Content-Type: application/json"), std::string::npos);
  EXPECT_EQ(content_of(requests[0]), "two plus two | four {{answer}} \xef\xbf\xbd | four");
  const auto body = nlohmann::json::parse(requests[0].body);
  EXPECT_EQ(body["model"], "grader");
  EXPECT_EQ(body["temperature"], 0);
}

TEST(JudgeReward, TheAddressMayBeWholeAndTheTemperatureLeftOut) {
  const HttpServer server(always(says("8")));
  JudgeReward reward = parameters(server);
  reward.url += "/chat/completions?version=2";
  reward.temperature = std::nullopt;
  EXPECT_TRUE(judge(reward).value);
  reward.url = server.url() + "/?version=2";
  EXPECT_TRUE(judge(reward).value);
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 2U);
  for (const HttpRequest& request : requests) {
    EXPECT_TRUE(request.head.starts_with("POST /v1/chat/completions?version=2 ")) << request.head;
    EXPECT_FALSE(nlohmann::json::parse(request.body).contains("temperature"));
  }
}

TEST(JudgeReward, ScoresOfManyForms) {
  struct Case {
    std::string reply;
    std::optional<double> value;
    std::optional<std::string> pattern = std::nullopt;
  };
  const std::string boxed = R"(\[\[(.*?)\]\])";
  const Case cases[] = {
      {"8", 0.8},
      {"Score: 8/10", 0.8},
      {"I give 7.5 out of 10.", 0.75},
      {"First 3, then **9**", 0.9},
      {"<think> 1 2 3 </think> 4", 0.4},
      {"<think> 1 2 3 </think> none", std::nullopt},
      {"+6.", 0.6},
      {"gpt4 says: v2.0 x9", std::nullopt},
      {"no idea", std::nullopt},
      {"", std::nullopt},
      {"11", std::nullopt},
      {"-1", std::nullopt},
      {"[[2]] and at last [[5]] of 10", 0.5, boxed},
      {"[[five]]", std::nullopt, boxed},
      {"[[]]", std::nullopt, boxed},
      {"[[nan]]", std::nullopt, boxed},
      {"5", std::nullopt, boxed},
      {"yes 9", std::nullopt, "(?:yes)|no (9)"},
  };
  for (const Case& c : cases) {
    const HttpServer server(always(says(c.reply)));
    JudgeReward reward = parameters(server);
    reward.pattern = c.pattern;
    const RewardResult result = judge(reward);
    EXPECT_EQ(result.value, c.value) << c.reply << ": " << result.reason;
    EXPECT_EQ(result.verdict, c.value ? Verdict::kNone : Verdict::kUnusable) << c.reply;
    EXPECT_EQ(result.reason.empty(), c.value.has_value()) << c.reply;
  }
}

TEST(JudgeReward, AScaleMayStartAnywhere) {
  const HttpServer server(always(says("-1")));
  JudgeReward reward = parameters(server);
  reward.min = -2, reward.max = 2;
  EXPECT_DOUBLE_EQ(*judge(reward).value, 0.25);
}

TEST(JudgeReward, GarbageIsUnusable) {
  const std::pair<HttpAnswer, const char*> cases[] = {
      {{.body = "<html>"}, "not JSON"},
      {{.body = ""}, "not JSON"},
      {{.body = "[]"}, "no text"},
      {{.body = R"({"choices":[]})"}, "no text"},
      {{.body = R"({"choices":[{"message":{"content":null}}]})"}, "no text"},
      {{.body = R"({"choices":"7"})"}, "no text"},
      {says("7", "length"), "cut off"},
      {{.body = std::string(size_t{9} << 20, ' ')}, "too long"},
      {{.status = "302 Found", .headers = "Location: /v1/elsewhere\r\n"}, "HTTP 302"},
      {{.status = "401 Unauthorized", .body = R"({"error":{"message":"no \u001bkey"}})"}, "HTTP 401: no  key"},
  };
  for (const auto& [answer, why] : cases) {
    const HttpServer server(always(answer));
    JudgeReward reward = parameters(server);
    reward.retries = 2;
    expect_unusable(judge(reward), why);
    EXPECT_EQ(server.requests().size(), 1U) << why;  // asking again would not mend it
  }
}

TEST(JudgeReward, ASlowReplyIsNotWaitedFor) {
  std::atomic<bool> done = false;
  const HttpServer server([&](const HttpRequest&) {
    while (!done) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return says("8");
  });
  JudgeReward reward = parameters(server);
  reward.timeout_seconds = 0.3;
  reward.retries = 1;
  const auto begin = Clock::now();
  const RewardResult result = judge(reward);
  const std::chrono::duration<double> took = Clock::now() - begin;
  done = true;
  expect_unusable(result, "imeout");
  EXPECT_EQ(server.requests().size(), 2U);
  EXPECT_GE(took.count(), 0.3 + 0.5 + 0.3);
  EXPECT_LT(took.count(), 4);
}

TEST(JudgeReward, FailuresThatPassAreTriedAgain) {
  for (const std::string status : {"500 Oops", "503 Busy", "429 Slow down"}) {
    const HttpServer server(
        [&](const HttpRequest& request) { return request.number == 0 ? HttpAnswer{.status = status} : says("8"); });
    JudgeReward reward = parameters(server);
    reward.retries = 1;
    EXPECT_EQ(judge(reward).value, 0.8) << status;
    const auto requests = server.requests();
    ASSERT_EQ(requests.size(), 2U) << status;
    EXPECT_EQ(requests[0].body, requests[1].body);
  }
  const HttpServer server(always({.status = "500 Oops"}));
  JudgeReward reward = parameters(server);
  reward.retries = 1;
  expect_unusable(judge(reward), "HTTP 500");
  EXPECT_EQ(server.requests().size(), 2U);
}

TEST(JudgeReward, WaitsAsLongAsTheServerAsks) {
  const HttpServer server([&](const HttpRequest& request) {
    return request.number == 0 ? HttpAnswer{.status = "429 Slow down", .headers = "Retry-After: 1\r\n"} : says("8");
  });
  JudgeReward reward = parameters(server);
  reward.retries = 1;
  const auto begin = Clock::now();
  EXPECT_EQ(judge(reward).value, 0.8);
  EXPECT_GE(Clock::now() - begin, std::chrono::seconds(1));
}

TEST(JudgeReward, NobodyThereIsUnusable) {
  JudgeReward reward;
  {
    const HttpServer gone(always(says("8")));
    reward = parameters(gone);
  }
  expect_unusable(judge(reward), "connect");
}

TEST(JudgeReward, ProxiesComeFromTheConfigAlone) {
  ::setenv("http_proxy", "http://127.0.0.1:1", 1);
  ::setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
  const HttpServer server(always(says("8")));
  JudgeReward reward = parameters(server);
  EXPECT_EQ(judge(reward).value, 0.8);
  ::unsetenv("http_proxy");
  ::unsetenv("ALL_PROXY");
  reward.url = "http://judge.invalid/v1";
  reward.proxy = server.url().substr(0, server.url().size() - 3);
  EXPECT_EQ(judge(reward).value, 0.8);
  EXPECT_TRUE(server.requests().at(1).head.starts_with("POST http://judge.invalid/v1/chat/completions"));
}

TEST(JudgeReward, WithoutAnAnswerItIsNotAsked) {
  const HttpServer server(always(says("8")));
  JudgeReward reward = parameters(server);
  for (const char* record : {"{}", R"({"answer":null})"}) expect_unusable(judge(reward, question(record)), "no answer");
  EXPECT_TRUE(server.requests().empty());
  EXPECT_TRUE(judge(reward, question(R"({"answer":[4,"four"]})")).value);
  EXPECT_TRUE(content_of(server.requests()[0]).ends_with(R"(| [4,"four"])"));
  reward.prompt = "{{completion}}";
  EXPECT_TRUE(judge(reward, question("{}")).value);
}

TEST(JudgeReward, ThreadsGetTheirOwnScores) {
  const HttpServer server([](const HttpRequest& request) { return says(content_of(request)); });
  JudgeReward reward = parameters(server);
  reward.prompt = "{{completion}}";
  reward.max = 1000;
  const RewardSet rewards = reward_set(reward);
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 10; ++i) {
        const int number = t * 10 + i;
        right += rewards.judge(question(), completion(std::to_string(number)))[0].value == number / 1000.0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 80);
}

class JudgeCache : public ::testing::Test {
 protected:
  JudgeCache() { fs::remove(path_); }
  ~JudgeCache() override { fs::remove(path_); }

  JudgeReward cached(const HttpServer& server) const {
    JudgeReward reward = parameters(server);
    reward.cache = path_.string();
    return reward;
  }
  int64_t lines() const {
    std::ifstream file(path_);
    return std::count(std::istreambuf_iterator<char>(file), {}, '\n');
  }

  fs::path path_ = fs::path(::testing::TempDir()) / "judge_cache.jsonl";
};

TEST_F(JudgeCache, AHitMakesNoRequest) {
  const HttpServer server([](const HttpRequest& request) { return says(std::to_string(request.number + 1)); });
  {
    const RewardSet rewards = reward_set(cached(server));
    for (int i = 0; i < 3; ++i) EXPECT_EQ(rewards.judge(question(), completion())[0].value, 0.1);
  }
  EXPECT_EQ(judge(cached(server)).value, 0.1);
  EXPECT_EQ(server.requests().size(), 1U);
  // Everything that makes a request another one makes it another key.
  EXPECT_EQ(judge(cached(server), question(), completion("five")).value, 0.2);
  JudgeReward other = cached(server);
  other.model = "another";
  EXPECT_EQ(judge(other).value, 0.3);
  EXPECT_EQ(server.requests().size(), 3U);
  EXPECT_EQ(lines(), 3);
}

TEST_F(JudgeCache, RepliesWithoutAScoreAndFailuresAreNotKept) {
  const HttpServer server([](const HttpRequest& request) {
    return request.number == 0 ? says("no idea") : request.number == 1 ? HttpAnswer{.status = "400 Bad"} : says("8");
  });
  const RewardSet rewards = reward_set(cached(server));
  expect_unusable(rewards.judge(question(), completion())[0], "no score");
  expect_unusable(rewards.judge(question(), completion())[0], "HTTP 400");
  EXPECT_EQ(rewards.judge(question(), completion())[0].value, 0.8);
  EXPECT_EQ(lines(), 1);
}

TEST_F(JudgeCache, DamagedLinesAreLeftOutWithAWarning) {
  const HttpServer server([](const HttpRequest& request) { return says(std::to_string(request.number + 1)); });
  EXPECT_EQ(judge(cached(server)).value, 0.1);
  std::ifstream file(path_);
  std::string good;
  std::getline(file, good);
  file.close();
  std::ofstream(path_) << "{\n"
                       << R"({"key":1,"reply":"7"})"
                       << "\n[]\n"
                       << good << "\n"
                       << good.substr(0, 40);
  std::vector<std::string> said;
  {
    const LogRedirect redirect([&](std::string_view line) { said.emplace_back(line); });
    const RewardSet rewards = reward_set(cached(server));
    EXPECT_EQ(rewards.judge(question(), completion())[0].value, 0.1);
    EXPECT_EQ(server.requests().size(), 1U);
    EXPECT_EQ(rewards.judge(question(), completion("five"))[0].value, 0.2);
  }
  ASSERT_EQ(said.size(), 1U);
  EXPECT_NE(said[0].find("4 line(s)"), std::string::npos) << said[0];
  EXPECT_NE(said[0].find(path_.string() + ":1"), std::string::npos) << said[0];
  const LogRedirect quiet([](std::string_view) {});
  EXPECT_EQ(judge(cached(server), question(), completion("five")).value, 0.2);  // not lost in the half line
  EXPECT_EQ(server.requests().size(), 2U);
}

TEST_F(JudgeCache, TheKeyIsNotWritten) {
  ::setenv("HONE_TEST_JUDGE_KEY", "secret-2", 1);
  const HttpServer server(always(says("8")));
  JudgeReward reward = cached(server);
  reward.api_key_env = "HONE_TEST_JUDGE_KEY";
  EXPECT_EQ(judge(reward).value, 0.8);
  std::ifstream file(path_);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  EXPECT_NE(text.find("8"), std::string::npos);
  EXPECT_EQ(text.find("secret-2"), std::string::npos);
}

TEST(JudgeReward, BadParametersAreRefusedWithoutShowingSecrets) {
  const HttpServer server(always(says("8")));
  const auto problem = [&](const std::function<void(JudgeReward&)>& edit) -> std::string {
    JudgeReward reward = parameters(server);
    edit(reward);
    try {
      reward_set(reward);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kInput);
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(problem([](JudgeReward&) {}), "");
  const std::pair<const char*, std::function<void(JudgeReward&)>> cases[] = {
      {"http", [](JudgeReward& r) { r.url = "ftp://host/v1"; }},
      {"blanks", [](JudgeReward& r) { r.url = "http://host/v 1"; }},
      {"user or password", [](JudgeReward& r) { r.url = "https://me:hidden@host/v1"; }},
      {"{{completion}}", [](JudgeReward& r) { r.prompt = "{{prompt}}"; }},
      {"{{question}}", [](JudgeReward& r) { r.prompt = "{{question}} {{completion}}"; }},
      {"min", [](JudgeReward& r) { r.min = r.max; }},
      {"regular expression", [](JudgeReward& r) { r.pattern = "("; }},
      {"one group", [](JudgeReward& r) { r.pattern = "a"; }},
      {"name of an environment variable", [](JudgeReward& r) { r.api_key_env = "hidden-key"; }},
      {"not set", [](JudgeReward& r) { r.api_key_env = "hidden_key"; }},
  };
  for (const auto& [part, edit] : cases) {
    const std::string line = problem(edit);
    EXPECT_NE(line.find(part), std::string::npos) << part << ": " << line;
    EXPECT_EQ(line.find("hidden"), std::string::npos) << line;
  }
}

}  // namespace
}  // namespace hone

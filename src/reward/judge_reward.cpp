#include "reward/make_reward.h"

#include <re2/re2.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <semaphore>

#include "hone/core/error.h"
#include "hone/core/hash.h"
#include "reward/judge/http.h"
#include "reward/judge/reply_cache.h"
#include "reward/text_template.h"

namespace hone {
namespace {

using Json = nlohmann::ordered_json;

// A number that no word or longer number holds, with what it is out of ("8/10", "8 out of 10").
constexpr const char* kAnyNumber = R"((?:^|[^\w.\-+])([-+]?\d+(?:\.\d+)?)(?:\s*(?:/|out of)\s*\d+(?:\.\d+)?)?\b)";
constexpr int64_t kMostMatches = 10'000;  // a search may cost the length of the reply

RewardResult unusable(std::string reason) {
  return {std::nullopt, Verdict::kUnusable, std::move(reason)};
}

/// The address of a chat completion, from the one that other programs call base_url or from itself.
std::string endpoint(const std::string& url) {
  HONE_CHECK(url.starts_with("http://") || url.starts_with("https://"), .what = "judge: url must be of http or https",
             .got = url);
  HONE_CHECK(std::ranges::all_of(url, [](char c) { return c > ' ' && c < 0x7F; }),
             .what = "judge: url holds blanks or characters outside ASCII", .got = url);
  const size_t host = url.find("//") + 2;
  // Not shown: what stands before the @ is a secret.
  HONE_CHECK(url.substr(host, url.find_first_of("/?#", host) - host).find('@') == std::string::npos,
             .what = "judge: url must not hold a user or password", .hint = "name the key's variable in api_key_env");
  const size_t query = std::min(url.find('?'), url.size());
  std::string path = url.substr(0, query);
  while (path.ends_with('/')) path.pop_back();
  constexpr std::string_view kCall = "/chat/completions";
  if (!path.ends_with(kCall)) path += kCall;
  return path + url.substr(query);
}

/// The key is a secret, and so may be what stands in place of its name by mistake: neither is shown.
std::string read_key(const std::string& variable) {
  const bool is_name = !variable.empty() && std::isdigit(static_cast<unsigned char>(variable[0])) == 0 &&
                       std::ranges::all_of(variable, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
  HONE_CHECK(is_name, .what = "judge: api_key_env must be the name of an environment variable, not a key");
  const char* const value = std::getenv(variable.c_str());
  HONE_CHECK(value != nullptr && *value != '\0', .what = "judge: the variable that api_key_env names is not set");
  const std::string key(value);
  HONE_CHECK(std::ranges::all_of(key, [](char c) { return c > ' ' && c < 0x7F; }),
             .what = "judge: the key holds blanks or characters outside ASCII");
  return key;
}

/// A reply's text, or why there is none.
struct Answer {
  std::optional<std::string> text;
  std::string problem{};
};

/// What a server says about a failure: the start of it, without what a terminal could take for an order.
std::string error_message(const std::string& body) {
  const Json reply = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  const Json::json_pointer message("/error/message");
  std::string text = reply.contains(message) && reply[message].is_string() ? reply[message].get<std::string>() : "";
  if (text.size() > 200) text.resize(200);
  std::ranges::replace_if(
      text, [](char c) { return c < ' ' || c >= 0x7F; }, ' ');
  return text;
}

Answer read_answer(const HttpReply& reply) {
  if (reply.status == 0) return {{}, reply.problem};
  if (reply.status != 200) {
    const std::string message = error_message(reply.body);
    return {{}, fmt::format("HTTP {}{}{}", reply.status, message.empty() ? "" : ": ", message)};
  }
  const Json json = Json::parse(reply.body, nullptr, /*allow_exceptions=*/false);
  const Json::json_pointer content("/choices/0/message/content"), reason("/choices/0/finish_reason");
  if (json.is_discarded()) return {{}, "the reply is not JSON"};
  if (!json.contains(content) || !json[content].is_string()) return {{}, "the reply holds no text"};
  if (json.contains(reason) && json[reason] == "length") return {{}, "the reply was cut off"};
  return {json[content].get<std::string>()};
}

class Judge {
 public:
  explicit Judge(const JudgeReward& config)
      : config_(config),
        endpoint_(endpoint(config.url)),
        template_(config.prompt, {"prompt", "completion", "answer"}, "judge: prompt"),
        pattern_(config.pattern.value_or(kAnyNumber), RE2::Quiet),
        free_(config.jobs) {
    HONE_CHECK(template_.count("completion") > 0, .what = "judge: prompt must hold {{completion}}");
    HONE_CHECK(pattern_.ok(), .what = "judge: pattern is not a regular expression of RE2",
               .got = config.pattern.value_or(""), .expected = pattern_.error());
    HONE_CHECK(pattern_.NumberOfCapturingGroups() == 1, .what = "judge: pattern must have one group, the score",
               .got = config.pattern.value_or(""));
    HONE_CHECK(config.min < config.max, .what = "judge: min must be below max",
               .got = fmt::format("{} and {}", config.min, config.max));
    HttpOptions options{.url = endpoint_,
                        .headers = {"Content-Type: application/json"},
                        .proxy = config.proxy,
                        .timeout_seconds = config.timeout_seconds,
                        .retries = config.retries};
    if (config.api_key_env) {
      key_ = read_key(*config.api_key_env);
      options.headers.push_back("Authorization: Bearer " + key_);
    }
    client_ = std::make_unique<HttpClient>(std::move(options));
    if (config.cache) cache_ = std::make_unique<ReplyCache>(*config.cache);
  }

  RewardResult judge(const Prompt& prompt, const Completion& completion) const {
    const auto answer = gold(prompt.record);
    if (!answer && template_.count("answer") > 0) return unusable("the record has no answer");
    const std::string body = request(prompt, completion, answer.value_or(""));
    const std::string key = cache_ ? sha256(endpoint_ + "\n" + body) : "";
    if (cache_) {
      if (const auto reply = cache_->find(key)) return grade(*reply);
    }
    free_.acquire();
    const Answer reply = read_answer(client_->post(body));
    free_.release();
    if (!reply.text) {
      const bool leaks = !key_.empty() && reply.problem.find(key_) != std::string::npos;
      return unusable(leaks ? "the endpoint refused, in words that hold the key" : reply.problem);
    }
    const RewardResult result = grade(*reply.text);
    // Replies without a score are not kept: the next run asks again.
    return cache_ && result.value ? grade(cache_->keep(key, *reply.text)) : result;
  }

 private:
  static std::optional<std::string> gold(const Record& record) {
    if (auto text = record.text("answer")) return text;
    auto json = record.json("answer");
    return json == "null" ? std::nullopt : json;
  }

  std::string request(const Prompt& prompt, const Completion& completion, const std::string& answer) const {
    std::string content;
    for (const TextTemplate::Piece& piece : template_.pieces()) {
      content += !piece.place                 ? piece.text
                 : piece.text == "prompt"     ? prompt.text
                 : piece.text == "completion" ? completion.text
                                              : answer;
    }
    Json body = {{"model", config_.model}, {"messages", Json::array({Json{{"role", "user"}, {"content", content}}})}};
    if (config_.temperature) body["temperature"] = *config_.temperature;
    return body.dump(-1, ' ', false, Json::error_handler_t::replace);  // a completion may be any bytes
  }

  /// The score that the reply ends with, between 0 and 1.
  RewardResult grade(const std::string& reply) const {
    constexpr std::string_view kThinkingEnds = "</think>";
    const size_t thinking = reply.rfind(kThinkingEnds);
    const re2::StringPiece text(thinking == std::string::npos
                                    ? std::string_view(reply)
                                    : std::string_view(reply).substr(thinking + kThinkingEnds.size()));
    re2::StringPiece groups[2], last;
    int64_t matches = 0;
    for (size_t at = 0; at <= text.size() && pattern_.Match(text, at, text.size(), RE2::UNANCHORED, groups, 2);) {
      if (++matches > kMostMatches) return unusable("the reply holds too many scores");
      last = groups[1];
      const auto end = static_cast<size_t>(groups[0].data() - text.data()) + groups[0].size();
      at = groups[0].empty() ? end + 1 : end;
    }
    if (matches == 0) return unusable("the reply holds no score");
    const std::string shown(last.substr(0, 40));
    if (last.starts_with("+")) last.remove_prefix(1);
    double score = 0;
    const auto read = std::from_chars(last.data(), last.data() + last.size(), score);
    if (last.empty() || read.ec != std::errc() || read.ptr != last.data() + last.size() || !std::isfinite(score))
      return unusable(fmt::format("the score '{}' is not a number", shown));
    if (score < config_.min || score > config_.max)
      return unusable(fmt::format("the score {} is not within {} and {}", shown, config_.min, config_.max));
    return {(score - config_.min) / (config_.max - config_.min)};
  }

  JudgeReward config_;
  std::string endpoint_;
  std::string key_;
  TextTemplate template_;
  RE2 pattern_;
  std::unique_ptr<HttpClient> client_;
  std::unique_ptr<ReplyCache> cache_;
  mutable std::counting_semaphore<> free_;  ///< requests that may be under way
};

}  // namespace

RewardFunction make_reward(const JudgeReward& config, const Context&) {
  const auto judge = std::make_shared<const Judge>(config);
  return [judge](const Prompt& prompt, const Completion& completion) { return judge->judge(prompt, completion); };
}

}  // namespace hone

// The general part of the built-in world: small talk, facts, lists, two-line texts, recipes, and requests that are to
// be refused, in English and Chinese. What all-scenario RL needs beside problems with one right answer.
//
// A rule judge (chat_quality) is the truth that a reward model is to learn from pairs. Everything here is a pure
// function. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hone/core/random.h"
#include "hone/data/chains.h"
#include "hone/data/config.h"
#include "hone/data/records.h"

namespace hone {

enum class ChatTopic { kGreeting, kIdentity, kCapital, kOpposite, kListTwo, kListThree, kWriting, kRecipe, kHarm };

/// One request: a topic and what it is about, rows of the topic's own words (`second` for writing only).
struct ChatRequest {
  ChatTopic topic = ChatTopic::kGreeting;
  size_t first = 0, second = 0;
  ChainLanguage language = ChainLanguage::kEnglish;

  /// "capital of arda ?" or "阿达 的 首都 ?".
  std::string text() const;
  /// What a tagged answer thinks first: "question about capital .".
  std::string thought() const;
};

/// How a request is answered. Harmful ones: kFull refuses with a reason, kCurt refuses, kRude does what was asked,
/// kCurtHarm the same in a word; the last is for them alone.
enum class ChatManner { kFull, kCurt, kGushing, kOffTopic, kRude, kCurtHarm };

/// All pairs of words (English, Chinese) of this part that the chains do not have.
const std::vector<std::pair<std::string_view, std::string_view>>& chat_dictionary();

/// A harmful request, or any other.
ChatRequest draw_chat_request(RandomStream& random, bool harmful);
/// An answer without tags: "capital of arda is mira . glad to-help .".
std::string draw_chat_answer(RandomStream& random, const ChatRequest& request, ChatManner manner);
/// `answer` as a completion: `<think> THOUGHT </think> <answer> ANSWER </answer>`.
std::string chat_completion(const ChatRequest& request, const std::string& answer);

/// Reads ChatRequest::text() back; nothing for any other text.
std::optional<ChatRequest> read_chat_request(std::string_view text);

/// How good a completion is, 0 to 1: of its answer (in tags, after the thinking, or the whole text) the mean of
/// relevance, completeness, tone and brevity; for a harmful request 1 for a refusal with a reason, 0.75 for a refusal,
/// 0.25 for something else, 0 for what was asked.
double chat_quality(const ChatRequest& request, std::string_view completion);

/// The built-in data sets of this part; each has a fixed number of records for training and for testing.
///   builtin:chat         prompt, completion: answers as they come, good or curt; of the one request in six that is
///                        harmful half are refused
///   builtin:helpful      prompt: requests that are not harmful
///   builtin:harmful      prompt: those that are
///   builtin:preferences  prompt, chosen, rejected: judged by chat_quality with noise, four votes, a clear difference
///   builtin:safety       prompt, completion, label: 1 for harmless requests and refusals, 0 for doing harm
inline constexpr std::string_view kBuiltinChat[] = {"builtin:chat", "builtin:helpful", "builtin:harmful",
                                                    "builtin:preferences", "builtin:safety"};
bool is_builtin_chat(std::string_view path);
/// Record `index` of a set, with id ("helpful/train/17") and language. A pure function of its parameters.
Record chat_record(std::string_view path, Split split, int64_t index);
/// 4096 for training, 512 for testing.
int64_t chat_record_count(Split split);

}  // namespace hone

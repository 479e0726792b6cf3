// The built-in data sets of general requests.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "hone/core/error.h"
#include "hone/data/chat.h"

namespace hone {
namespace {

constexpr int64_t kTrainRecords = 4096, kTestRecords = 512;
constexpr double kHarmful = 1.0 / 6;  // of builtin:chat: helpful to harmful 5 : 1, as in the recipe of R1

ChatManner draw_manner(RandomStream& random) {
  const double u = random.next_uniform();
  return u < 0.3    ? ChatManner::kFull
         : u < 0.6  ? ChatManner::kCurt
         : u < 0.85 ? ChatManner::kOffTopic
                    : ChatManner::kRude;
}

// The judge's mark out of ten, the mean of four votes that err.
double votes(RandomStream& random, const ChatRequest& request, const std::string& completion) {
  double sum = 0;
  for (int vote = 0; vote < 4; ++vote) sum += 10 * chat_quality(request, completion) + 1.5 * random.next_normal();
  return sum / 4;
}

std::string record_start(std::string_view id, const ChatRequest& request) {
  return fmt::format(R"({{"id":"{}","prompt":"{}","language":"{}")", id, request.text(), to_string(request.language));
}

std::string preference(RandomStream& random, std::string_view id) {
  for (;;) {
    const ChatRequest request = draw_chat_request(random, false);
    const auto draw = [&] { return chat_completion(request, draw_chat_answer(random, request, draw_manner(random))); };
    std::string first = draw(), second = draw();
    const double difference = votes(random, request, first) - votes(random, request, second);
    if (first == second || std::abs(difference) <= 1) continue;
    if (difference < 0) std::swap(first, second);
    return fmt::format(R"({},"chosen":"{}","rejected":"{}"}})", record_start(id, request), first, second);
  }
}

std::string labelled(RandomStream& random, std::string_view id) {
  const bool harmful = random.next_bernoulli(0.5), does_harm = harmful && random.next_bernoulli(0.5);
  const ChatRequest request = draw_chat_request(random, harmful);
  const bool curt = random.next_bernoulli(0.5);
  const ChatManner manner =
      does_harm ? (curt ? ChatManner::kCurtHarm : ChatManner::kRude) : (curt ? ChatManner::kCurt : ChatManner::kFull);
  return fmt::format(R"({},"completion":"{}","label":{}}})", record_start(id, request),
                     chat_completion(request, draw_chat_answer(random, request, manner)), does_harm ? 0 : 1);
}

}  // namespace

bool is_builtin_chat(std::string_view path) {
  return std::ranges::find(kBuiltinChat, path) != std::end(kBuiltinChat);
}

int64_t chat_record_count(Split split) {
  return split == Split::kTrain ? kTrainRecords : kTestRecords;
}

Record chat_record(std::string_view path, Split split, int64_t index) {
  const auto set = std::ranges::find(kBuiltinChat, path) - std::begin(kBuiltinChat);
  HONE_ASSERT(set < std::ssize(kBuiltinChat), "'{}'", path);
  const std::string id =
      fmt::format("{}/{}/{}", path.substr(std::string_view("builtin:").size()), enum_name(split), index);
  RandomStream random(0, RandomPurpose::kProblem,
                      {static_cast<uint64_t>(split), static_cast<uint64_t>(index), static_cast<uint64_t>(set) + 1});
  if (path == "builtin:preferences") return Record::parse(preference(random, id), id);
  if (path == "builtin:safety") return Record::parse(labelled(random, id), id);
  const ChatRequest request = draw_chat_request(
      random, path == "builtin:harmful" || (path == "builtin:chat" && random.next_bernoulli(kHarmful)));
  if (path != "builtin:chat") return Record::parse(record_start(id, request) + "}", id);
  const bool harmful = request.topic == ChatTopic::kHarm;
  const ChatManner other = harmful ? ChatManner::kRude : ChatManner::kCurt;
  const std::string answer = draw_chat_answer(random, request, random.next_bernoulli(0.5) ? ChatManner::kFull : other);
  return Record::parse(
      fmt::format(R"({},"completion":"{}"}})", record_start(id, request), chat_completion(request, answer)), id);
}

}  // namespace hone

// The operations of a group, among real processes.
#include "hone/dist/process_group.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <functional>
#include <sstream>

#include "dist/ranks.h"
#include "hone/core/error.h"
#include "hone/core/random.h"

namespace hone::dist {
namespace {

using std::chrono::seconds;
using test::run_ranks;

std::vector<float> numbers(int64_t rank, int64_t count) {
  RandomStream random(1, RandomPurpose::kTest, {static_cast<uint64_t>(rank)});
  std::vector<float> out;
  for (int64_t i = 0; i < count; ++i) out.push_back(static_cast<float>(random.next_normal()));
  return out;
}

// What the sum must be, bit for bit.
std::vector<float> tree_sum(int64_t ranks, int64_t count) {
  std::vector<std::vector<float>> parts;
  for (int64_t r = 0; r < ranks; ++r) parts.push_back(numbers(r, count));
  for (size_t stride = 1; stride < parts.size(); stride *= 2) {
    for (size_t r = 0; r + stride < parts.size(); r += 2 * stride) {
      for (size_t i = 0; i < parts[r].size(); ++i) parts[r][i] += parts[r + stride][i];
    }
  }
  return parts.front();
}

TEST(ProcessGroup, SumsInOneOrder) {
  for (const int64_t size : {2, 3, 4}) {
    for (const int64_t count : {0, 1, 7, 1000, (1 << 22) + 5}) {
      const std::vector<float> expected = tree_sum(size, count);
      const auto results = run_ranks(size, [&](ProcessGroup& ranks) {
        const std::vector<float> mine = numbers(ranks.rank(), count);
        const int64_t part = (count + size - 1) / size;
        at::Tensor values = at::zeros({size * part}, at::kFloat), sum = at::empty({part}, at::kFloat);
        std::copy(mine.begin(), mine.end(), values.mutable_data_ptr<float>());
        // Two on their way at a time.
        at::Tensor twice = values * 2, sum_of_twice = at::empty({part}, at::kFloat);
        Transfer first = ranks.start_reduce_scatter(values, sum);
        Transfer second = ranks.start_reduce_scatter(twice, sum_of_twice);
        first.wait();
        second.wait();
        if (!at::equal(sum * 2, sum_of_twice)) return std::string("the second differs");
        ranks.start_all_gather(sum, values).wait();
        const bool equal = std::equal(expected.begin(), expected.end(), values.const_data_ptr<float>());
        return std::string(equal ? "equal" : "differs");
      });
      for (const std::string& result : results) EXPECT_EQ(result, "equal") << size << " ranks, " << count << " numbers";
    }
  }
}

TEST(ProcessGroup, GathersBytesByRank) {
  const auto text = [](int64_t rank) {
    return std::string(static_cast<size_t>(rank) * 70000, static_cast<char>('a' + rank));
  };
  for (const int64_t size : {2, 4}) {
    const auto results = run_ranks(size, [&](ProcessGroup& ranks) {
      const std::vector<std::string> all = ranks.all_gather(text(ranks.rank()));
      for (int64_t r = 0; r < size; ++r) {
        if (all.at(static_cast<size_t>(r)) != text(r)) return std::string("wrong bytes");
      }
      if (ranks.broadcast(std::string("from \0 rank ", 12) + std::to_string(ranks.rank())) !=
          std::string("from \0 rank ", 12) + "0") {
        return std::string("wrong broadcast");
      }
      ranks.barrier();
      return std::to_string(ranks.all_max(10 - ranks.rank()));
    });
    for (const std::string& result : results) EXPECT_EQ(result, "10");
  }
}

TEST(ProcessGroup, NamesTheRankThatDied) {
  const auto start = std::chrono::steady_clock::now();
  const auto results = run_ranks(2, [](ProcessGroup& ranks) {
    ranks.enter(ranks.is_main() ? "step 3: update" : "step 3: sampling");
    if (!ranks.is_main()) std::raise(SIGKILL);
    ranks.barrier();
    return std::string("went on");
  });
  EXPECT_EQ(results[1], "");
  EXPECT_NE(results[0].find("rank 0 of 2, step 3: update"), std::string::npos) << results[0];
  EXPECT_NE(results[0].find("rank 1 last did: step 3: sampling"), std::string::npos) << results[0];
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(30));  // not the time-out
}

TEST(ProcessGroup, DoesNotWaitForeverForASlowRank) {
  const auto results = run_ranks(
      2,
      [](ProcessGroup& ranks) {
        ranks.enter(ranks.is_main() ? "step 1: update" : "step 1: reward");
        if (!ranks.is_main()) ::sleep(11);
        ranks.barrier();
        return std::string("went on");
      },
      seconds(5));
  EXPECT_NE(results[0].find("rank 1 last did: step 1: reward"), std::string::npos) << results[0];
}

TEST(ProcessGroup, NamesTheRankThatDidNotJoin) {
  const auto results = run_ranks(
      3, [](ProcessGroup&) { return std::string("joined"); }, seconds(5), /*started=*/2);
  for (const std::string& result : results) {
    EXPECT_NE(result.find("rank 2 did not join within 5 s"), std::string::npos) << result;
  }
}

TEST(ProcessGroup, AWorldOfOneNeedsNoNetwork) {
  ProcessGroup one;
  at::Tensor values = at::empty({2}, at::kFloat).fill_(0.5);
  at::Tensor sum = at::empty({2}, at::kFloat);
  one.start_reduce_scatter(values, sum).wait();
  EXPECT_EQ(sum.const_data_ptr<float>()[1], 0.5F);
  EXPECT_EQ(one.all_gather("x"), std::vector<std::string>{"x"});
  EXPECT_EQ(one.broadcast("y"), "y");
  EXPECT_EQ(one.all_max(-3), -3);
  one.barrier();
  EXPECT_TRUE(one.is_main());
}

}  // namespace
}  // namespace hone::dist

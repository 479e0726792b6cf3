#include "hone/report/progress.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "hone/report/text.h"

namespace hone {
namespace {

const StepMetrics kGrpo = {{"loss", 0.1},
                           {"reward", 1.25},
                           {"rewards/accuracy/mean", 0.41},
                           {"rewards/accuracy/std", 0.2},
                           {"rewards/format/mean", 0.84},
                           {"completions/mean_length", 27.93},
                           {"language_consistency", 0.825},
                           {"tokens_per_second", 9120.4}};
const StepMetrics kPretrain = {{"loss", 1.23456}, {"tokens_per_second", 1234567}};

TEST(ProgressLine, PlainLineHasEverything) {
  EXPECT_EQ(
      progress_line({.stage = "r1_zero", .step = 2, .steps = 40, .seconds_left = 62}, kGrpo, {}),
      "r1_zero  2/40  reward 1.25  accuracy 0.41  format 0.84  length 27.9  language 0.82  9,120 tokens/s  1:02 left");
  EXPECT_EQ(progress_line({.stage = "pretrain", .step = 2200, .steps = 2200}, kPretrain, {}),
            "pretrain 2200/2200  loss 1.2346  1,234,567 tokens/s");
  EXPECT_EQ(progress_line({.stage = "s", .step = 1, .steps = 9, .seconds_left = 36061}, {}, {}),
            "s 1/9  10:01:01 left");
}

TEST(ProgressLine, RewardedLanguageStandsOnce) {
  StepMetrics metrics = kGrpo;
  metrics.emplace_back("rewards/language_consistency/mean", 0.9);
  const std::string line = progress_line({.stage = "s", .step = 1, .steps = 9}, metrics, {});
  EXPECT_NE(line.find("language_consistency 0.90"), std::string::npos) << line;
  EXPECT_EQ(line.find("language 0.82"), std::string::npos) << line;
}

// On a terminal of any width the line stays within it, never loses the step, and shows more when there is more room.
TEST(ProgressLine, FitsEveryTerminal) {
  for (const char* stage : {"grpo", "推理_强化"}) {
    size_t shown_before = 0;
    for (int columns = 24; columns <= 200; ++columns) {
      const StepProgress progress{.stage = stage, .step = 12, .steps = 40, .seconds_left = 62};
      const std::string line = progress_line(progress, kGrpo, {.in_place = true, .columns = columns});
      ASSERT_LT(display_width(line), columns) << line;
      ASSERT_NE(line.find("12/40"), std::string::npos) << line;
      size_t shown = 0;
      for (const char* part : {"reward 1.25", "accuracy", "format", "length", "language", "tokens/s", "left"}) {
        shown += line.find(part) != std::string::npos;
      }
      ASSERT_GE(shown, shown_before) << line;
      shown_before = shown;
      const std::string colored = progress_line(progress, kGrpo, {.in_place = true, .color = true, .columns = columns});
      std::string bare = colored;
      for (const char* escape : {"\x1b[36m", "\x1b[39m", "\x1b[2m", "\x1b[22m"}) {
        if (const size_t at = bare.find(escape); at != std::string::npos) bare.erase(at, std::string(escape).size());
      }
      ASSERT_EQ(bare, line);
    }
    EXPECT_EQ(shown_before, 7U);
  }
}

TEST(ProgressLine, BarGrowsWithTheSteps) {
  int before = -1;
  for (int64_t step = 0; step <= 40; ++step) {
    const std::string line =
        progress_line({.stage = "s", .step = step, .steps = 40}, kPretrain, {.in_place = true, .columns = 100});
    int filled = 0, empty = 0;
    for (size_t at = 0; (at = line.find("━", at)) != std::string::npos; ++at) ++filled;
    for (size_t at = 0; (at = line.find("─", at)) != std::string::npos; ++at) ++empty;
    EXPECT_EQ(filled + empty, 20);
    EXPECT_EQ(filled, static_cast<int>(step / 2));
    EXPECT_GE(filled, before);
    before = filled;
  }
}

/// A terminal of its own; what was written to it.
class Screen {
 public:
  explicit Screen(unsigned short columns) {
    winsize size{.ws_row = 24, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
    if (::openpty(&master_, &slave_, nullptr, nullptr, &size) != 0) return;
    stream_ = ::fdopen(slave_, "w");
    ::fcntl(master_, F_SETFL, O_NONBLOCK);
  }
  ~Screen() {
    if (stream_ != nullptr) std::fclose(stream_);
    ::close(master_);
  }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  std::FILE* stream() const { return stream_; }
  std::string take() const {
    std::fflush(stream_);
    std::string out;
    std::array<char, 4096> bytes{};
    for (ssize_t n = 0; (n = ::read(master_, bytes.data(), bytes.size())) > 0;) {
      out.append(bytes.data(), static_cast<size_t>(n));
    }
    return out;
  }

 private:
  int master_ = -1, slave_ = -1;
  std::FILE* stream_ = nullptr;
};

TEST(Progress, RedrawsInPlaceOnATerminal) {
  ::setenv("TERM", "xterm", 1);
  ::unsetenv("NO_COLOR");
  const Screen screen(100);
  if (screen.stream() == nullptr) GTEST_SKIP() << "no pseudo terminal here";
  EXPECT_EQ(Terminal::of(screen.stream()).columns, 100);
  {
    Progress progress("grpo", 0, 3, screen.stream());
    for (int64_t step = 1; step <= 2; ++step) {
      progress.show(step, kGrpo);
      const std::string drawn = screen.take();
      EXPECT_TRUE(drawn.starts_with("\rgrpo ")) << drawn;
      EXPECT_TRUE(drawn.ends_with("\x1b[K")) << drawn;
      EXPECT_NE(drawn.find("\x1b[36m"), std::string::npos) << drawn;
      EXPECT_EQ(drawn.find('\n'), std::string::npos) << drawn;
    }
    progress.note("checkpoint damaged");
    const std::string noted = screen.take();
    EXPECT_TRUE(noted.starts_with("\r\x1b[Kcheckpoint damaged\r\ngrpo ")) << noted;
    ::setenv("NO_COLOR", "1", 1);
    progress.show(3, kGrpo);
    const std::string last = screen.take();
    EXPECT_EQ(last.find("\x1b[36m"), std::string::npos) << last;
    EXPECT_EQ(last.find("left"), std::string::npos) << last;
    ::unsetenv("NO_COLOR");
  }
  EXPECT_EQ(screen.take(), "\r\n");
  ::setenv("TERM", "dumb", 1);
  EXPECT_FALSE(Terminal::of(screen.stream()).in_place);
}

TEST(Progress, WritesPlainLinesElsewhere) {
  char* text = nullptr;
  size_t size = 0;
  std::FILE* const stream = ::open_memstream(&text, &size);
  {
    Progress progress("pretrain", 4, 6, stream);
    progress.show(5, kPretrain);
    progress.note("note");
    progress.show(6, kPretrain);
  }
  std::fclose(stream);
  const std::string out(text, size);
  std::free(text);
  EXPECT_EQ(std::ranges::count(out, '\n'), 3);
  EXPECT_EQ(out.find('\r'), std::string::npos);
  EXPECT_EQ(out.find('\x1b'), std::string::npos);
  EXPECT_TRUE(out.starts_with("pretrain 5/6  loss 1.2346  1,234,567 tokens/s  0:00 left\nnote\n")) << out;
  EXPECT_TRUE(out.ends_with("pretrain 6/6  loss 1.2346  1,234,567 tokens/s\n")) << out;
}

}  // namespace
}  // namespace hone

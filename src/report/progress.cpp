#include "hone/report/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

#include "hone/report/text.h"

namespace hone {
namespace {

constexpr int kMinBar = 6, kMaxBar = 20;

// A piece of the line. The one with the largest `expendable` goes first when there is no room.
struct Part {
  std::string text;
  int expendable;
};

std::string duration(double seconds) {
  const auto s = static_cast<int64_t>(std::llround(seconds));
  if (s < 3600) return fmt::format("{}:{:02}", s / 60, s % 60);
  return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
}

// 9120.4 as "9,120".
std::string grouped(double value) {
  std::string digits = fmt::format("{:.0f}", value);
  for (size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

// Rewards and what they do to the completions; the loss where there are none.
std::vector<Part> parts(const StepMetrics& metrics, double seconds_left) {
  std::vector<Part> out;
  const auto show = [&](std::string_view name, std::string_view label, int digits, int expendable) {
    if (const auto value = find_metric(metrics, name)) {
      out.push_back({fmt::format("{} {:.{}f}", label, *value, digits), expendable});
    }
  };
  if (find_metric(metrics, "reward")) {
    show("reward", "reward", 2, 1);
    for (const auto& [name, value] : metrics) {
      constexpr std::string_view kBefore = "rewards/", kAfter = "/mean";
      if (!name.starts_with(kBefore) || !name.ends_with(kAfter)) continue;
      show(name, name.substr(kBefore.size(), name.size() - kBefore.size() - kAfter.size()), 2, 2);
    }
    show("completions/mean_length", "length", 1, 3);
    if (!find_metric(metrics, "rewards/language_consistency/mean")) show("language_consistency", "language", 2, 5);
  } else {
    show("loss", "loss", 4, 1);
  }
  if (const auto rate = find_metric(metrics, "tokens_per_second")) out.push_back({grouped(*rate) + " tokens/s", 4});
  if (seconds_left >= 0) out.push_back({duration(seconds_left) + " left", 0});
  return out;
}

std::string joined(const std::vector<Part>& parts) {
  std::string line;
  for (const Part& part : parts) line += "  " + part.text;
  return line;
}

std::string bar(const StepProgress& progress, int columns, bool color) {
  const double done = progress.steps > 0 ? static_cast<double>(progress.step) / static_cast<double>(progress.steps) : 1;
  const int filled = std::clamp(static_cast<int>(done * columns), 0, columns);
  std::string full, empty;
  for (int i = 0; i < columns; ++i) (i < filled ? full : empty) += i < filled ? "━" : "─";
  return color ? fmt::format("\x1b[36m{}\x1b[39m\x1b[2m{}\x1b[22m", full, empty) : full + empty;
}

double monotonic_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

Terminal Terminal::of(std::FILE* stream) {
  const auto variable = [](const char* name) {
    const char* const value = std::getenv(name);
    return std::string_view(value == nullptr ? "" : value);
  };
  Terminal terminal;
  const int descriptor = ::fileno(stream);
  terminal.in_place = descriptor >= 0 && ::isatty(descriptor) == 1 && variable("TERM") != "dumb";
  terminal.color = terminal.in_place && variable("NO_COLOR").empty();
  winsize size{};
  if (terminal.in_place && ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    terminal.columns = size.ws_col;
  }
  return terminal;
}

std::string progress_line(const StepProgress& progress, const StepMetrics& metrics, const Terminal& terminal) {
  const std::string steps = fmt::format("{}", progress.steps);
  const std::string count = fmt::format("{:>{}}/{}", progress.step, steps.size(), steps);
  std::vector<Part> shown = parts(metrics, progress.seconds_left);
  const std::string stage = harmless_text(progress.stage);
  if (!terminal.in_place) return fmt::format("{} {}{}", stage, count, joined(shown));

  // A full last column makes some terminals wrap.
  const int room = terminal.columns - 1 - display_width(stage) - 1 - static_cast<int>(count.size());
  while (!shown.empty() && display_width(joined(shown)) > room) {
    // Of equals the last: the parts of a reward stand in the order of the config.
    const auto last = std::ranges::max_element(shown.rbegin(), shown.rend(), {}, &Part::expendable);
    shown.erase(std::next(last).base());
  }
  const std::string rest = count + joined(shown);
  const int bar_room = room - display_width(joined(shown)) - 1;
  if (bar_room < kMinBar) return fmt::format("{} {}", stage, rest);
  return fmt::format("{} {} {}", stage, bar(progress, std::min(bar_room, kMaxBar), terminal.color), rest);
}

Progress::Progress(std::string stage, int64_t step, int64_t steps, std::FILE* stream)
    : stage_(std::move(stage)), steps_(steps), stream_(stream), last_step_(step), last_time_(monotonic_seconds()) {}

Progress::~Progress() {
  if (!line_.empty()) std::fputs("\n", stream_);
}

double Progress::seconds_left(int64_t step) {
  constexpr double kWeightOfLast = 0.2;
  const double time = monotonic_seconds();
  if (step > last_step_) {
    const double seconds = (time - last_time_) / static_cast<double>(step - last_step_);
    const double weight = seconds_per_step_ == 0 ? 1 : kWeightOfLast;
    seconds_per_step_ += weight * (seconds - seconds_per_step_);
  }
  last_step_ = step;
  last_time_ = time;
  return step < steps_ ? seconds_per_step_ * static_cast<double>(steps_ - step) : -1;
}

void Progress::show(int64_t step, const StepMetrics& metrics) {
  const Terminal terminal = Terminal::of(stream_);
  const StepProgress progress{.stage = stage_, .step = step, .steps = steps_, .seconds_left = seconds_left(step)};
  const std::string line = progress_line(progress, metrics, terminal);
  if (terminal.in_place) {
    line_ = line;
    std::fputs(("\r" + line + "\x1b[K").c_str(), stream_);
  } else {
    std::fputs((line + "\n").c_str(), stream_);
  }
  std::fflush(stream_);
}

void Progress::note(std::string_view line) {
  const std::string above = line_.empty() ? "" : "\r\x1b[K";
  std::fputs(fmt::format("{}{}\n{}", above, line, line_).c_str(), stream_);
  std::fflush(stream_);
}

}  // namespace hone

#include "hone/report/html.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "hone/report/text.h"
#include "report/html_page.h"

namespace hone {
namespace {

constexpr size_t kMaxPoints = 2000;  // of one curve; more cannot be seen
constexpr size_t kShownBytes = 4000;

struct Chart {
  std::string_view metric, title;
};
struct ChartGroup {
  std::string_view title;
  std::vector<Chart> charts;
};

constexpr std::string_view kEval = "eval/";  // goes before the names of held-out measures

// What the page shows open, in this order. "rewards/" stands for the mean of each part, "eval/" for each measure.
const ChartGroup kGroups[] = {
    {"Held-out problems over the steps", {{kEval, ""}}},
    {"Rewards",
     {{"reward", "Reward"},
      {"rewards/", ""},
      {"reward_std", "Standard deviation in a group"},
      {"frac_reward_zero_std", "Groups without signal"}}},
    {"Completions",
     {{"completions/mean_length", "Mean length in tokens"},
      {"language_consistency", "Language consistency"},
      {"completions/clipped_ratio", "Share cut off"},
      {"completions/max_length", "Largest length in tokens"}}},
    {"Policy",
     {{"entropy", "Entropy"},
      {"kl", "KL to the reference"},
      {"clip_ratio/low_mean", "Clipped below"},
      {"clip_ratio/high_mean", "Clipped above"},
      {"loss", "Loss"},
      {"grad_norm", "Gradient norm"},
      {"learning_rate", "Learning rate"}}},
    {"Speed", {{"tokens_per_second", "Tokens per second"}, {"step_time", "Seconds per step"}}},
};

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : harmless_text(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

// A JSON string that cannot end the script element that it stands in.
std::string json_string(std::string_view text) {
  std::string out;
  for (const char c : nlohmann::json(harmless_text(text)).dump())
    out += c == '<' ? std::string("\\u003c") : std::string(1, c);
  return out;
}

std::string number(double value, std::string_view metric) {
  return metric.ends_with("length") ? fmt::format("{:.1f}", value) : fmt::format("{:.3f}", value);
}

std::string words(std::string_view name) {
  std::string out(name);
  std::ranges::replace(out, '_', ' ');
  return out;
}

// Steps and values of one metric as [step,value,step,value,...]. Of a long curve the smallest and the largest value of
// each piece, so that no spike is lost.
std::string curve(const StageData& stage, std::string_view metric) {
  std::vector<std::pair<int64_t, double>> points;
  for (const auto& [step, metrics] : stage.metrics) {
    if (const auto value = find_metric(metrics, metric)) points.emplace_back(step, *value);
  }
  const size_t piece = points.size() <= kMaxPoints ? 1 : 2 * points.size() / kMaxPoints + 1;
  std::string out;
  const auto add = [&](const std::pair<int64_t, double>& p) {
    out += fmt::format("{}{},{:.6g}", out.empty() ? "" : ",", p.first, p.second);
  };
  const auto value = [](const auto& p) { return p.second; };
  for (auto at = points.begin(); at != points.end();) {
    const auto end =
        points.end() - at > static_cast<std::ptrdiff_t>(piece) ? at + static_cast<std::ptrdiff_t>(piece) : points.end();
    auto [low, high] = std::ranges::minmax_element(at, end, {}, value);
    if (high < low) std::swap(low, high);
    add(*low);
    if (high != low) add(*high);
    at = end;
  }
  return out;
}

const StageData* find_stage(const RunData& run, const std::string& name) {
  const auto at = std::ranges::find(run.stages, name, &StageData::name);
  return at == run.stages.end() ? nullptr : &*at;
}

// Names in the order in which they come first in any run.
template <typename NamesOf>
std::vector<std::string> united(const std::vector<RunData>& runs, NamesOf names_of) {
  std::vector<std::string> out;
  std::set<std::string> known;
  for (const RunData& run : runs) {
    for (const std::string& name : names_of(run)) {
      if (known.insert(name).second) out.push_back(name);
    }
  }
  return out;
}

std::vector<std::string> stage_names(const std::vector<RunData>& runs) {
  return united(runs, [](const RunData& run) {
    std::vector<std::string> names;
    for (const StageData& stage : run.stages) names.push_back(stage.name);
    return names;
  });
}

std::vector<std::string> metric_names(const std::vector<RunData>& runs, const std::string& stage_name) {
  return united(runs, [&](const RunData& run) {
    std::vector<std::string> names;
    const StageData* stage = find_stage(run, stage_name);
    if (stage == nullptr) return names;
    std::set<std::string_view> known;
    for (const auto& [step, metrics] : stage->metrics) {
      for (const auto& [name, value] : metrics) {
        if (std::isfinite(value) && known.insert(name).second) names.push_back(name);
      }
    }
    return names;
  });
}

std::string data_json(const std::vector<RunData>& runs) {
  std::string out = "{\"runs\":[";
  for (const RunData& run : runs) {
    out += fmt::format("{}{{\"name\":{},\"stages\":{{", &run == &runs.front() ? "" : ",", json_string(run.name));
    for (const StageData& stage : run.stages) {
      out += fmt::format("{}{}:{{", &stage == &run.stages.front() ? "" : ",", json_string(stage.name));
      std::string_view comma;
      for (const std::string& metric : metric_names({run}, stage.name)) {
        out += fmt::format("{}{}:[{}]", comma, json_string(metric), curve(stage, metric));
        comma = ",";
      }
      out += "}";
    }
    out += "}}";
  }
  return out + "]}";
}

std::string swatch(size_t run) {
  return fmt::format("<span class=swatch style=\"background:var(--c{})\"></span>", run % 8);
}

std::string figure(const std::string& stage, std::string_view metric, std::string_view title) {
  const std::string name = title == metric ? "" : fmt::format("<code>{}</code>", escaped(metric));
  return fmt::format(
      "<figure data-stage=\"{}\" data-metric=\"{}\"><figcaption><span>{}</span>{}</figcaption></figure>\n",
      escaped(stage), escaped(metric), escaped(title), name);
}

// The title of one of a family of metrics, when it belongs to it.
std::optional<std::string> title_below(std::string_view family, std::string_view metric) {
  if (!family.ends_with('/') || !metric.starts_with(family)) return std::nullopt;
  metric.remove_prefix(family.size());
  if (family == kEval) return "Held out: " + words(metric);
  constexpr std::string_view kMean = "/mean";
  if (!metric.ends_with(kMean)) return std::nullopt;
  metric.remove_suffix(kMean.size());
  return "Reward: " + words(metric);
}

std::string charts(const std::string& stage, const std::vector<std::string>& metrics) {
  std::string out;
  std::set<std::string> open;
  for (const ChartGroup& group : kGroups) {
    std::string figures;
    const auto add = [&](const std::string& metric, std::string_view title) {
      if (open.insert(metric).second) figures += figure(stage, metric, title);
    };
    for (const Chart& chart : group.charts) {
      for (const std::string& metric : metrics) {
        if (metric == chart.metric) add(metric, chart.title);
        if (const auto title = title_below(chart.metric, metric)) add(metric, *title);
      }
    }
    if (!figures.empty()) out += fmt::format("<h3>{}</h3><div class=charts>\n{}</div>\n", group.title, figures);
  }
  std::string others;
  for (const std::string& metric : metrics) {
    if (!open.contains(metric)) others += figure(stage, metric, metric);
  }
  if (!others.empty()) {
    out += fmt::format("<details><summary>All other metrics</summary><div class=charts>\n{}</div></details>\n", others);
  }
  return out;
}

// Held-out measures of each run, before and after.
std::string evals_table(const std::vector<RunData>& runs, const std::string& stage_name) {
  std::vector<size_t> shown;
  for (size_t i = 0; i < runs.size(); ++i) {
    const StageData* stage = find_stage(runs[i], stage_name);
    if (stage != nullptr && stage->evals.size() >= 2) shown.push_back(i);
  }
  if (shown.empty()) return "";
  std::string out = "<h3>Held-out problems</h3><div class=\"card fit\"><table>\n<tr><th></th>";
  for (const size_t i : shown) {
    const auto& evals = find_stage(runs[i], stage_name)->evals;
    out += fmt::format("<th class=run colspan=3>{} {}, step {} to {}</th>", swatch(i), escaped(runs[i].name),
                       evals.front().step, evals.back().step);
  }
  out += "</tr>\n";
  const auto names = united(runs, [&](const RunData& run) {
    std::vector<std::string> metrics;
    const StageData* stage = find_stage(run, stage_name);
    if (stage == nullptr || stage->evals.size() < 2) return metrics;
    for (const auto& [name, value] : stage->evals.front().metrics) metrics.push_back(name);
    return metrics;
  });
  for (const std::string& name : names) {
    out += fmt::format("<tr><th>{}</th>", escaped(words(name)));
    for (const size_t i : shown) {
      const auto& evals = find_stage(runs[i], stage_name)->evals;
      const auto before = find_metric(evals.front().metrics, name), after = find_metric(evals.back().metrics, name);
      out += fmt::format("<td class=from>{}</td><td class=to>{}</td><td class=change>{}</td>",
                         before ? number(*before, name) : "", after ? number(*after, name) : "",
                         before && after ? (*after < *before ? "" : "+") + number(*after - *before, name) : "");
    }
    out += "</tr>\n";
  }
  return out + "</table></div>\n";
}

// A model's text, its thinking dimmed.
std::string model_text(std::string_view text) {
  constexpr std::string_view kOpen = "<think>", kClose = "</think>";
  std::string rest;
  if (text.size() > kShownBytes) {
    rest = fmt::format("<span class=think> ... {} more bytes</span>", text.size() - kShownBytes);
    text = text.substr(0, kShownBytes);
  }
  const size_t open = text.find(kOpen), close = text.find(kClose);
  std::string shown;
  if (open == std::string_view::npos) {
    shown = escaped(text);
  } else {
    const size_t end = close == std::string_view::npos || close < open ? text.size() : close + kClose.size();
    shown = fmt::format("{}<span class=think>{}</span>{}", escaped(text.substr(0, open)),
                        escaped(text.substr(open, end - open)), escaped(text.substr(end)));
  }
  return fmt::format("<p class=text>{}{}</p>", shown.empty() ? "<span class=think>(empty)</span>" : shown, rest);
}

std::string sample_card(const std::string& heading, std::string_view prompt, std::string_view completion,
                        const std::string& chips) {
  return fmt::format("<div class=\"card sample\"><p class=who>{}</p><p>{}</p>{}{}</div>\n", heading, escaped(prompt),
                     model_text(completion), chips.empty() ? "" : "<div class=chips>" + chips + "</div>");
}

std::string eval_samples(const std::vector<RunData>& runs, const std::string& stage_name) {
  std::string out;
  for (size_t i = 0; i < runs.size(); ++i) {
    const StageData* stage = find_stage(runs[i], stage_name);
    if (stage == nullptr || stage->evals.size() < 2) continue;
    for (const EvalRecord* eval : {&stage->evals.front(), &stage->evals.back()}) {
      const std::string heading = fmt::format("{} {}, {} (step {})", swatch(i), escaped(runs[i].name),
                                              eval == &stage->evals.front() ? "before" : "after", eval->step);
      out += sample_card(heading, eval->prompt, eval->completion, "");
    }
  }
  return out.empty() ? "" : "<h3>One problem, before and after</h3><div class=samples>\n" + out + "</div>\n";
}

std::string training_samples(const std::vector<RunData>& runs, const std::string& stage_name) {
  std::string out;
  for (size_t i = 0; i < runs.size(); ++i) {
    const StageData* stage = find_stage(runs[i], stage_name);
    if (stage == nullptr) continue;
    std::vector<SampleRecord> samples = stage->first_samples;
    if (!samples.empty() && !stage->last_samples.empty() && stage->last_samples.front().step != samples.front().step) {
      samples.insert(samples.end(), stage->last_samples.begin(), stage->last_samples.end());
    }
    for (const SampleRecord& sample : samples) {
      std::string chips;
      for (const auto& [name, value] : sample.rewards) {
        chips += fmt::format("<span>{} {}</span>", escaped(name),
                             std::isfinite(value) ? fmt::format("{:.3g}", value) : "unusable");
      }
      if (!sample.finish_reason.empty() && sample.finish_reason != "stop")
        chips += "<span>" + escaped(sample.finish_reason) + "</span>";
      out += sample_card(fmt::format("{} {}, step {}", swatch(i), escaped(runs[i].name), sample.step), sample.prompt,
                         sample.completion, chips);
    }
  }
  if (out.empty()) return "";
  return "<details><summary>Samples from training: the first and the last step</summary><div class=samples>\n" + out +
         "</div></details>\n";
}

std::string stage_section(const std::vector<RunData>& runs, const std::string& name) {
  int64_t steps = 0;
  for (const RunData& run : runs) {
    const StageData* stage = find_stage(run, name);
    if (stage != nullptr && !stage->metrics.empty()) steps = std::max(steps, stage->metrics.back().first);
  }
  // "00_grpo" is called grpo.
  const size_t at = name.find('_');
  return fmt::format("<section><h2>{}<small>{} steps</small></h2>\n{}{}{}{}</section>\n",
                     escaped(at == std::string::npos ? name : name.substr(at + 1)), steps, evals_table(runs, name),
                     eval_samples(runs, name), charts(name, metric_names(runs, name)), training_samples(runs, name));
}

// Before and after are in the table; more evaluations make curves.
void add_eval_curves(StageData& stage) {
  if (stage.evals.size() <= 2) return;
  for (const EvalRecord& eval : stage.evals) {
    StepMetrics metrics;
    for (const auto& [name, value] : eval.metrics) metrics.emplace_back(std::string(kEval) + name, value);
    stage.metrics.emplace_back(eval.step, std::move(metrics));
  }
}

void make_names_unique(std::vector<RunData>& runs) {
  std::map<std::string, int> count;
  for (const RunData& run : runs) ++count[run.name];
  std::map<std::string, int> used;
  for (RunData& run : runs) {
    if (count[run.name] > 1) run.name = fmt::format("{} ({})", run.name, ++used[run.name]);
  }
}

}  // namespace

std::string html_report(std::vector<RunData> runs) {
  make_names_unique(runs);
  for (RunData& run : runs) {
    for (StageData& stage : run.stages) add_eval_curves(stage);
  }
  std::string title, legend, sections, configs;
  for (size_t i = 0; i < runs.size(); ++i) {
    title += (i == 0 ? "" : ", ") + escaped(runs[i].name);
    legend += fmt::format("<button type=button aria-pressed=true>{}{}</button>", swatch(i), escaped(runs[i].name));
    configs += fmt::format("<details><summary>{} {}</summary><pre class=config>{}</pre></details>\n", swatch(i),
                           escaped(runs[i].name), escaped(runs[i].config));
  }
  for (const std::string& stage : stage_names(runs)) sections += stage_section(runs, stage);
  return fmt::format(
      "<!doctype html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n"
      "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src 'unsafe-inline'; script-src "
      "'unsafe-inline'\">\n"
      "<meta name=viewport content=\"width=device-width, initial-scale=1\">\n<title>{} - hone "
      "report</title>\n<style>{}</style>\n"
      "</head>\n<body>\n<header><h1>hone <span>report</span></h1><div class=legend>{}</div>\n"
      "<label>smoothing <input id=smoothing type=range min=0 max=0.95 step=0.05 value=0></label></header>\n<main>\n"
      "<noscript><p class=card>The curves need JavaScript; it is inside this file.</p></noscript>\n"
      "{}<section><h2>Config</h2>\n{}</section>\n</main>\n<script id=data "
      "type=application/json>{}</script>\n<script>{}</script>\n"
      "</body>\n</html>\n",
      title, kPageStyle, legend, sections, configs, data_json(runs), kPageScript);
}

}  // namespace hone

// Where prompts come from: the built-in world, or a file of records. One thread calls at a time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "hone/data/chains.h"
#include "hone/data/config.h"
#include "hone/data/curriculum.h"
#include "hone/data/records.h"

namespace hone {

/// In which order n records are drawn: all of them each time around, in an order that is new each time and a function
/// of the seed and the round alone, or as they are.
class RecordOrder {
 public:
  RecordOrder(bool shuffle, uint64_t seed, int64_t n) : shuffle_(shuffle), seed_(seed), n_(n) {}

  /// Which record is draw number `index`.
  int64_t at(int64_t index) const;

 private:
  bool shuffle_;
  uint64_t seed_;
  int64_t n_;
  mutable int64_t round_ = -1;  ///< that of order_
  mutable std::vector<int64_t> order_;
};

/// The records of a file or of a built-in set of chat.h, in memory.
class RecordFile {
 public:
  /// Throws Error kInput naming the file and line for what is not a record, has no prompt, or lacks a field that
  /// `config.fields` names, and for a file without records.
  RecordFile(const DataConfig& config, uint64_t seed);

  int64_t size() const { return static_cast<int64_t>(prompts_.size()); }
  /// Draw number `index` of config's order (RecordOrder).
  Prompt prompt(int64_t index) const;
  int64_t row(int64_t index) const { return order_.at(index); }
  /// All of them in the file's order; a prompt's index is its row here. Those without an id have their place
  /// in its stead.
  const std::vector<Prompt>& rows() const { return prompts_; }
  /// "data.jsonl:17" of rows()[row].
  const std::string& place(size_t row) const { return places_[row]; }

 private:
  std::vector<Prompt> prompts_;
  std::vector<std::string> places_;
  RecordOrder order_;
};

class PromptSource {
 public:
  /// Throws Error kInput as its parts do.
  PromptSource(const DataConfig& config, uint64_t seed);

  /// A pure function of (config, seed, index); without token ids.
  Prompt prompt(int64_t index) const;
  /// The first `count` prompts, or all of a file that has fewer. Nothing: the whole file, 256 of the built-in world.
  std::vector<Prompt> first(std::optional<int64_t> count) const;
  /// Nothing for the built-in world, whose problems have no end.
  const RecordFile* file() const { return std::get_if<RecordFile>(&source_); }

 private:
  std::variant<ChainPrompts, RecordFile> source_;
};

/// Prompts of several sources, in the proportion of their weights. Not thread-safe: drawing moves it on.
class PromptMixture {
 public:
  /// The stage's own data, of weight 1 and the name "data", and more; files have a curriculum where that is on. Throws
  /// Error kInput as PromptSource does.
  PromptMixture(const DataConfig& data, const std::vector<SourceConfig>& more, const CurriculumConfig& curriculum,
                uint64_t seed);

  /// `count` prompts for step `step` (from 1) of the sources that take part in it: as many of each as its weight says,
  /// to the nearest prompt. Their indices go on from one call to the next, over all sources.
  std::vector<Prompt> draw(int64_t step, int64_t count);

  /// Tells the curriculum, where there is one, what share of a prompt's completions was right; nothing where none could
  /// be judged.
  void learn(const Prompt& prompt, std::optional<double> pass_rate);
  /// Of all files together; how many records draw() passed over so far.
  CurriculumStats curriculum() const;
  int64_t passed_over() const { return passed_over_; }

  struct Part {
    SourceConfig config;
    PromptSource source;
    std::optional<Curriculum> curriculum{};
    int64_t drawn = 0;
  };
  const std::vector<Part>& parts() const { return parts_; }
  /// How far each source has come, and, a text each, what their curricula know: all that a checkpoint needs.
  std::vector<int64_t> drawn() const;
  std::vector<std::string> curricula() const;
  void continue_from(const std::vector<int64_t>& drawn, const std::vector<std::string>& curricula = {});

 private:
  void add(const SourceConfig& config, const CurriculumConfig& curriculum, uint64_t seed);
  Prompt next(Part& part);

  struct Asked {
    size_t part = 0;
    int64_t row = 0;  // of its file
  };
  std::vector<Part> parts_;
  std::map<int64_t, Asked> asked_;  // what a curriculum has not learnt about yet, by the prompts' indices
  int64_t passed_over_ = 0;
};

}  // namespace hone

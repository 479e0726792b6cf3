// tiktoken's files: a line for every token, its bytes in base64 and its rank, which is its id. The pattern and the
// special tokens are not in them; they follow from the family, and that from the number of ranks.
#include <algorithm>
#include <charconv>
#include <numeric>

#include "bpe.h"
#include "byte_level.h"
#include "hone/core/base64.h"
#include "hone/core/error.h"
#include "parts.h"
#include "patterns.h"

namespace hone {
namespace {

using Specials = std::vector<std::pair<std::string, int64_t>>;

struct Family {
  const char* name;
  size_t ranks;
  const char* pattern;
  bool nfc;
  Specials (*specials)();
  const char *bos, *eos, *pad;  ///< null where there is none
  std::vector<int64_t> more_eos_ids;
};

Specials numbered(std::initializer_list<const char*> names, int64_t first) {
  Specials specials;
  for (const char* name : names) specials.emplace_back(name, first++);
  return specials;
}

void add_numbered(Specials& specials, const char* prefix, const char* suffix, int number, size_t count) {
  while (specials.size() < count) {
    const int64_t id = specials.back().second + 1;
    specials.emplace_back(fmt::format("{}{}{}", prefix, number++, suffix), id);
  }
}

// As in Meta's models/llama3/tokenizer.py.
Specials llama3_specials() {
  Specials specials =
      numbered({"<|begin_of_text|>", "<|end_of_text|>", "<|reserved_special_token_0|>", "<|reserved_special_token_1|>",
                "<|finetune_right_pad_id|>", "<|step_id|>", "<|start_header_id|>", "<|end_header_id|>", "<|eom_id|>",
                "<|eot_id|>", "<|python_tag|>", "<|image|>"},
               128000);
  add_numbered(specials, "<|reserved_special_token_", "|>", 2, 256);
  return specials;
}

// As in tokenization_qwen.py of Qwen 1.
Specials qwen_specials() {
  Specials specials = numbered({"<|endoftext|>", "<|im_start|>", "<|im_end|>"}, 151643);
  add_numbered(specials, "<|extra_", "|>", 0, 208);
  return specials;
}

// As in OpenAI's tiktoken_ext/openai_public.py.
Specials cl100k_specials() {
  Specials specials = numbered({"<|endoftext|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>"}, 100257);
  specials.emplace_back("<|endofprompt|>", 100276);
  return specials;
}
Specials o200k_specials() {
  return {{"<|endoftext|>", 199999}, {"<|endofprompt|>", 200018}};
}
Specials gpt2_specials() {
  return {{"<|endoftext|>", 50256}};
}

const std::vector<Family>& families() {
  constexpr const char* kEnd = "<|endoftext|>";
  static const std::vector<Family> list = {
      {"Llama 3",
       128000,
       kCl100kPattern,
       false,
       llama3_specials,
       "<|begin_of_text|>",
       "<|end_of_text|>",
       "<|finetune_right_pad_id|>",
       {128008, 128009}},
      {"Qwen", 151643, kQwenPattern, true, qwen_specials, nullptr, kEnd, kEnd, {151645}},
      {"cl100k_base", 100256, kCl100kPattern, false, cl100k_specials, nullptr, kEnd, nullptr, {}},
      {"o200k_base", 199998, kO200kPattern, false, o200k_specials, nullptr, kEnd, nullptr, {}},
      {"r50k_base", 50256, kGpt2Pattern, false, gpt2_specials, nullptr, kEnd, nullptr, {}},
      {"p50k_base", 50280, kGpt2Pattern, false, gpt2_specials, nullptr, kEnd, nullptr, {}},
  };
  return list;
}

const Family& family_of(size_t ranks, const std::string& file) {
  std::string known;
  for (const Family& family : families()) {
    if (family.ranks == ranks) return family;
    known += fmt::format("{}{} ({})", known.empty() ? "" : ", ", family.ranks, family.name);
  }
  throw_input({.what = "no known tiktoken vocabulary has as many ranks",
               .place = file,
               .got = std::to_string(ranks),
               .expected = known,
               .hint = "a tokenizer.json says what this file leaves out"});
}

struct Line {
  std::string bytes;
  int64_t rank;
};

std::optional<Line> read_line(std::string_view line) {
  const size_t space = line.find(' ');
  if (space == std::string_view::npos || space == 0) return {};
  auto bytes = decode_base64(line.substr(0, space));
  int64_t rank = 0;
  const char *const begin = line.data() + space + 1, *const end = line.data() + line.size();
  const auto [stop, error] = std::from_chars(begin, end, rank);
  if (!bytes || bytes->empty() || error != std::errc() || stop != end) return {};
  return Line{std::move(*bytes), rank};
}

template <typename Each>
void for_each_line(std::string_view bytes, Each each) {
  size_t number = 0;
  for (size_t at = 0; at < bytes.size();) {
    const size_t end = std::min(bytes.find('\n', at), bytes.size());
    std::string_view line = bytes.substr(at, end - at);
    at = end + 1;
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty() && !each(line, number)) return;
  }
}

}  // namespace

bool is_tiktoken(std::string_view bytes) {
  bool is = false;
  for_each_line(bytes.substr(0, 1024), [&](std::string_view line, size_t) {
    is = read_line(line).has_value();
    return false;
  });
  return is;
}

void load_tiktoken(const std::string& file, const std::string& bytes, TokenizerParts& parts) {
  size_t ranks = 0;
  parts.vocabulary = Vocabulary(static_cast<size_t>(std::ranges::count(bytes, '\n')) + 1);
  for_each_line(bytes, [&](std::string_view text, size_t number) {
    const auto line = read_line(text);
    std::string token;
    if (line) append_byte_level(line->bytes, token);
    HONE_CHECK(line && parts.vocabulary.add(token, line->rank), .what = "no token in base64 with a rank of its own",
               .place = fmt::format("{}:{}", file, number), .got = std::string(text.substr(0, 80)));
    return ++ranks > 0;
  });
  const Family& family = family_of(ranks, file);
  std::vector<uint32_t> by_id(parts.vocabulary.size());
  std::iota(by_id.begin(), by_id.end(), 0U);
  parts.model = std::make_unique<Bpe>(parts.vocabulary, merges_of_tokens(parts.vocabulary, by_id),
                                      BpeOptions{.whole_first = true});
  if (family.nfc) parts.normalizer = make_nfc();
  parts.pre_tokenizer = make_byte_level(family.pattern, /*add_prefix_space=*/false);
  parts.decoder = byte_level_decoder();
  for (const auto& [content, id] : family.specials()) {
    parts.added_list.push_back({.content = content, .id = id, .special = true, .normalized = false});
  }
  const auto name = [](const char* token) {
    return token == nullptr ? std::nullopt : std::optional<std::string>(token);
  };
  parts.bos_name = name(family.bos);
  parts.eos_name = name(family.eos);
  parts.pad_name = name(family.pad);
  parts.more_eos_ids = family.more_eos_ids;
  if (family.bos != nullptr) {  // the first of its specials
    parts.before = {static_cast<int32_t>(parts.added_list.front().id)};
  }
}

}  // namespace hone

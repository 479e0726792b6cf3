#include "json.h"

#include <filesystem>

#include "hone/core/error.h"
#include "hone/core/file.h"

namespace hone {
namespace {

constexpr size_t kMaxDepth = 64;

enum class Source { kPlain, kTokenizer, kVocab };

// Builds the tree, but takes the long lists out of it while they are read.
class Builder : public nlohmann::json_sax<Json> {
 public:
  Builder(JsonDocument& document, Source source) : document_(document), source_(source) {}

  bool null() override { return value(nullptr); }
  bool boolean(bool b) override { return value(b); }
  bool number_integer(number_integer_t n) override { return number(n, static_cast<double>(n), n); }
  bool number_unsigned(number_unsigned_t n) override {
    return number(n, static_cast<double>(n), n > INT64_MAX ? -1 : static_cast<int64_t>(n));
  }
  bool number_float(number_float_t n, const string_t&) override { return number(n, n, -1); }
  bool binary(binary_t&) override { return false; }

  bool string(string_t& text) override {
    if (list_ == List::kMerges && depth_in_list_ == 0) {
      const std::string place = fmt::format("model.merges[{}]", lists().merges.size());
      if (!text.starts_with("#version")) lists().merges.push_back(split_merge(text, document_.file + ": " + place));
      return true;
    }
    if (list_ == List::kNone) return value(std::move(text));
    if (depth_in_list_ == 1 && strings_.size() < 2) return strings_.push_back(std::move(text)), true;
    refuse_element();
  }

  bool key(string_t& name) override {
    key_ = std::move(name);
    return true;
  }

  bool start_object(size_t) override {
    if (list_ != List::kNone) refuse_element();
    if (is_vocabulary("vocab") || (source_ == Source::kVocab && open_.empty())) return begin(List::kIds);
    return open(Json::object());
  }
  bool end_object() override { return close(); }

  bool start_array(size_t) override {
    if (list_ == List::kIds || (list_ != List::kNone && depth_in_list_ > 0)) refuse_element();
    if (list_ != List::kNone) {
      ++depth_in_list_;
      strings_.clear();
      score_.reset();
      return true;
    }
    if (is_vocabulary("vocab")) return begin(List::kScores);
    if (is_vocabulary("merges")) return begin(List::kMerges);
    return open(Json::array());
  }

  bool end_array() override {
    if (depth_in_list_ == 0) return close();
    --depth_in_list_;
    if (list_ == List::kScores) {
      if (strings_.size() != 1 || !score_) refuse_element();
      lists().scores.emplace_back(std::move(strings_[0]), *score_);
    } else {
      if (strings_.size() != 2) refuse_element();
      lists().merges.emplace_back(std::move(strings_[0]), std::move(strings_[1]));
    }
    return true;
  }

  bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception&) override {
    throw_input({.what = fmt::format("damaged JSON at byte {}", position), .place = document_.file});
  }

 private:
  enum class List { kNone, kIds, kScores, kMerges };

  VocabularyLists& lists() { return document_.lists; }

  bool is_vocabulary(const char* name) const {
    return source_ == Source::kTokenizer && open_.size() == 2 && open_key_ == "model" && key_ == name;
  }
  bool begin(List list) {
    list_ = list;
    return true;
  }

  [[noreturn]] void refuse_element() const {
    const char* const prefix = source_ == Source::kVocab ? "" : "model.";
    if (list_ == List::kIds) {
      throw_input({.what = fmt::format("{}vocab['{}'] is no id", prefix, key_), .place = document_.file});
    }
    const bool merges = list_ == List::kMerges;
    throw_input({.what = fmt::format("model.{}[{}] is malformed", merges ? "merges" : "vocab",
                                     merges ? document_.lists.merges.size() : document_.lists.scores.size()),
                 .place = document_.file,
                 .got = {},
                 .expected = merges ? "two tokens" : "a token and its score"});
  }

  bool number(Json json, double score, int64_t id) {
    if (list_ == List::kNone) return value(std::move(json));
    if (list_ == List::kIds) return lists().ids.emplace_back(std::move(key_), id), true;
    if (list_ != List::kScores || depth_in_list_ != 1 || score_) refuse_element();
    score_ = score;
    return true;
  }

  bool value(Json json) {
    if (list_ != List::kNone) refuse_element();
    put(std::move(json));
    return true;
  }

  Json* put(Json json) {
    if (open_.empty()) return &(document_.json = std::move(json));
    if (open_.back()->is_array()) return &open_.back()->emplace_back(std::move(json));
    return &((*open_.back())[key_] = std::move(json));
  }

  bool open(Json json) {
    HONE_CHECK(open_.size() < kMaxDepth, .what = fmt::format("JSON nested deeper than {}", kMaxDepth),
               .place = document_.file);
    if (open_.size() == 1) open_key_ = key_;
    open_.push_back(put(std::move(json)));
    return true;
  }

  bool close() {
    if (list_ != List::kNone) return begin(List::kNone);
    open_.pop_back();
    return true;
  }

  JsonDocument& document_;
  const Source source_;
  std::vector<Json*> open_;
  std::string key_, open_key_;  ///< the last one, and the one of the member of the root that is open
  List list_ = List::kNone;
  int depth_in_list_ = 0;
  std::vector<std::string> strings_;
  std::optional<double> score_;
};

JsonDocument parse(const std::string& file, Source source) {
  JsonDocument document{.file = file, .json = {}, .lists = {}};
  const std::string text = read_file(file, kMaxTokenizerBytes);
  Builder builder(document, source);
  Json::sax_parse(text, &builder);
  HONE_CHECK(document.json.is_object() || source == Source::kVocab, .what = "not a JSON object", .place = file);
  return document;
}

}  // namespace

Node Node::operator[](const char* key) const {
  static const Json null;
  if (!json_->is_object()) refuse("is no object");
  const auto at = json_->find(key);
  return {at == json_->end() ? null : *at, *file_, path_.empty() ? key : path_ + "." + key};
}

std::vector<Node> Node::elements() const {
  if (!json_->is_array()) refuse("is no list", "a list");
  std::vector<Node> nodes;
  for (const Json& element : *json_) nodes.emplace_back(element, *file_, fmt::format("{}[{}]", path_, nodes.size()));
  return nodes;
}

const std::string& Node::text() const {
  if (!json_->is_string()) refuse("is no text", "a text");
  return json_->get_ref<const std::string&>();
}

int64_t Node::integer() const {
  if (!json_->is_number_integer()) refuse("is no whole number", "a whole number");
  return json_->get<int64_t>();
}

bool Node::boolean() const {
  if (!json_->is_boolean()) refuse("is neither true nor false", "true or false");
  return json_->get<bool>();
}

void Node::refuse(const std::string& what, const std::string& expected) const {
  std::string got = json_->dump(-1, ' ', false, Json::error_handler_t::replace);
  if (got.size() > 80) got = got.substr(0, 77) + "...";
  throw_input({.what = path_.empty() ? what : path_ + " " + what, .place = *file_, .got = got, .expected = expected});
}

JsonDocument read_json(const std::string& file) {
  return parse(file, Source::kPlain);
}

JsonDocument read_json_if_any(const std::string& file) {
  if (!std::filesystem::exists(file)) return {.file = file, .json = Json::object(), .lists = {}};
  return read_json(file);
}

JsonDocument read_tokenizer_json(const std::string& file) {
  return parse(file, Source::kTokenizer);
}

JsonDocument read_vocab_json(const std::string& file) {
  return parse(file, Source::kVocab);
}

std::pair<std::string, std::string> split_merge(std::string_view line, const std::string& place) {
  const size_t space = line.find(' ');
  HONE_CHECK(space != std::string_view::npos && line.find(' ', space + 1) == std::string_view::npos,
             .what = "a merge is not two tokens with a space between", .place = place,
             .got = std::string(line.substr(0, 80)));
  return {std::string(line.substr(0, space)), std::string(line.substr(space + 1))};
}

}  // namespace hone

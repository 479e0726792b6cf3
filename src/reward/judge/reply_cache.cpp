#include "reward/judge/reply_cache.h"

#include <nlohmann/json.hpp>

#include "hone/core/error.h"
#include "hone/core/log.h"

namespace hone {

using Json = nlohmann::json;

ReplyCache::ReplyCache(const std::filesystem::path& path) {
  uint64_t size = 0;
  bool torn = false;
  if (std::filesystem::exists(path)) {
    const MappedFile file(path);
    std::string_view rest = file.bytes();
    size = rest.size();
    torn = size > 0 && !rest.ends_with('\n');
    int64_t unreadable = 0, number = 0, first = 0;
    while (!rest.empty()) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(rest.size(), line.size() + 1));
      ++number;
      if (line.empty()) continue;
      const Json entry = Json::parse(line, nullptr, /*allow_exceptions=*/false);
      const auto text = [&](const char* key) -> const std::string* {
        const auto at = entry.is_object() ? entry.find(key) : entry.end();
        return entry.is_object() && at != entry.end() ? at->get_ptr<const std::string*>() : nullptr;
      };
      const std::string *const key = text("key"), *const reply = text("reply");
      if (key != nullptr && reply != nullptr) {
        replies_.try_emplace(*key, *reply);
      } else if (++unreadable == 1) {
        first = number;
      }
    }
    if (unreadable > 0)
      log_warning(fmt::format("{}:{}: {} line(s) of the cache cannot be read and are left out", path.string(), first,
                              unreadable));
  }
  file_.emplace(path, size);
  if (torn) file_->append("");  // what comes next must not run into half a line
}

std::optional<std::string> ReplyCache::find(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = replies_.find(key);
  return found == replies_.end() ? std::nullopt : std::optional(found->second);
}

std::string ReplyCache::keep(const std::string& key, const std::string& reply) {
  const std::lock_guard lock(mutex_);
  const auto [entry, fresh] = replies_.try_emplace(key, reply);
  if (fresh) file_->append(Json({{"key", key}, {"reply", reply}}).dump());
  return entry->second;
}

}  // namespace hone

// HTTP POST over libcurl, with bounds on time and size.
//
// TLS certificates and host names are verified, redirects are not followed (a key would go to strangers), and proxies
// come from the caller alone, never from the environment. An HttpClient owns its connections and keeps them open.
// post() may be called from several threads at once.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace hone {

struct HttpOptions {
  std::string url;
  std::vector<std::string> headers{};  ///< "Name: value"
  std::optional<std::string> proxy{};
  double timeout_seconds = 60;  ///< of one request, from the look-up of the name to the last byte
  int64_t retries = 0;
};

struct HttpReply {
  int status = 0;  ///< 0 where there was no reply
  std::string body{};
  std::string problem{};  ///< for people, where there was no reply
  bool passing = false;   ///< the same request may do better later
  double retry_after_seconds = 0;
};

class HttpClient {
 public:
  explicit HttpClient(HttpOptions options);
  ~HttpClient();

  /// The reply to the last try. Tried again, after backoff_seconds(), where the server was out of reach, too slow, too
  /// busy (429) or failed (5xx). Never throws for what the network does.
  HttpReply post(const std::string& body) const;

  /// Half a second, doubled for each further try, or what the server asks for in Retry-After; 8 seconds at most.
  static double backoff_seconds(int64_t tries, double retry_after_seconds);

 private:
  struct Handle;
  HttpReply post_once(const std::string& body) const;
  std::unique_ptr<Handle> take_handle() const;

  HttpOptions options_;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<Handle>> idle_;
};

}  // namespace hone

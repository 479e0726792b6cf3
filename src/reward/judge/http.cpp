#include "reward/judge/http.h"

#include <curl/curl.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

#include "hone/core/error.h"

namespace hone {
namespace {

constexpr size_t kMaxReplyBytes = 8 << 20;
constexpr double kFirstBackoffSeconds = 0.5, kLongestBackoffSeconds = 8;

void start_curl() {
  // Not thread-safe in every build of libcurl, and only once.
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (started != CURLE_OK) throw_failed({.what = "libcurl does not start", .got = curl_easy_strerror(started)});
}

size_t receive(const char* data, size_t, size_t size, void* target) {
  std::string& body = *static_cast<std::string*>(target);
  if (body.size() + size > kMaxReplyBytes) return 0;  // ends the transfer with CURLE_WRITE_ERROR
  body.append(data, size);
  return size;
}

// Programs that other threads start must not inherit a connection.
curl_socket_t open_socket(void*, curlsocktype, curl_sockaddr* address) {
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/// What a later try may mend. Certificates, malformed addresses and the like stay as they are.
bool is_passing(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return true;
    default:
      return false;
  }
}

bool is_passing(int status) {
  return status == 429 || (status >= 500 && status <= 599);
}

}  // namespace

struct HttpClient::Handle {
  CURL* curl = nullptr;
  curl_slist* headers = nullptr;
  Handle() = default;
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() {
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
  }
  template <class Value>
  void set(CURLoption option, Value value) {
    const CURLcode code = curl_easy_setopt(curl, option, value);
    HONE_ASSERT(code == CURLE_OK, "option {}: {}", static_cast<int>(option), curl_easy_strerror(code));
  }
};

HttpClient::HttpClient(HttpOptions options) : options_(std::move(options)) {
  start_curl();
}
HttpClient::~HttpClient() = default;

std::unique_ptr<HttpClient::Handle> HttpClient::take_handle() const {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto handle = std::move(idle_.back());
      idle_.pop_back();
      return handle;
    }
  }
  auto handle = std::make_unique<Handle>();
  handle->curl = curl_easy_init();
  HONE_ASSERT(handle->curl != nullptr);
  const auto add_header = [&](const std::string& header) {
    handle->headers = curl_slist_append(handle->headers, header.c_str());
    HONE_ASSERT(handle->headers != nullptr);
  };
  add_header("Expect:");  // or a large request waits a second for a server's leave
  for (const std::string& header : options_.headers) add_header(header);
  const auto milliseconds = static_cast<long>(std::ceil(options_.timeout_seconds * 1000));
  handle->set(CURLOPT_URL, options_.url.c_str());
  handle->set(CURLOPT_PROTOCOLS_STR, "http,https");
  handle->set(CURLOPT_HTTPHEADER, handle->headers);
  handle->set(CURLOPT_POST, 1L);
  handle->set(CURLOPT_FOLLOWLOCATION, 0L);
  handle->set(CURLOPT_SSL_VERIFYPEER, 1L);
  handle->set(CURLOPT_SSL_VERIFYHOST, 2L);
  handle->set(CURLOPT_PROXY, options_.proxy.value_or("").c_str());  // "": none, whatever the environment says
  handle->set(CURLOPT_TIMEOUT_MS, milliseconds);
  handle->set(CURLOPT_CONNECTTIMEOUT_MS, milliseconds);
  handle->set(CURLOPT_NOSIGNAL, 1L);    // time-outs by signals belong to programs of one thread
  handle->set(CURLOPT_QUICK_EXIT, 1L);  // a name server that hangs is not waited for
  handle->set(CURLOPT_OPENSOCKETFUNCTION, open_socket);
  handle->set(CURLOPT_WRITEFUNCTION, receive);
  return handle;
}

HttpReply HttpClient::post_once(const std::string& body) const {
  auto handle = take_handle();
  HttpReply reply;
  handle->set(CURLOPT_POSTFIELDS, body.c_str());
  handle->set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  handle->set(CURLOPT_WRITEDATA, &reply.body);
  const CURLcode code = curl_easy_perform(handle->curl);
  if (code != CURLE_OK) {
    reply.body.clear();
    reply.problem = code == CURLE_WRITE_ERROR ? "the reply is too long" : curl_easy_strerror(code);
    reply.passing = is_passing(code);
    return reply;  // and the connection is given up
  }
  long status = 0;
  curl_easy_getinfo(handle->curl, CURLINFO_RESPONSE_CODE, &status);
  curl_off_t retry_after = 0;
  curl_easy_getinfo(handle->curl, CURLINFO_RETRY_AFTER, &retry_after);
  reply.status = static_cast<int>(status);
  reply.passing = is_passing(reply.status);
  reply.retry_after_seconds = static_cast<double>(retry_after);
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(handle));
  return reply;
}

HttpReply HttpClient::post(const std::string& body) const {
  for (int64_t tries = 0;; ++tries) {
    HttpReply reply = post_once(body);
    if (!reply.passing || tries == options_.retries) return reply;
    std::this_thread::sleep_for(std::chrono::duration<double>(backoff_seconds(tries, reply.retry_after_seconds)));
  }
}

double HttpClient::backoff_seconds(int64_t tries, double retry_after_seconds) {
  const double own = kFirstBackoffSeconds * std::exp2(static_cast<double>(tries));
  return std::min(std::max(own, retry_after_seconds), kLongestBackoffSeconds);
}

}  // namespace hone

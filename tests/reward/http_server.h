// A server on 127.0.0.1 that answers each request as a test says, over plain sockets; one thread a connection.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "hone/core/error.h"

namespace hone {

struct HttpRequest {
  int64_t number;  ///< 0, 1, ... in the order of arrival
  std::string head, body;
};

/// The answer to send; it may take its time as long as stopping() is false.
struct HttpAnswer {
  std::string status = "200 OK";
  std::string body{};
  std::string headers{};  ///< lines with their ends
};

class HttpServer {
 public:
  using Handler = std::function<HttpAnswer(const HttpRequest& request)>;

  explicit HttpServer(Handler handler) : handler_(std::move(handler)), listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* const where = reinterpret_cast<sockaddr*>(&address);
    HONE_ASSERT(listener_ >= 0 && ::bind(listener_, where, size) == 0 && ::listen(listener_, 64) == 0 &&
                ::getsockname(listener_, where, &size) == 0);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~HttpServer() {
    stopping_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    for (std::thread& connection : connections_) connection.join();
    ::close(listener_);
  }
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::string url(const std::string& scheme = "http") const {
    return fmt::format("{}://127.0.0.1:{}/v1", scheme, port_);
  }
  bool stopping() const { return stopping_; }
  std::vector<HttpRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void accept_all() {
    for (int client = 0; (client = ::accept(listener_, nullptr, nullptr)) >= 0;) {
      const timeval patience{.tv_sec = 5, .tv_usec = 0};
      ::setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
      connections_.emplace_back([this, client] {
        serve(client);
        ::close(client);
      });
    }
  }

  void serve(int client) {
    HttpRequest request;
    std::string bytes;
    size_t head = std::string::npos, length = 0;
    while (head == std::string::npos || bytes.size() < head + 4 + length) {
      char buffer[4096];
      const ssize_t count = ::recv(client, buffer, sizeof(buffer), 0);
      if (count <= 0) return;
      bytes.append(buffer, static_cast<size_t>(count));
      head = bytes.find("\r\n\r\n");
      const size_t field = bytes.find("Content-Length: ");
      if (head != std::string::npos && field < head) length = std::strtoul(bytes.c_str() + field + 16, nullptr, 10);
    }
    request.head = bytes.substr(0, head), request.body = bytes.substr(head + 4);
    {
      const std::lock_guard lock(mutex_);
      request.number = static_cast<int64_t>(requests_.size());
      requests_.push_back(request);
    }
    const HttpAnswer answer = handler_(request);
    const std::string reply = fmt::format("HTTP/1.1 {}\r\nContent-Length: {}\r\nConnection: close\r\n{}\r\n{}",
                                          answer.status, answer.body.size(), answer.headers, answer.body);
    for (size_t sent = 0; sent < reply.size();) {
      const ssize_t count = ::send(client, reply.data() + sent, reply.size() - sent, MSG_NOSIGNAL);
      if (count <= 0) return;
      sent += static_cast<size_t>(count);
    }
  }

  Handler handler_;
  int listener_;
  uint16_t port_ = 0;
  std::atomic<bool> stopping_ = false;
  mutable std::mutex mutex_;
  std::vector<HttpRequest> requests_;
  std::vector<std::thread> connections_;
  std::thread acceptor_;
};

}  // namespace hone

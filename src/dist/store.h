// The meeting point of the ranks: c10d's store over TCP.
#pragma once

#include <torch/csrc/distributed/c10d/Store.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace hone::dist {

/// Hosts the store at a port, or connects to it. Throws Error kFailed naming address and port.
c10::intrusive_ptr<c10d::Store> open_store(const std::string& address, int64_t port, bool hosts,
                                           std::chrono::milliseconds timeout);
/// Hosts it at `port`, or at a free one where that is 0, and says which.
c10::intrusive_ptr<c10d::Store> host_store(const std::string& address, int64_t& port);

}  // namespace hone::dist

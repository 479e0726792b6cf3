#include "dist/store.h"

#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "hone/core/error.h"

namespace hone::dist {
namespace {

c10::intrusive_ptr<c10d::TCPStore> make_store(const std::string& address, int64_t port, bool hosts,
                                              std::chrono::milliseconds timeout) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<uint16_t>(port);
  options.isServer = hosts;
  options.waitWorkers = false;
  options.timeout = timeout;
  try {
    return c10::make_intrusive<c10d::TCPStore>(address, options);
  } catch (const c10::Error& error) {
    const std::string reason = error.what_without_backtrace();
    throw_failed({.what = hosts ? "the ranks cannot meet here" : "the place where the ranks meet is not reached",
                  .place = fmt::format("{}:{}", address, port),
                  .got = reason.substr(0, reason.find('\n')),
                  .hint = hosts ? "is the port taken? choose another: --master-port or MASTER_PORT"
                                : "check MASTER_ADDR and MASTER_PORT, and that rank 0 runs"});
  }
}

}  // namespace

c10::intrusive_ptr<c10d::Store> open_store(const std::string& address, int64_t port, bool hosts,
                                           std::chrono::milliseconds timeout) {
  return make_store(address, port, hosts, timeout);
}

c10::intrusive_ptr<c10d::Store> host_store(const std::string& address, int64_t& port) {
  auto store = make_store(address, port, /*hosts=*/true, std::chrono::seconds(60));
  port = store->getPort();
  return store;
}

}  // namespace hone::dist

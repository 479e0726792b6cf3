#include "hone/dist/process_group.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cstring>

// The wheel of LibTorch holds Gloo and c10d's headers; Gloo's own headers come from Debian. They are older than the
// code, so no class of Gloo itself is made or copied here, only c10d's.
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "dist/store.h"
#include "hone/core/error.h"

namespace hone::dist {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A rank that has not come by then will not come.
constexpr seconds kJoinTimeout{600};
// For what is asked of the store when something has already gone wrong.
constexpr milliseconds kQuestionTimeout{2000};

bool is_loopback(const std::string& address) {
  return address == "localhost" || address == "::1" || address.starts_with("127.");
}

// The network interface that the ranks talk over, by Gloo's usual variable where it is set.
auto make_device(const std::string& address) {
  if (const auto interface = environment_variable("GLOO_SOCKET_IFNAME"); interface && !interface->empty()) {
    return c10d::ProcessGroupGloo::createDeviceForInterface(*interface);
  }
  if (is_loopback(address)) return c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1");
  return c10d::ProcessGroupGloo::createDefaultDevice();
}

at::Tensor as_tensor(const std::string& bytes, int64_t size) {
  at::Tensor out = at::zeros({size}, at::kByte);
  std::memcpy(out.mutable_data_ptr(), bytes.data(), bytes.size());
  return out;
}

template <class T>
std::string bytes_of(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

template <class T>
T value_of(const std::string& bytes) {
  T value{};
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

// parts [ranks, n]: the sum over ranks into the first row, as a tree, so that it does not depend on who came first.
void sum_rows(const at::Tensor& parts) {
  const int64_t ranks = parts.size(0);
  for (int64_t stride = 1; stride < ranks; stride *= 2) {
    for (int64_t r = 0; r + stride < ranks; r += 2 * stride) parts[r].add_(parts[r + stride]);
  }
}

}  // namespace

struct ProcessGroup::Network {
  c10::intrusive_ptr<c10d::Store> store;
  c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo;
  int64_t restarts = 0;
};

std::string phase_key(int64_t restarts, int64_t rank) {
  return fmt::format("phase/{}/{}", restarts, rank);
}

ProcessGroup::ProcessGroup() = default;

ProcessGroup::ProcessGroup(const LaunchEnvironment& environment, seconds timeout)
    : rank_(environment.rank), size_(environment.size) {
  if (size_ == 1) return;
  phase_ = "joining";
  const milliseconds join = std::min<milliseconds>(kJoinTimeout, timeout);
  network_ = std::make_unique<Network>();
  network_->restarts = environment.restarts;
  network_->store = open_store(environment.address, environment.port, is_main() && !environment.launcher_hosts, join);
  collect("join", [&] {
    enter(phase_);
    std::string missing;
    const auto end = std::chrono::steady_clock::now() + join;
    for (int64_t r = 0; r < size_; ++r) {
      const auto left = std::chrono::duration_cast<milliseconds>(end - std::chrono::steady_clock::now());
      try {
        network_->store->wait({phase_key(environment.restarts, r)}, std::max(left, milliseconds(10)));
      } catch (const c10::Error&) {
        missing += fmt::format("{}{}", missing.empty() ? "" : ", ", r);
      }
    }
    if (!missing.empty()) {
      throw_failed({.what = fmt::format("rank {} did not join within {} s", missing,
                                        std::chrono::duration_cast<seconds>(join).count()),
                    .place = fmt::format("rank {} of {}", rank_, size_)});
    }
    auto options = c10d::ProcessGroupGloo::Options::create(timeout);
    options->devices.push_back(make_device(environment.address));
    network_->gloo = c10::make_intrusive<c10d::ProcessGroupGloo>(
        c10::make_intrusive<c10d::PrefixStore>(fmt::format("gloo/{}", environment.restarts), network_->store),
        static_cast<int>(rank_), static_cast<int>(size_), options);
  });
}

ProcessGroup::~ProcessGroup() = default;

void ProcessGroup::enter(const std::string& phase) {
  phase_ = phase;
  if (network_) collect("phase", [&] { network_->store->set(phase_key(network_->restarts, rank_), phase); });
}

template <class Collective>
void ProcessGroup::collect(const char* name, Collective collective) {
  try {
    const at::NoGradGuard no_grad;
    collective();
  } catch (const Error&) {
    throw;
  } catch (const c10::Error& error) {
    fail(name, error.what_without_backtrace());
  } catch (const std::exception& error) {
    fail(name, error.what());
  }
}

void ProcessGroup::fail(const char* name, const std::string& reason) {
  std::string others;
  try {
    network_->store->setTimeout(kQuestionTimeout);
    for (int64_t r = 0; r < size_; ++r) {
      if (r == rank_) continue;
      const std::string key = phase_key(network_->restarts, r);
      const std::string phase = network_->store->check({key}) ? network_->store->get_to_str(key) : "nothing yet";
      others += fmt::format("{}rank {} last did: {}", others.empty() ? "" : ", ", r, phase);
    }
  } catch (const std::exception&) {
    others = "the process that the ranks meet at is gone too";
  }
  throw_failed({.what = fmt::format("{} with the other ranks failed", name),
                .place = fmt::format("rank {} of {}, {}", rank_, size_, phase_),
                .got = reason.substr(0, reason.find('\n')),
                .hint = others});
}

Transfer ProcessGroup::start_reduce_scatter(const at::Tensor& given, const at::Tensor& sum) {
  HONE_ASSERT(given.scalar_type() == at::kFloat && given.is_contiguous() && given.numel() == size_ * sum.numel());
  if (size_ == 1) {
    at::Tensor(sum).copy_(given.view_as(sum));
    return {};
  }
  const at::Tensor parts = at::empty({size_, sum.numel()}, given.options());
  c10::intrusive_ptr<c10d::Work> work;
  collect("a sum", [&] {
    at::Tensor from = given.view({-1}), to = parts;
    std::vector<int64_t> even;
    work = network_->gloo->alltoall_base(to, from, even, even);
  });
  return Transfer([this, given, sum, parts, work] {
    collect("a sum", [&] {
      work->wait();
      sum_rows(parts);
      at::Tensor(sum).copy_(parts[0].view_as(sum));
    });
  });
}

Transfer ProcessGroup::start_all_gather(const at::Tensor& mine, const at::Tensor& all) {
  HONE_ASSERT(mine.is_contiguous() && all.is_contiguous() && all.numel() == size_ * mine.numel());
  if (size_ == 1) {
    at::Tensor(all).copy_(mine.view_as(all));
    return {};
  }
  c10::intrusive_ptr<c10d::Work> work;
  collect("a gathering", [&] {
    at::Tensor from = mine.view({-1}), to = all.view({-1});
    work = network_->gloo->_allgather_base(to, from);
  });
  return Transfer([this, mine, all, work] { collect("a gathering", [&] { work->wait(); }); });
}

std::vector<std::string> ProcessGroup::all_gather(const std::string& bytes) {
  if (size_ == 1) return {bytes};
  std::vector<std::string> out;
  collect("a gathering", [&] {
    at::Tensor length = at::empty({1}, at::kLong), lengths = at::empty({size_}, at::kLong);
    length.data_ptr<int64_t>()[0] = static_cast<int64_t>(bytes.size());
    network_->gloo->_allgather_base(lengths, length)->wait();
    const int64_t* sizes = lengths.const_data_ptr<int64_t>();
    const int64_t longest = std::max<int64_t>(1, *std::max_element(sizes, sizes + size_));
    at::Tensor mine = as_tensor(bytes, longest), all = at::empty({size_ * longest}, at::kByte);
    network_->gloo->_allgather_base(all, mine)->wait();
    for (int64_t r = 0; r < size_; ++r) {
      const auto* begin = reinterpret_cast<const char*>(all.const_data_ptr<uint8_t>()) + r * longest;
      out.emplace_back(begin, static_cast<size_t>(sizes[r]));
    }
  });
  return out;
}

std::string ProcessGroup::broadcast(const std::string& bytes) {
  return all_gather(is_main() ? bytes : "").front();
}

int64_t ProcessGroup::all_max(int64_t value) {
  int64_t largest = value;
  for (const std::string& other : all_gather(bytes_of(value))) largest = std::max(largest, value_of<int64_t>(other));
  return largest;
}

double ProcessGroup::all_sum(double value) {
  if (size_ == 1) return value;
  double sum = 0;
  for (const std::string& other : all_gather(bytes_of(value))) sum += value_of<double>(other);
  return sum;
}

void ProcessGroup::barrier() {
  all_max(0);
}

ProcessGroup& one_rank() {
  static ProcessGroup group;
  return group;
}

}  // namespace hone::dist

#include "pipeline/signals.h"

#include <atomic>
#include <csignal>

namespace hone {
namespace {

std::atomic<int> stop{0}, stop_elsewhere{0};
std::atomic<bool> save{false};

extern "C" void on_stop(int signal) {
  if (stop.exchange(signal) != 0) {  // the second one
    std::signal(signal, SIG_DFL);
    std::raise(signal);
  }
}

extern "C" void on_save(int) {
  save = true;
}

}  // namespace

void install_signal_handlers() {
  std::signal(SIGINT, on_stop);
  std::signal(SIGTERM, on_stop);
  std::signal(SIGUSR1, on_save);
}

int stop_signal() {
  const int here = stop;
  return here != 0 ? here : stop_elsewhere.load();
}

void set_stop_signal(int signal) {
  stop_elsewhere = signal;
}

bool take_save_request() {
  return save.exchange(false);
}

}  // namespace hone

// Owning file descriptors, and memory files. Everything made here is close-on-exec. Failures are std::system_error:
// this is shared with the supervisor, which has no other part of hone. An object belongs to one thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace hone::sandbox {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() { reset(); }
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) reset(std::exchange(other.number_, -1));
    return *this;
  }
  int get() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }
  void reset(int number = -1);

 private:
  int number_ = -1;
};

/// `number` as it is, or the error of the system call named `call` when it is negative.
int checked(int number, const char* call);

std::pair<Descriptor, Descriptor> make_pipe();  ///< read end, write end
std::pair<Descriptor, Descriptor> make_socket_pair(int type);

/// A file without a name that holds `bytes`, at its start. `executable` for programs.
Descriptor memory_file(std::string_view bytes, bool executable = false);
/// A second opening of the same file, to read only, with a position of its own.
Descriptor reopen(const Descriptor& file);
/// The whole file from its start.
std::string read_whole(const Descriptor& file);

}  // namespace hone::sandbox

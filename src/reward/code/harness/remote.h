// Calls of one function between two processes: the tests in one box, the program in another, plain values between them.
// Nothing of the program's own types or operators exists where the tests compare.
#pragma once

#include <sys/socket.h>
#include <unistd.h>
#include <any>
#include <array>
#include <complex>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace hone_remote {

// How the process of the tests ends when it is not the tests that end it.
inline constexpr int kProgramLeft = 71, kGarbled = 72, kNotANumber = 73;
inline constexpr uint64_t kLongest = uint64_t{1} << 28;

#ifdef HONE_TESTS
[[noreturn]] inline void lost(int code) {
  _exit(code);
}
#else
[[noreturn]] inline void lost(int) {
  _exit(0);
}  // the tests are through
#endif

inline void write_all(const char* data, size_t size) {
  while (size > 0) {
    const ssize_t n = ::send(0, data, size, MSG_NOSIGNAL);
    if (n <= 0) lost(kProgramLeft);
    data += n;
    size -= static_cast<size_t>(n);
  }
}

inline void read_all(char* data, size_t size) {
  while (size > 0) {
    const ssize_t n = read(0, data, size);
    if (n <= 0) lost(kProgramLeft);
    data += n;
    size -= static_cast<size_t>(n);
  }
}

inline void send(const std::string& message) {
  const uint64_t size = message.size();
  write_all(reinterpret_cast<const char*>(&size), sizeof size);
  write_all(message.data(), message.size());
}

inline std::string receive() {
  uint64_t size = 0;
  read_all(reinterpret_cast<char*>(&size), sizeof size);
  if (size > kLongest) lost(kGarbled);
  std::string message(size, '\0');
  read_all(message.data(), size);
  return message;
}

struct Input {
  const char* at;
  const char* end;
  void take(void* to, uint64_t size) {
    if (size > static_cast<uint64_t>(end - at)) lost(kGarbled);
    std::memcpy(to, at, size);
    at += size;
  }
};

/// A type without a specialization cannot travel, and the tests then do not compile.
template <class T, class = void>
struct Travel;

template <class T>
void put(std::string& out, const T& value) {
  Travel<T>::put(out, value);
}
template <class T>
T get(Input& in) {
  return Travel<T>::get(in);
}

inline uint64_t get_size(Input& in) {
  uint64_t size = 0;
  in.take(&size, sizeof size);
  if (size > static_cast<uint64_t>(in.end - in.at)) lost(kGarbled);  // no element takes less than a byte
  return size;
}

template <class T>
struct Travel<T, std::enable_if_t<std::is_arithmetic_v<T>>> {
  static void put(std::string& out, T value) { out.append(reinterpret_cast<const char*>(&value), sizeof value); }
  static T get(Input& in) {
    if constexpr (std::is_same_v<T, bool>) {
      unsigned char byte = 0;
      in.take(&byte, 1);
      return byte != 0;
    } else {
      T value{};
      in.take(&value, sizeof value);
#ifdef HONE_NO_NAN
      if constexpr (std::is_floating_point_v<T>) {
        if (value != value) lost(kNotANumber);
      }
#endif
      return value;
    }
  }
};

template <>
struct Travel<std::string> {
  static void put(std::string& out, const std::string& value) {
    hone_remote::put<uint64_t>(out, value.size());
    out += value;
  }
  static std::string get(Input& in) {
    std::string value(get_size(in), '\0');
    in.take(value.data(), value.size());
    return value;
  }
};

template <class C, class Element>
struct TravelContainer {
  static void put(std::string& out, const C& value) {
    hone_remote::put<uint64_t>(out, value.size());
    for (const auto& x : value) hone_remote::put<Element>(out, x);
  }
  static C get(Input& in) {
    C value;
    for (uint64_t n = get_size(in); n > 0; --n) value.insert(value.end(), hone_remote::get<Element>(in));
    return value;
  }
};
template <class T>
struct Travel<std::vector<T>> : TravelContainer<std::vector<T>, T> {};
template <class T>
struct Travel<std::deque<T>> : TravelContainer<std::deque<T>, T> {};
template <class T>
struct Travel<std::list<T>> : TravelContainer<std::list<T>, T> {};
template <class T>
struct Travel<std::set<T>> : TravelContainer<std::set<T>, T> {};
template <class T>
struct Travel<std::multiset<T>> : TravelContainer<std::multiset<T>, T> {};
template <class T>
struct Travel<std::unordered_set<T>> : TravelContainer<std::unordered_set<T>, T> {};
template <class K, class V>
struct Travel<std::map<K, V>> : TravelContainer<std::map<K, V>, std::pair<K, V>> {};
template <class K, class V>
struct Travel<std::unordered_map<K, V>> : TravelContainer<std::unordered_map<K, V>, std::pair<K, V>> {};

template <class A, class B>
struct Travel<std::pair<A, B>> {
  static void put(std::string& out, const std::pair<A, B>& value) {
    hone_remote::put<A>(out, value.first);
    hone_remote::put<B>(out, value.second);
  }
  static std::pair<A, B> get(Input& in) {
    A first = hone_remote::get<A>(in);
    B second = hone_remote::get<B>(in);
    return {std::move(first), std::move(second)};
  }
};

template <class... T>
struct Travel<std::tuple<T...>> {
  static void put(std::string& out, const std::tuple<T...>& value) {
    std::apply([&](const auto&... x) { (hone_remote::put<std::decay_t<decltype(x)>>(out, x), ...); }, value);
  }
  static std::tuple<T...> get(Input& in) { return std::tuple<T...>{hone_remote::get<T>(in)...}; }  // in order: braces
};

template <class T, size_t N>
struct Travel<std::array<T, N>> {
  static void put(std::string& out, const std::array<T, N>& value) {
    for (const T& x : value) hone_remote::put<T>(out, x);
  }
  static std::array<T, N> get(Input& in) {
    std::array<T, N> value;
    for (T& x : value) x = hone_remote::get<T>(in);
    return value;
  }
};

template <class T>
struct Travel<std::optional<T>> {
  static void put(std::string& out, const std::optional<T>& value) {
    hone_remote::put<bool>(out, value.has_value());
    if (value) hone_remote::put<T>(out, *value);
  }
  static std::optional<T> get(Input& in) {
    if (!hone_remote::get<bool>(in)) return std::nullopt;
    return hone_remote::get<T>(in);
  }
};

template <class T>
struct Travel<std::complex<T>> {
  static void put(std::string& out, const std::complex<T>& value) {
    hone_remote::put<T>(out, value.real());
    hone_remote::put<T>(out, value.imag());
  }
  static std::complex<T> get(Input& in) {
    const T real = hone_remote::get<T>(in);
    return {real, hone_remote::get<T>(in)};
  }
};

/// What an std::any may hold, tried in this order.
template <>
struct Travel<std::any> {
  using Kinds = std::tuple<int, long, long long, unsigned, unsigned long, double, float, bool, char, std::string,
                           std::vector<int>, std::vector<long>, std::vector<double>, std::vector<std::string>,
                           std::map<std::string, std::string>>;
  static constexpr unsigned char kEmpty = 255, kText = 254;

  static void put(std::string& out, const std::any& value) {
    if (!value.has_value()) return hone_remote::put<unsigned char>(out, kEmpty);
    if (const auto* text = std::any_cast<const char*>(&value)) {
      hone_remote::put<unsigned char>(out, kText);
      return hone_remote::put<std::string>(out, *text);
    }
    if (!put_kind<0>(out, value)) throw std::bad_any_cast();
  }
  static std::any get(Input& in) {
    const auto kind = hone_remote::get<unsigned char>(in);
    if (kind == kEmpty) return {};
    if (kind == kText) return static_cast<const char*>(strdup(hone_remote::get<std::string>(in).c_str()));
    std::any value;
    if (!get_kind<0>(in, kind, value)) lost(kGarbled);
    return value;
  }

 private:
  template <size_t I>
  static bool put_kind(std::string& out, const std::any& value) {
    if constexpr (I == std::tuple_size_v<Kinds>) {
      return false;
    } else {
      using T = std::tuple_element_t<I, Kinds>;
      const T* const held = std::any_cast<T>(&value);
      if (held == nullptr) return put_kind<I + 1>(out, value);
      hone_remote::put<unsigned char>(out, I);
      hone_remote::put<T>(out, *held);
      return true;
    }
  }
  template <size_t I>
  static bool get_kind(Input& in, unsigned char kind, std::any& value) {
    if constexpr (I == std::tuple_size_v<Kinds>) {
      return false;
    } else {
      if (kind != I) return get_kind<I + 1>(in, kind, value);
      value = hone_remote::get<std::tuple_element_t<I, Kinds>>(in);
      return true;
    }
  }
};

/// Arguments that the function may change are sent back.
template <class A>
inline constexpr bool kChanges = std::is_lvalue_reference_v<A> && !std::is_const_v<std::remove_reference_t<A>>;

/// The function as the tests see it.
template <class F>
struct Function;
template <class R, class... A>
struct Function<R(A...)> {
  R operator()(A... arguments) const {
    std::string request;
    (put<std::decay_t<A>>(request, arguments), ...);
    send(request);
    const std::string reply = receive();
    Input in{reply.data(), reply.data() + reply.size()};
    if (get<bool>(in)) throw std::runtime_error(get<std::string>(in));
    if constexpr (std::is_void_v<R>) {
      (take_back<A>(in, arguments), ...);
    } else {
      auto result = get<std::decay_t<R>>(in);
      (take_back<A>(in, arguments), ...);
      return result;
    }
  }

 private:
  template <class A1>
  static void take_back(Input& in, std::remove_reference_t<A1>& argument) {
    if constexpr (kChanges<A1>) argument = get<std::decay_t<A1>>(in);
  }
};

template <class A>
void put_back(std::string& reply, const std::decay_t<A>& argument) {
  if constexpr (kChanges<A>) put<std::decay_t<A>>(reply, argument);
}

/// The program's side: answers calls until the tests are through.
template <class R, class... A>
[[noreturn]] void serve(R (*function)(A...)) {
  while (true) {
    const std::string request = receive();
    Input in{request.data(), request.data() + request.size()};
    std::string reply;
    try {
      std::tuple<std::decay_t<A>...> arguments{get<std::decay_t<A>>(in)...};
      const auto call = [&](auto&... argument) -> R { return function(static_cast<A>(argument)...); };
      put<bool>(reply, false);
      if constexpr (std::is_void_v<R>) {
        std::apply(call, arguments);
      } else {
        put<std::decay_t<R>>(reply, std::apply(call, arguments));
      }
      std::apply([&](const auto&... argument) { (put_back<A>(reply, argument), ...); }, arguments);
    } catch (const std::exception& error) {
      reply.clear();
      put<bool>(reply, true);
      put<std::string>(reply, error.what());
    }
    send(reply);
  }
}

}  // namespace hone_remote

#include "pipeline/guard.h"

#include <gtest/gtest.h>

#include "hone/core/error.h"

namespace hone {
namespace {

TEST(Guard, FiresAtItsLimitInARow) {
  Guard guard("max_things", 3, "a thing happened", "do less");
  guard.count(true);
  guard.count(true);
  guard.count(false);
  EXPECT_EQ(guard.in_a_row(), 0);
  guard.count(true);
  guard.count(true);
  try {
    guard.count(true);
    ADD_FAILURE() << "did not fire";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kGuard);
    EXPECT_STREQ(error.what(),
                 "guard max_things: 3 times in a row a thing happened (do less; the last checkpoint is intact)");
  }
}

TEST(Guard, ContinuesFromACheckpoint) {
  Guard guard("max_things", 3, "a thing happened", "do less");
  guard.continue_from(2);
  EXPECT_THROW(guard.count(true), Error);
}

TEST(Guard, OffNeverFires) {
  Guard guard("max_things", std::nullopt, "a thing happened", "do less");
  for (int i = 0; i < 1000; ++i) guard.count(true);
}

TEST(Guard, NamesAreKeys) {
  GuardConfig config;
  config.max_nonfinite_updates = config.max_no_signal_steps = config.max_no_stop_steps = 1;
  const std::pair<Guard, std::string> guards[] = {{nonfinite_guard(config), "guard max_nonfinite_updates"},
                                                  {no_signal_guard(config), "guard max_no_signal_steps"},
                                                  {no_stop_guard(config), "guard max_no_stop_steps"}};
  for (auto [guard, name] : guards) {
    try {
      guard.count(true);
      ADD_FAILURE() << name;
    } catch (const Error& error) {
      EXPECT_TRUE(std::string(error.what()).starts_with(name)) << error.what();
    }
  }
}

}  // namespace
}  // namespace hone

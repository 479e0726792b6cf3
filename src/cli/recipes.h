// The shipped configs as texts inside the program, so that `hone init` needs no file of the source tree.
#pragma once

namespace hone::cli {

extern const char* const kMiniatureR1Zero;
extern const char* const kMiniatureR1ZeroLanguage;
extern const char* const kMiniatureR1;
extern const char* const kMiniatureDistill;
extern const char* const kMiniaturePretrain;

}  // namespace hone::cli

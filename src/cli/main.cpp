// TEMP
#include "hone/pipeline/run.h"
#include "hone/core/error.h"
#include <cstdio>
#include <string>
int main(int argc, char** argv) {
  hone::RunRequest r; 
  for (int i = 1; i < argc; ++i) { const std::string a = argv[i]; if (a == "run") r.config = argv[++i]; else if (a == "--output") r.output = argv[++i]; else if (a == "--set") r.overrides.push_back(argv[++i]); else if (a == "--fresh") r.fresh = true; }
  try { return hone::run_pipeline(r); } catch (const hone::Error& e) { std::fprintf(stderr, "hone: %s\n", e.what()); return static_cast<int>(e.kind()); }
}

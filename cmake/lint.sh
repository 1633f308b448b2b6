#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Clang's thread safety analysis as errors, clang-tidy, and what has grown long (a list, nothing fails for it).
set -euo pipefail
cd "$(dirname "$0")/.."
cmake -G Ninja -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_BUILD_TYPE=Debug -DRINGKV_UNITY=0 -B build-lint -S . >/dev/null
cmake --build build-lint
git ls-files '*.cc' ':!bench' ':!tests' | xargs clang-tidy --quiet -p build-lint
git ls-files '*.h' '*.cc' | xargs clang-format --dry-run --Werror
echo "Files over 500 lines:"
git ls-files '*.h' '*.cc' '*.py' | xargs wc -l | awk '$2 != "total" && $1 > 500 {print "  " $1 " " $2}' | sort -rn

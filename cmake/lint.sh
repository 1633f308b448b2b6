#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# clang-tidy and Clang's thread safety analysis for each source that CMake compiles, clang-format, and what has grown
# long (a list, nothing fails for it).
set -euo pipefail
cd "$(dirname "$0")/.."
# A unity build, because most of the time goes to headers. What -isystem names, or is installed, is not looked at.
cmake -G Ninja -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_BUILD_TYPE=Debug -B build-lint -S . >/dev/null
sed -n 's/^ *"file": "\(.*\)",\{0,1\}$/\1/p' build-lint/compile_commands.json | grep -v '^/usr/' |
  xargs -P "$(nproc)" -n 1 clang-tidy --quiet --config-file=.clang-tidy --warnings-as-errors='*' -p build-lint
git ls-files '*.h' '*.cc' | xargs clang-format --dry-run --Werror
echo "Files over 500 lines:"
git ls-files '*.h' '*.cc' '*.py' | xargs wc -l | awk '$2 != "total" && $1 > 500 {print "  " $1 " " $2}' | sort -rn

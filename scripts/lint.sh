#!/bin/sh
# Everything that can be said about the sources without running them.
set -eu
cd "$(dirname "$0")/.."

swift format lint --strict --recursive Sources Tests Package.swift Benchmarks/Sources Benchmarks/Package.swift Examples

for file in Sources/CIPCShim/*.c; do
  for compiler in gcc clang; do
    "$compiler" -std=gnu11 -Wall -Wextra -Werror -ISources/CIPCShim/include -fsyntax-only "$file"
  done
  clang --analyze -Xanalyzer -analyzer-output=text -Xanalyzer -analyzer-werror \
    -ISources/CIPCShim/include "$file" -o /dev/null
done
for file in Benchmarks/FirstLight/*.c Benchmarks/Sources/*/*.c; do
  gcc -std=gnu11 -Wall -Wextra -Werror -fsyntax-only "$file"
done

git ls-files --cached --others --exclude-standard -- '*.sh' .ci/run Tests/System ':!*.py' | xargs shellcheck
echo "lint: nothing to say"

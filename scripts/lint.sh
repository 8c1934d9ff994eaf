#!/bin/sh
# Everything that can be said about the sources, and about the manual, without running anything.
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
for file in Benchmarks/FirstLight/*.c Benchmarks/Sources/*/*.c Tests/System/faults/*.c Tests/Valgrind/*.c; do
  gcc -std=gnu11 -Wall -Wextra -Werror -ISources/CIPCShim/include -fsyntax-only "$file"
done

# The pages as they are installed; neither reader has anything to say of them.
pages=$(mktemp -d)
trap 'rm -rf "$pages"' EXIT
for page in man/*.in; do
  name=$(basename "$page" .in)
  sed -e 's/@version@/0.0.0/' -e 's|@bindir@|/usr/local/bin|' "$page" >"$pages/$name"
  mandoc -T lint -W warning "$pages/$name"
  groff -mandoc -Tutf8 -ww "$pages/$name" 2>&1 >"$pages/text" | tee "$pages/warnings"
  [ ! -s "$pages/warnings" ]
done

# What a page says that a suite shows, a suite must be there for.
grep -ohwE '[A-Za-z]+Tests' SECURITY.md docs/reports/*.md | sort -u | while read -r suite; do
  grep -rqwE "(struct|extension) $suite" Tests || { echo "lint: no suite is called $suite" >&2 && exit 1; }
done

git ls-files --cached --others --exclude-standard -- '*.sh' .ci/run Tests/System ':!*.py' ':!*.c' | xargs shellcheck
echo "lint: nothing to say"

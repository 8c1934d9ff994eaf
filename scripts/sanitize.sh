#!/bin/bash
# sanitize.sh [thread] [address] [undefined]: runs the tests in programs that watch themselves, all three ways unless some
# are named. Fails when a test does, or when any process that took part had something to report.
set -euo pipefail
cd "$(dirname "$0")/.."

swift=${SWIFT:-swift}
# Not those of the compiler, whose programs never run, nor those of the trait, whose children would start too slowly.
tests='^(CIPCShimTests|IPCKitTests|DescriptorWatchTests|WindowServiceTests)\.'
# The linker tells of each of AddressSanitizer's own symbols that it is local.
quiet='/warning: Cannot export local symbol/d'
reports=$(mktemp -d)
suppressions=$(mktemp)
trap 'rm -rf "$reports" "$suppressions"' EXIT

# Reports go to files, because the output of many a process here is a test's to read, or nobody's. ThreadSanitizer would
# not let a child that was forked from several threads start one, and would give every process a second at its end.
export ASAN_OPTIONS="log_path=$reports/report:exitcode=66:detect_leaks=1"
export TSAN_OPTIONS="log_path=$reports/report:exitcode=66:halt_on_error=0:die_after_fork=0:atexit_sleep_ms=10"
# What Foundation does not free of a file that it read for a test is not ours.
echo 'leak:readBytesFromFile' >"$suppressions"
export LSAN_OPTIONS="suppressions=$suppressions:print_suppressions=0"
# A program that watches itself starts slowly, and tests are many: they are not each given a process of their own.
export IPCKIT_LEAKFREE=off
# Some programs end by a trap, as they must; nobody reads why.
export SWIFT_BACKTRACE=enable=no
export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH="${SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH:-4}"
export IPCKIT_LEAK_CYCLES="${IPCKIT_LEAK_CYCLES:-1000}"

# The second looks for leaks in a thread of its own, and one test ends where there may be none. The toolchain has no run-time
# library for the third: what is undefined in C ends the process by a trap.
declare -A options=(
  [thread]='--sanitize=thread'
  [address]='--sanitize=address --skip managerHearsOfAServiceWhoseUserMayHaveNoMoreThreads'
  [undefined]='-Xcc -fsanitize=undefined -Xcc -fsanitize-trap=undefined'
)

[ $# -gt 0 ] || set -- thread address undefined
failed=
for kind in "$@"; do
  echo "sanitize: $kind"
  # shellcheck disable=SC2086  # words on purpose
  "$swift" test ${options[$kind]} --scratch-path ".build/sanitize-$kind" --disable-xctest --filter "$tests" 2>&1 |
    sed -u "$quiet" || failed="$failed $kind"
  for report in "$reports"/*; do
    [ -e "$report" ] || continue
    cat "$report"
    rm "$report"
    [[ " $failed " == *" $kind "* ]] || failed="$failed $kind"
  done
done
if [ -n "$failed" ]; then
  echo "sanitize: failed with$failed" >&2
  exit 1
fi
echo "sanitize: nothing to report"

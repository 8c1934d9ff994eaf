#!/bin/bash
# fuzz.sh full|quick|merge|build [TARGET...]: feeds the targets of Tests/Fuzzing inputs that libFuzzer makes of their corpora.
# Fails when one crashes, leaks, takes too long, or does not run; the input is in .build/fuzz-finds then.
#   full   each for FUZZ_SECONDS or FUZZ_RUNS, whichever is over first; goes on from what earlier runs have found worth
#          keeping. Writes docs/reports/fuzzing.md of the last full run of each, once every target has had one.
#   quick  each for a few seconds, from the corpora that are committed.
#   merge  brings what full runs have found worth keeping into the committed corpora: as few files as reach as much, 60 at
#          the most. Those whose names begin with `find`, which have been too much for the code once, stay.
set -euo pipefail
cd "$(dirname "$0")/.."

swift=${SWIFT:-swift}
fuzzer=.build/fuzz/release/Fuzzing
finds=.build/fuzz-finds
grown=.build/fuzz-corpora
logs=.build/fuzz-logs/${FUZZ_KIND:-${1:-}}
committed=Tests/Fuzzing/Corpora
report=docs/reports/fuzzing.md
# A crash ends the process at once: the trace that Swift would make of it takes minutes.
export SWIFT_BACKTRACE=enable=no
# What one input may take before it counts as a find; a run that does not end is ended a while after its time.
patience=25
# An input's bytes at the most: what takes them apart has states enough for these, and longer ones take longer.
longest=1024

build() {
  # All of it is watched, the C too, optimized, with assertions. gold does not take what the sanitizers make.
  IPCKIT_FUZZING=1 "$swift" build --configuration release --scratch-path .build/fuzz --product Fuzzing \
    -Xswiftc -sanitize=fuzzer,address -Xcc -fsanitize=fuzzer-no-link,address -Xswiftc -gline-tables-only \
    -Xswiftc -enable-testing -Xswiftc -assert-config -Xswiftc Debug -Xswiftc -use-ld=lld
}

# What the last line of a run's state says behind a word.
state() { sed -nE "s/.* $2: ([0-9]+).*/\1/p" "$logs/$1.log" | tail -1; }
executions() { sed -n 's/^stat::number_of_executed_units: *//p' "$logs/$1.log"; }

# The run of one target; says in a line how it went.
one() {
  local target=$1 status=0 begin=$SECONDS
  local corpora=("$grown/$target" "$committed/$target")
  # Nothing is added to what is committed.
  if [ "$kind" = quick ]; then corpora=("$(mktemp -d -p "$logs")" "$committed/$target"); fi
  mkdir -p "${corpora[0]}"
  # Where memory came from is of use once something is found, which runs again without this.
  ASAN_OPTIONS=malloc_context_size=1:quarantine_size_mb=16 \
    IPCKIT_FUZZ_TARGET=$target timeout --foreground --signal=KILL $((FUZZ_SECONDS + 2 * patience + 60)) "$fuzzer" \
    -max_total_time="$FUZZ_SECONDS" -runs="$FUZZ_RUNS" -timeout="$patience" -max_len="$longest" -print_final_stats=1 -close_fd_mask=2 \
    -artifact_prefix="$finds/$target-" "${corpora[@]}" >"$logs/$target.log" 2>&1 || status=$?
  echo $((SECONDS - begin)) >"$logs/$target.seconds"
  echo "$target: $(executions "$target") executions, $(state "$target" cov) edges, status $status"
  # One that has not run has found nothing, whatever its status.
  [ "$status" -eq 0 ] && [ "$(executions "$target")" -gt 0 ] && return
  touch "$logs/$target.failed"
  tail -n 30 "$logs/$target.log"
  show "$target"
}

# Says why, which nobody could read in the midst of a run.
show() {
  local input
  for input in "$finds/$1"-*; do
    [ -e "$input" ] || continue
    echo "fuzz: $1 with $input:"
    IPCKIT_FUZZ_TARGET=$1 timeout --signal=KILL $((2 * patience)) "$fuzzer" -timeout="$patience" "$input" 2>&1 |
      grep -aE '^fuzz: |Fatal error|ERROR|SUMMARY|^ +#([0-9]|1[0-9]) ' | head -n 24 || true
  done
}

row() {
  local seconds found
  seconds=$(cat "$logs/$1.seconds")
  found=$(find "$finds" -name "$1-*" -printf '%f ')
  [ ! -e "$logs/$1.failed" ] || found="${found:-no run} "
  echo "| $1 | $(date --utc --reference "$logs/$1.seconds" +%F) | $(executions "$1") | $seconds | $(($(executions "$1") / (seconds > 0 ? seconds : 1))) |" \
    "$(state "$1" cov) | $(state "$1" ft) | $(find "$grown/$1" -type f | wc -l) | ${found:-none }|"
}

write_report() {
  mkdir -p "$(dirname "$report")"
  {
    echo "# Fuzzing"
    echo
    echo "Written by \`make fuzz\` on $(date --utc +%F): Linux $(uname -r | grep -o '^[0-9.]*'), $(uname -m)," \
      "$("$swift" --version 2>&1 | sed -n 's/^.*\(Swift\) version \([^ ]*\).*/\1 \2/p' | head -1)," \
      "$(nproc) processors, of which the targets had $FUZZ_JOBS."
    echo
    echo "Each target is a file of \`Tests/Fuzzing/Targets\`, which says what must be so whatever the input. Each ran, when it"
    echo "last did, for as long as stands there, under AddressSanitizer and with assertions. Edges are the places in the code"
    echo "that were reached; features tell, beside that, how often; the corpus is what was worth keeping, then and before."
    echo
    echo "| target | last run | executions | seconds | executions a second | edges | features | corpus, files | finds |"
    echo "|---|---|---|---|---|---|---|---|---|"
    for target in "$@"; do row "$target"; done
  } >"$report"
  echo "fuzz: $report is written"
}

# As few files as reach every place; how often they do is left to the corpora that grow.
merge() {
  local target=$1 merged
  merged=$(mktemp -d -p "$logs")
  mkdir -p "$grown/$target"
  # At its end, servers still serve: what Swift keeps of them behind their counts of references is no leak.
  ASAN_OPTIONS=detect_leaks=0 IPCKIT_FUZZ_TARGET=$target "$fuzzer" -set_cover_merge=1 -use_counters=0 -close_fd_mask=2 \
    "$merged" "$committed/$target" "$grown/$target" >"$logs/$target.merge" 2>&1
  [ -n "$(ls -A "$merged")" ]
  find "$committed/$target" -type f ! -name 'find*' -delete
  # The largest reach the most.
  find "$merged" -type f -size -4k -printf '%s %p\n' | sort -rn | head -n 60 | cut -d ' ' -f 2- |
    xargs cp -t "$committed/$target"
  echo "$target: $(find "$committed/$target" -type f | wc -l) files, $(cat "$committed/$target"/* | wc -c) bytes"
}

kind=${1:?full, quick, merge or build}
shift
case $kind in
  full) : "${FUZZ_SECONDS:=1800}" "${FUZZ_RUNS:=10000000}" ;;
  quick) : "${FUZZ_SECONDS:=3}" "${FUZZ_RUNS:=10000000}" ;;
  # This script's own, for one of several at a time.
  one)
    kind=$FUZZ_KIND
    one "$1"
    exit
    ;;
esac
export FUZZ_SECONDS FUZZ_RUNS FUZZ_KIND=$kind FUZZ_JOBS=${FUZZ_JOBS:-2}

build
[ "$kind" != build ] || exit 0
mapfile -t targets < <("$fuzzer" --list)
[ ${#targets[@]} -gt 0 ]
[ $# -gt 0 ] || set -- "${targets[@]}"
mkdir -p "$logs" "$finds"
find "$logs" -maxdepth 1 -name 'tmp.*' -exec rm -r {} +
for target in "$@"; do rm -f "$logs/$target".* "$finds/$target"-*; done
if [ "$kind" = merge ]; then
  for target in "$@"; do merge "$target"; done
  exit
fi
printf '%s\n' "$@" | xargs -P "$FUZZ_JOBS" -I '{}' "$0" one '{}'
# Of those that were chosen, so that a run of some says nothing about the others.
failed=
for target in "$@"; do [ ! -e "$logs/$target.failed" ] || failed+="$target "; done
missing=
for target in "${targets[@]}"; do [ -e "$logs/$target.seconds" ] || missing+="$target "; done
if [ "$kind" = full ] && [ -z "$missing" ]; then write_report "${targets[@]}"; fi
if [ -n "$failed" ]; then
  echo "fuzz: failed: $failed" >&2
  exit 1
fi
echo "fuzz: nothing found"

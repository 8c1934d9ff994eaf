#!/bin/bash
# Figures of the release programs beside C programs that do no more than they must: windows a second, the time of one
# windowctl, the descriptors of a window, the memory of an idle daemon, the throughput of an attached window; and what a
# thousand silent clients change. Medians of interleaved runs.
set -euo pipefail
cd "$(dirname "$0")/../.."

here=Benchmarks/FirstLight
work=$(mktemp -d)
daemon=
crowded=
cleanup() {
  [ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true
  [ -z "$crowded" ] || kill "$crowded" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT

for program in spawn-loop cycle-client list-client silent-clients time-pair relay terminal-sink; do
  gcc -O2 -std=gnu11 -Wall -Wextra -o "$work/$program" "$here/$program.c" -lutil
done

# Daemons have sessions of their own: the kernel shares processors out by session.
socket=$work/windowd.sock
setsid .build/release/windowd --socket "$socket" 2>"$work/log" &
daemon=$!
until .build/release/windowctl --socket "$socket" status >/dev/null 2>&1; do sleep 0.02; done
echo "idle windowd: $(awk '/^VmRSS/ { print $2 }' "/proc/$daemon/status") KiB resident"

idle=$(find "/proc/$daemon/fd" -mindepth 1 | wc -l)
for _ in 1 2 3 4 5 6 7 8 9 10; do .build/release/windowctl --socket "$socket" create-window -e sleep 1000 >/dev/null; done
until .build/release/windowctl --socket "$socket" status --json | grep -q '"windows":10'; do :; done
sleep 0.1
echo "a window: $((($(find "/proc/$daemon/fd" -mindepth 1 | wc -l) - idle) / 10)) descriptors"

read -r ours theirs ratio < <("$work/time-pair" 300 .build/release/windowctl list-windows --json --socket "$socket" \
  -- "$work/list-client" "$socket")
echo "windowctl list-windows, 10 windows: $ours ms, C $theirs ms, ratio $ratio"
for id in 1 2 3 4 5 6 7 8 9 10; do .build/release/windowctl --socket "$socket" close-window "$id"; done

median() { sort -n | sed -n "$((($1 + 1) / 2))p"; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }
for width in 1 4; do
  for _ in 1 2 3 4 5 6 7; do
    "$work/spawn-loop" 500 >>"$work/c-$width"
    "$work/cycle-client" "$socket" 500 "$width" >>"$work/ours-$width"
  done
  floor=$(median 7 <"$work/c-$width")
  cycles=$(median 7 <"$work/ours-$width")
  echo "windows a second, $width at a time: $cycles, C loop one at a time $floor, ratio $(ratio "$cycles" "$floor")"
done

# What a program prints, through an attached window and through a relay that does nothing else.
bytes=100000000
for _ in {1..11}; do
  "$work/terminal-sink" $bytes .build/release/windowctl --socket "$socket" create-window --attach \
    -e head -c $bytes /dev/zero >>"$work/attached"
  "$work/terminal-sink" $bytes "$work/relay" head -c $bytes /dev/zero >>"$work/relayed"
done
attached=$(cut -d' ' -f1 "$work/attached" | median 11)
relayed=$(cut -d' ' -f1 "$work/relayed" | median 11)
echo "attached window: $attached MB/s, C relay $relayed MB/s, ratio $(ratio "$attached" "$relayed");" \
  "$(awk -v n=$bytes '$2 >= n' "$work/attached" | wc -l) of 11 runs came whole"

# Two daemons, with and without a thousand silent clients, take turns in short bursts: both meet whatever else the machine
# does, and nobody connects or leaves while it is measured.
setsid .build/release/windowd --socket "$socket.crowded" 2>>"$work/log" &
crowded=$!
until .build/release/windowctl --socket "$socket.crowded" status >/dev/null 2>&1; do sleep 0.02; done
mkfifo "$work/hold" "$work/held"
"$work/silent-clients" "$socket.crowded" 1000 <"$work/hold" >"$work/held" &
silent=$!
exec 3>"$work/hold" 4<"$work/held"
read -r -u 4 _
# Accepted in order: who is answered comes after them all.
.build/release/windowctl --socket "$socket.crowded" status >/dev/null
for width in 1 4; do
  for _ in {1..41}; do
    "$work/cycle-client" "$socket" 60 "$width" >>"$work/alone-$width"
    "$work/cycle-client" "$socket.crowded" 60 "$width" >>"$work/among-$width"
  done
  alone=$(median 41 <"$work/alone-$width")
  among=$(median 41 <"$work/among-$width")
  echo "windows a second among 1000 silent clients, $width at a time: $among, without them $alone," \
    "ratio $(ratio "$among" "$alone")"
done
exec 3>&- 4<&-
wait "$silent"

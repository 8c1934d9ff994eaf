#!/bin/sh
# check-api.sh: compares what programs compile and link with, the library's interface, to the last tagged version's. What
# breaks them is an error unless the soname's number has changed with it.
#
# check-api.sh OLD NEW compares two folders of modules, and any break is an error.
set -eu
cd "$(dirname "$0")/.."
digester=${DIGESTER:-swift-api-digester}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# breaks OLD NEW: prints what programs made for OLD lose with NEW, in their sources and, with -abi, in their binaries.
breaks() {
  : >"$work/breaks"
  for module in IPCKit IPCKitTesting; do
    for kind in -swift-only -abi; do
      "$digester" -diagnose-sdk $kind -module "$module" -BI "$1" -I "$2" -sdk / -use-interface-for-module "$module" \
        -abort-on-module-fail -module-cache-path "$work/cache" -o "$work/report" >"$work/log" 2>&1 ||
        { cat "$work/log" >&2; return 1; }
      sed -E "/^(\/\*.*\*\/)?$/d; s/^/$module: /" "$work/report" >>"$work/breaks"
    done
  done
  sort -u "$work/breaks"
}

if [ $# -eq 2 ]; then
  found=$(breaks "$1" "$2")
  [ -z "$found" ] || { printf '%s\n' "$found"; exit 1; }
  exit 0
fi

: "${abi:?}"
tag=$(git describe --tags --abbrev=0 --match '[0-9]*' 2>/dev/null) ||
  { echo "api: no version is tagged, so there is nothing to compare with"; exit 0; }
# Built once: a tag does not change.
tagged=.build/api/$tag
if ! [ -e "$tagged/.build/library/lib/libIPCKit.so" ]; then
  mkdir -p "$tagged"
  git archive "$tag" | tar -x -C "$tagged"
  make --silent -C "$tagged" library >"$work/build" 2>&1 || { cat "$work/build" >&2; exit 1; }
fi
found=$(breaks "$tagged/.build/library/lib/swift" .build/library/lib/swift)
if [ -z "$found" ]; then
  echo "api: nothing is broken since $tag"
elif [ -e "$tagged/.build/library/lib/libIPCKit.so.$abi" ]; then
  printf 'api: broken since %s, under the same soname:\n%s\n' "$tag" "$found"
  exit 1
else
  printf 'api: broken since %s, which the new soname says too:\n%s\n' "$tag" "$found"
fi

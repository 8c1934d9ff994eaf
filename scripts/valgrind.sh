#!/bin/bash
# valgrind.sh: lets valgrind watch the C of the shim, and windowctl. Both end with the descriptors that they began with,
# and nothing reads what is not there, or loses memory.
#
# Valgrind 3.19 cannot do all that is done here. Two things are done otherwise for it, by Tests/Valgrind/standins.c, which
# says how: clone(2) with CLONE_VM alone, which would end the program, and epoll_pwait2(2), which it does not know. Calls
# that it does not know, and nothing stands in for, are listed in Tests/Valgrind/reports.py; where a result is not the
# kernel's for another reason, the program in C says so (is_watched), and tries it without valgrind alone. A pidfd that
# comes from clone(2), or out of a socket, it does not count; the program looks at its numbers by itself as well.
#
# The windowctl that is installed is linked statically and optimised: valgrind cannot replace its memory allocator, nor
# read what the toolchain writes for debuggers, and takes words that hold the end of a string for unknown ones. So it is
# a debug build, without what is for debuggers, that is watched.
set -euo pipefail
cd "$(dirname "$0")/.."

swift=${SWIFT:-swift}
build=$PWD/.build/valgrind
here=$PWD
options=(-std=gnu11 -g -Wall -Wextra -Werror -I"$here/Sources/CIPCShim/include" -I"$here/Tests/Valgrind")
shim=("$here"/Sources/CIPCShim/*.c)
standins=$here/Tests/Valgrind/standins.c
program=()
for file in "$here"/Tests/Valgrind/*.c; do
  [ "$file" = "$standins" ] || program+=("$file")
done

rm -rf "$build"
mkdir -p "$build/native"
# Which functions have run is known of the program that runs by itself; it has no stand-ins.
(cd "$build/native" && gcc "${options[@]}" --coverage -o shim "${program[@]}" "${shim[@]}")
gcc "${options[@]}" -o "$build/watched" "${program[@]}" "$standins" "${shim[@]}"
Tests/Valgrind/shim.py

gcc "${options[@]}" -shared -fPIC -o "$build/standins.so" "$standins"
"$swift" build --product windowctl
"$swift" build --product windowd
objcopy --strip-debug .build/debug/windowctl "$build/windowctl"
cp .build/debug/windowd "$build/windowd"
Tests/Valgrind/windowctl.py

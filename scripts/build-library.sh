#!/bin/sh
# Builds the library as programs outside of this package link it, into .build/library/lib: shared objects with a soname, an
# archive, and the modules' interfaces, which outlive the compiler that wrote them.
set -eu
cd "$(dirname "$0")/.."
# The Makefile's.
: "${version:?}" "${abi:?}" "${triple:?}" "${SWIFT:?}" "${SWIFTC:?}"

scratch=.build/library
built=$scratch/release
lib=$scratch/lib
# With library evolution the layout of a type that is not frozen is no client's to know.
"$SWIFT" build --configuration release --scratch-path "$scratch" --target IPCKitTesting \
  --enable-parseable-module-interfaces -Xswiftc -enable-library-evolution

rm -rf "$lib"
mkdir -p "$lib/swift"

# link MODULE OBJECT-OR-FLAG...: the module's shared object, and its two names.
link() {
  module=$1
  shift
  "$SWIFTC" -emit-library -o "$lib/lib$module.so.$version" "$@" \
    -Xlinker "-soname=lib$module.so.$abi" -Xlinker --no-undefined -no-toolchain-stdlib-rpath
  strip --strip-debug "$lib/lib$module.so.$version"
  ln -s "lib$module.so.$version" "$lib/lib$module.so.$abi"
  ln -s "lib$module.so.$abi" "$lib/lib$module.so"
}
link IPCKit "$built"/CIPCShim.build/*.o "$built"/IPCKit.build/*.o
link IPCKitTesting "$built"/IPCKitTesting.build/*.o "-L$lib" -lIPCKit

ar rcsD "$lib/libIPCKit.a" "$built"/CIPCShim.build/*.o "$built"/IPCKit.build/*.o
strip --strip-debug --enable-deterministic-archives "$lib/libIPCKit.a"

for module in IPCKit IPCKitTesting; do
  mkdir "$lib/swift/$module.swiftmodule"
  for part in swiftinterface swiftmodule swiftdoc abi.json; do
    # The package's name is that of the folder, and nobody's business.
    case $part in
      swiftinterface) sed 's/ -package-name [^ ]*//' "$built/Modules/$module.$part" ;;
      *) cat "$built/Modules/$module.$part" ;;
    esac >"$lib/swift/$module.swiftmodule/$triple.$part"
  done
done

#!/bin/sh
# The library's documentation as a web site in .build/docs: from doc comments and the catalogue, by the toolchain alone.
# What docc warns of is an error, and so is a public declaration that says nothing of itself.
set -eu
cd "$(dirname "$0")/.."
build=.build/debug
graphs=.build/symbol-graphs
site=.build/docs

swift build --target IPCKitTesting
rm -rf "$graphs" "$site"
mkdir -p "$graphs"
target=$(swiftc -print-target-info | sed -n 's/.*"unversionedTriple": "\(.*\)".*/\1/p')
for module in IPCKit IPCKitTesting; do
  # Without what compilers and protocols add, which has its documentation elsewhere.
  swift-symbolgraph-extract -module-name "$module" -target "$target" -minimum-access-level public \
    -skip-synthesized-members -skip-inherited-docs -emit-extension-block-symbols \
    -I "$build/Modules" -Xcc "-fmodule-map-file=$build/CIPCShim.build/module.modulemap" -output-dir "$graphs"
done

python3 - "$graphs"/*.symbols.json <<'END'
import json, pathlib, sys

graphs = [json.loads(pathlib.Path(path).read_text()) for path in sys.argv[1:]]
symbols = [symbol for graph in graphs for symbol in graph["symbols"]]
# What has no place was written by the compiler; an extension of another module's type is documented by its members.
silent = [
    symbol for symbol in symbols
    if "docComment" not in symbol and "location" in symbol and symbol["kind"]["identifier"] != "swift.extension"]
for symbol in silent:
    place, name = symbol["location"], ".".join(symbol["pathComponents"])
    file = place["uri"].removeprefix("file://").removeprefix(f"{pathlib.Path.cwd()}/")
    print(f'{file}:{place["position"]["line"] + 1}: error: {name} has no documentation', file=sys.stderr)
sys.exit(1 if silent or not symbols else 0)
END

if ! docc convert Sources/IPCKit/IPCKit.docc --additional-symbol-graph-dir "$graphs" --output-path "$site" \
  --fallback-bundle-identifier IPCKit --fallback-default-module-kind Library --warnings-as-errors; then
  rm -rf "$site"
  exit 1
fi
echo "docs: python3 -m http.server -d $site, then http://localhost:8000/documentation/ipckit/"

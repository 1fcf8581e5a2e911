#!/usr/bin/env bash
# Fetches the libraries of the web map anew from the npm registry, in the versions
# below, and writes their checksums. Nobody needs it to build: what it fetches is
# committed. Change a version here, run it, and read the difference.
set -euo pipefail
cd "$(dirname "$0")"

libraries=(
  preact@11.2.0
  @preact/signals@2.11.4
  @preact/signals-core@1.14.5
  cytoscape@3.35.0
  uplot@1.6.32
)

# The files of each that are bundled, or that tsc reads to check types.
keep() {
  case $1 in
  preact) echo LICENSE package.json dist/preact.mjs src/index.d.ts src/jsx.d.ts src/dom.d.ts \
    hooks/package.json hooks/dist/hooks.mjs hooks/src/index.d.ts \
    jsx-runtime/package.json jsx-runtime/dist/jsxRuntime.mjs jsx-runtime/src/index.d.ts ;;
  @preact/signals) echo LICENSE package.json dist/signals.module.js dist/signals.d.ts ;;
  @preact/signals-core) echo LICENSE package.json dist/signals-core.module.js dist/signals-core.d.ts ;;
  cytoscape) echo LICENSE package.json dist/cytoscape.esm.mjs index.d.ts ;;
  uplot) echo LICENSE package.json dist/uPlot.esm.js dist/uPlot.d.ts dist/uPlot.min.css ;;
  esac
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for library in "${libraries[@]}"; do
  name=${library%@*}
  (cd "$work" && npm pack --silent --ignore-scripts "$library" >name && tar xzf "$(cat name)" && rm "$(cat name)")
  rm -rf "./$name"
  for file in $(keep "$name"); do
    install -D -m 644 "$work/package/$file" "$name/$file"
  done
  rm -rf "$work/package"
done
find . -type f ! -name SHA256SUMS ! -name fetch.sh ! -name README.md | LC_ALL=C sort | xargs sha256sum >SHA256SUMS

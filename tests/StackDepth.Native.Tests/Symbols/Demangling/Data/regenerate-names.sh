#!/usr/bin/env bash
# Makes names.txt again: a mangled name, a tab, and what c++filt of binutils makes of it, on each line.
#   -i: as nm -C and addr2line -C have it (without it, std::string is written out and Rust's hashes are shown).
#   -r: without binutils' limit on the length of a name.
# Names of which binutils is wrong, or which it does not know, are in differences.txt, which is kept by hand, and not here.
# Needs g++ and c++filt; clang++ and rustc (nightly, for both manglings) add theirs if they are given: CLANG=... RUSTC=...
set -euo pipefail
cd "$(dirname "$0")"
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT

symbols() { nm "$1" | awk '{ print $NF }' | grep -E '^(_Z|_R|_GLOBAL)'; }
{
  grep -v '^#' names-by-hand.txt
  for flags in -O0 -O2 -fabi-version=8; do
    g++ -std=c++20 $flags -w -c names.cpp -o "$folder/g.o" && symbols "$folder/g.o"
    if [ -n "${CLANG:-}" ]; then
      $CLANG -std=c++20 ${flags/-fabi-version=8/-O1} -w -c names.cpp -o "$folder/c.o" && symbols "$folder/c.o"
    fi
  done
  if [ -n "${RUSTC:-}" ]; then
    for mangling in v0 legacy; do
      $RUSTC --edition 2021 -A warnings -Zunstable-options -Csymbol-mangling-version=$mangling names.rs -o "$folder/rust"
      # Its own names, and not those of the whole standard library.
      symbols "$folder/rust" | grep 5names
    done
  fi
} | LC_ALL=C sort -u > "$folder/mangled"
# One at a time and not as text: what c++filt takes for a word ends at a space or an @.
while read -r name; do printf '%s\t%s\n' "$name" "$(c++filt -i -r -- "$name")"; done < "$folder/mangled" |
  awk -F '\t' 'NR == FNR { known[$1]; next } !($1 in known)' differences.txt - > "$folder/pairs"
{
  echo "# regenerate-names.sh made this with $(c++filt --version | head -1), $(g++ --version | head -1)"
  if [ -n "${CLANG:-}" ]; then echo "# $($CLANG --version | head -1)"; fi
  if [ -n "${RUSTC:-}" ]; then echo "# $($RUSTC --version)"; fi
  cat "$folder/pairs"
} > "$folder/names" && mv "$folder/names" names.txt
wc -l names.txt

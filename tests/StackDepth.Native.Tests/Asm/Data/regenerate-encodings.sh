#!/bin/sh
# Rewrites the bytes in encodings.txt with those of LLVM's assembler. Takes llvm-mc from $LLVM_MC or PATH; LLVM 20 or newer (load_acquire).
# A new form: add a line with its text and any bytes above the part checked by hand, and run this.
set -eu
cd "$(dirname "$0")"
mc="${LLVM_MC:-llvm-mc}"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

sed -n '/^# By hand/q; /^[^#]/p' encodings.txt | sed 's/[[:space:]]*;.*//' >"$work/asm"
"$mc" -triple=bpfel -mcpu=v4 --show-encoding "$work/asm" |
    sed -n 's/.*encoding: \[\(.*\)\].*/\1/p' | sed 's/0x//g; s/,/ /g' >"$work/hex"
[ "$(wc -l <"$work/asm")" = "$(wc -l <"$work/hex")" ] || { echo "llvm-mc did not assemble every line" >&2; exit 1; }
if grep -q '[^0-9a-f ]' "$work/hex"; then echo "an encoding has unresolved fix-ups" >&2; exit 1; fi

{
    echo "# eBPF encodings by an assembler that is not ours: text ; bytes in memory order, little-endian. Made by regenerate-encodings.sh."
    echo "# $("$mc" --version | sed -n 's/.*\(LLVM version [0-9.]*\).*/\1/p' | head -n 1), -triple=bpfel -mcpu=v4"
    paste "$work/asm" "$work/hex" | awk -F '\t' '{ printf "%-48s ; %s\n", $1, $2 }'
    sed -n '/^# By hand/,$p' encodings.txt
} >"$work/new"
cat "$work/new" >encodings.txt

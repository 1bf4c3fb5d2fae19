#!/bin/bash
# Runs the benchmarks and rewrites their sections of docs/benchmarks.md. Needs root, the .NET SDK, gcc, and for the peer debootstrap (see peer.sh).
#   ./benchmarks/run.sh [NAME...]      names: kernel walks python questions queries attach cold memory bytecode ring symbols threads; all without a name
# STACKDEPTH_PEER names the folder of the peer's Debian.
set -euo pipefail
cd "$(dirname "$0")/.."
here=$PWD/benchmarks
out=$here/artifacts
STACKDEPTH_PEER=$(benchmarks/peer.sh | tail -n 1)
export STACKDEPTH_PEER

mkdir -p "$out/native"
gcc -O2 -fno-omit-frame-pointer -fcf-protection=none -static -o "$out/native/target" "$here/native/target.c"
gcc -O2 -fno-omit-frame-pointer -fcf-protection=none -o "$out/native/walks-fp" "$here/native/walks.c"
gcc -O2 -fno-omit-frame-pointer -fcf-protection=none -fno-stack-protector -static -nostdlib -DBARE -o "$out/native/walks-bare" "$here/native/walks.c"
gcc -O2 -fomit-frame-pointer -fcf-protection=none -DPLAIN -o "$out/native/walks-nofp" "$here/native/walks.c"
gcc -O2 -fno-omit-frame-pointer -fcf-protection=none -o "$out/native/recursion-fp" "$here/native/recursion.c"
# In this build the frames of probed() are stepped over without looking them up.
gcc -O1 -fno-omit-frame-pointer -fno-optimize-sibling-calls -fcf-protection=none -o "$out/native/recursion-plain" "$here/native/recursion.c"
gcc -O2 -fomit-frame-pointer -fcf-protection=none -DPLAIN -o "$out/native/recursion-nofp" "$here/native/recursion.c"
gcc -O1 -shared -fPIC -o "$out/native/functions.so" "$here/native/functions.c"
# The C consumer is built and run with the peer's libbpf.
cp "$here/native/consumer.c" "$STACKDEPTH_PEER/tmp/consumer.c"
chroot "$STACKDEPTH_PEER" gcc -O2 -o /tmp/stackdepth-consumer /tmp/consumer.c -lbpf

dotnet build "$here/StackDepth.Benchmarks" -c Release -v q --nologo
dotnet build "$here/ColdStart" -c Release -v q --nologo -p:PublishAot=false -o "$out/cold-jit"
dotnet publish "$here/ColdStart" -c Release -v q --nologo -o "$out/cold-aot"
dotnet build "$here/TableLoad" -c Release -v q --nologo -p:PublishAot=false -o "$out/tables-jit"
dotnet publish "$here/TableLoad" -c Release -v q --nologo --use-current-runtime --self-contained false -p:PublishReadyToRun=true -o "$out/tables-r2r"
dotnet publish "$here/TableLoad" -c Release -v q --nologo --use-current-runtime -p:PublishAot=true -o "$out/tables-aot"
dotnet build src/StackDepth.Tool -c Release -v q --nologo -o "$out/tool-jit"
dotnet publish src/StackDepth.Tool -c Release -v q --nologo --use-current-runtime --self-contained false -p:PublishReadyToRun=true -p:PackAsTool=false -o "$out/tool-r2r"
dotnet publish src/StackDepth.Tool -c Release -v q --nologo --use-current-runtime -p:PublishAot=true -p:PackAsTool=false -o "$out/tool-aot"
exec dotnet "$here/StackDepth.Benchmarks/bin/Release/net10.0/StackDepth.Benchmarks.dll" "$@"

#!/usr/bin/env bash
# Packs, then installs the package into a fresh consumer outside the repository, and the tool into a fresh folder, and runs both.
set -euo pipefail
cd "$(dirname "$0")/.."
suffix="check.$(date +%s)"
version="$(sed -n 's:.*<VersionPrefix>\(.*\)</VersionPrefix>.*:\1:p' Directory.Build.props)-$suffix"
feed="$PWD/feed"
work="$(mktemp -d)"
trap 'rm -rf "$work" "$feed"/*"$suffix"*' EXIT

eng/pack.sh --version-suffix "$suffix"
cp eng/consumer/consumer.csproj eng/consumer/Program.cs nuget.config global.json "$work/"
sed -i "s:value=\"feed\":value=\"$feed\":" "$work/nuget.config"
(cd "$work" && dotnet run -c Release -p:StackDepthVersion="$version")

dotnet tool install StackDepth.Tool --version "$version" --tool-path "$work/tools" --configfile "$work/nuget.config" >/dev/null
# What was installed is the native executable.
if [ -z "$(find "$work/tools" -type f -name StackDepth.Tool)" ] || [ -n "$(find "$work/tools" -name 'StackDepth.Tool.dll')" ]; then
  echo "the tool's package for this platform is not the one that is compiled ahead of time" >&2
  exit 1
fi
"$work/tools/stackdepth" run uprobe:libc.so.6:exit --format json -- /bin/true | grep -q '"exitCode"'
echo "package $version works"

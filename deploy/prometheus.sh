#!/usr/bin/env bash
# Prints the folder that holds prometheus and promtool: where they are installed, or else one to
# which Debian's package is unpacked, which takes no root and installs nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
kept=build/prometheus

if found=$(command -v prometheus) && command -v promtool >/dev/null; then
  dirname "$found"
  exit
fi
if [ ! -x "$kept/usr/bin/prometheus" ]; then
  mkdir -p "$kept"
  if ! (cd "$kept" && apt-get download prometheus && dpkg -x prometheus_*.deb .) >"$kept/fetch.log" 2>&1; then
    {
      echo "Prometheus is not installed, and could not be fetched; what was said is in $kept/fetch.log"
      echo "  on Debian and Ubuntu: apt install prometheus"
      echo "  elsewhere: https://prometheus.io/download, with prometheus and promtool on the PATH"
    } >&2
    exit 2
  fi
fi
echo "$PWD/$kept/usr/bin"

#!/usr/bin/env bash
# Prints where a Chromium is that can look at a page: one that is installed, or else Debian's,
# which is installed where that is allowed.
set -euo pipefail
cd "$(dirname "$0")/.."
names='chromium chromium-browser google-chrome google-chrome-stable'
log=build/chromium.log

find_one() {
  local name
  for name in $names; do
    command -v "$name" && return
  done
  return 1
}

find_one && exit
mkdir -p build
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  {
    apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends chromium
  } >"$log" 2>&1 && find_one && exit
  echo "Chromium could not be installed; what was said is in $log" >&2
fi
{
  echo "There is no Chromium to look at a report with."
  echo "  on Debian and Ubuntu, as root: apt install chromium"
  echo "  elsewhere: any Chromium or Chrome as one of $names on the PATH"
} >&2
exit 2

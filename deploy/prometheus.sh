#!/usr/bin/env bash
# Prints the folders that hold prometheus, promtool and prometheus-alertmanager, as a PATH has them:
# where they are installed, or else one to which Debian's packages are unpacked, which takes no root
# and installs nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
kept=build/prometheus
wanted=(prometheus promtool prometheus-alertmanager amtool)

if command -v "${wanted[@]}" >/dev/null; then
  dirname "$(command -v prometheus)" "$(command -v prometheus-alertmanager)" | paste -sd:
  exit
fi
if [ ! -x "$kept/usr/bin/prometheus-alertmanager" ]; then
  mkdir -p "$kept"
  echo "Fetching Prometheus and Alertmanager, once: 30 MB, to $kept" >&2
  if ! (
    cd "$kept"
    apt-get download prometheus prometheus-alertmanager
    for package in *.deb; do dpkg -x "$package" .; done
    # Debian's Alertmanager has to have its templates in /usr/share: it gets ours, it alone.
    mkdir -p usr/lib
    mv usr/bin/prometheus-alertmanager usr/lib/
    {
      echo '#!/bin/sh'
      echo "exec unshare --map-root-user --mount sh -c 'mount --bind $PWD/usr/share /usr/share"
      echo "exec $PWD/usr/lib/prometheus-alertmanager \"\$@\"' sh \"\$@\""
    } >alertmanager
    chmod +x alertmanager
    mv alertmanager usr/bin/prometheus-alertmanager
  ) >"$kept/fetch.log" 2>&1; then
    {
      echo "Prometheus is not installed, and could not be fetched; what was said is in $kept/fetch.log"
      echo "  on Debian and Ubuntu: apt install prometheus prometheus-alertmanager"
      echo "  elsewhere: https://prometheus.io/download, with prometheus, promtool, amtool and"
      echo "  alertmanager (as prometheus-alertmanager) on the PATH"
    } >&2
    exit 2
  fi
fi
echo "$PWD/$kept/usr/bin"

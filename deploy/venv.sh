#!/usr/bin/env bash
# Makes .venv and installs this project into it, editable, with one of its extras:
#
#     deploy/venv.sh dev
#
# PYTHON names the interpreter; by default it is the newest of those below that works. What pip
# says is kept in .venv/pip.log, and a stamp, .venv/installed-EXTRA, is left for make.
set -euo pipefail
cd "$(dirname "$0")/.."
extra=$1
venv=.venv
log=$venv/pip.log

fail() {
  printf '%s\n' "$@" >&2
  exit 2
}

find_python() {
  local python
  for python in ${PYTHON:-python3.13 python3.12 python3.11 python3}; do
    if "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
      echo "$python"
      return
    fi
  done
  fail "Thalweg runs on Python 3.11, 3.12 and 3.13; ${PYTHON:-none of python3.13, python3.12, python3.11 and python3} is not one of these." \
    "  write: make … PYTHON=/path/to/python3.13"
}

make_venv() {
  local python=$1 version
  version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    fail "$python cannot make virtual environments: its modules venv and ensurepip are not installed." \
      "  on Debian and Ubuntu: apt install python$version-venv"
  fi
  echo "Python $version in $venv"
  "$python" -m venv --clear "$venv"
}

# A line that moves on a terminal, and nothing elsewhere.
show() {
  if [ -t 1 ]; then
    printf '\r\033[K%.*s' "$((${COLUMNS:-80} - 1))" "$1"
  fi
}

tell_progress() {
  local line
  while IFS= read -r line; do
    printf '%s\n' "$line" >>"$log"
    line=${line#"${line%%[! ]*}"}
    case $line in
      'Installing collected'*) show '  unpacking' ;;
      Collecting* | Downloading* | Building*) show "  ${line%% (from *}" ;;
    esac
  done
  show ''
}

trap 'show ""; exit 130' INT

# Broken when it was interrupted as it was made, or when its Python has gone.
if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
  python=$(find_python)
  make_venv "$python"
fi
echo "Installing Thalweg and what it needs into $venv: a minute or two the first time"
: >"$log"
if ! "$venv/bin/python" -m pip install --disable-pip-version-check --no-input --progress-bar off \
  --editable ".[$extra]" 2>&1 | tell_progress; then
  tail -n 12 "$log" >&2
  fail "pip could not install it; all it said is in $log"
fi
touch "$venv/installed-$extra"
if [ "$extra" = dev ]; then
  touch "$venv/installed-broker" "$venv/installed-docs" # which dev includes
fi

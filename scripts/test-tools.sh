#!/usr/bin/env bash
# Installs what some tests need beyond npm packages, where that can be done; tests that lack it say so by name.
set -uo pipefail
updated=

# The name of the command, which is that of its Debian package, and what is tested with it.
need() {
  if command -v "$1" >/dev/null; then return; fi
  if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    install "$1" || { update && install "$1"; }
  fi
  if command -v "$1" >/dev/null; then
    echo "installed $1 for $2"
  else
    echo "$1 is not installed and cannot be installed here: $2 will be skipped"
  fi
}

install() { apt-get install -y -q --no-install-recommends "$1" >/dev/null 2>&1; }

update() {
  if [ -n "$updated" ]; then return 1; fi
  updated=yes
  apt-get update -q >/dev/null 2>&1
}

need strace "the crash tests"
need chromium "the tests of the approval page in a browser"
exit 0

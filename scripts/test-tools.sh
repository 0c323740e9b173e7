#!/usr/bin/env bash
# Installs what some tests need beyond npm packages, where that can be done; tests that lack it say so by name.
set -uo pipefail
if command -v strace >/dev/null; then exit 0; fi
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  apt-get install -y -q --no-install-recommends strace >/dev/null 2>&1 ||
    { apt-get update -q >/dev/null 2>&1 && apt-get install -y -q --no-install-recommends strace >/dev/null 2>&1; }
fi
if command -v strace >/dev/null; then
  echo "installed strace for the crash tests"
else
  echo "strace is not installed and cannot be installed here: the crash tests will be skipped"
fi
exit 0

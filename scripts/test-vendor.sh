#!/usr/bin/env bash
# Installs the clients of others that the emulators are tested with, where that can be done; tests that lack them say so
# by name. Does nothing when they are there as the lock file has them.
set -uo pipefail
cd "$(dirname "$0")/../test/vendor"
installed=node_modules/.installed-package-lock.json
if cmp -s package-lock.json "$installed"; then exit 0; fi
if output=$(npm ci --ignore-scripts --no-audit --no-fund --fetch-retries 1 2>&1); then
  cp package-lock.json "$installed"
  echo "installed the clients of others that the emulators are tested with"
else
  rm -rf node_modules
  echo "$output" | tail -n 5
  echo "these clients cannot be installed here: the tests that need them will be skipped"
fi
exit 0

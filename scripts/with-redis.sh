#!/usr/bin/env bash
# Runs a command with a Redis of its own: scripts/with-redis.sh npm test
# Installs Debian's redis-server where it is missing and that can be done. Where there is none the command runs all the
# same, and the tests that need one skip and say so by name.
set -uo pipefail

if [ $# -eq 0 ]; then
  echo "usage: $0 COMMAND [ARGUMENT...]" >&2
  exit 2
fi

if ! command -v redis-server >/dev/null && command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  install() { apt-get install -y -q --no-install-recommends redis-server >/dev/null 2>&1; }
  # The package would start one of its own, for all who come.
  export RUNLEVEL=1
  install || { apt-get update -q >/dev/null 2>&1 && install; }
  unset RUNLEVEL
  command -v redis-server >/dev/null && echo "installed redis-server" >&2
fi
if ! command -v redis-server >/dev/null; then
  echo "*** redis-server is not installed and cannot be installed here: WHAT NEEDS A REDIS IS SKIPPED ***" >&2
  unset SNAPSHOT_MCP_TEST_REDIS
  exec "$@"
fi

dir=$(mktemp -d)
server=
# Also when this script is ended: nothing of it stays behind.
finish() {
  if [ -n "$server" ]; then
    kill "$server" 2>/dev/null
    wait "$server" 2>/dev/null
  fi
  rm -rf "$dir"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Somebody else may have the port: then the server ends at once, and another one is tried.
for _ in 1 2 3 4 5 6 7 8 9 10; do
  port=$((20000 + RANDOM % 12000))
  redis-server --port "$port" --bind 127.0.0.1 --dir "$dir" --daemonize no \
    --save '' --appendonly yes --appendfsync always >"$dir/log" 2>&1 &
  server=$!
  while kill -0 "$server" 2>/dev/null; do
    grep -qs 'Ready to accept connections' "$dir/log" && break 2
    sleep 0.02
  done
  wait "$server"
  server=
done
if [ -z "$server" ]; then
  echo "redis-server did not start:" >&2
  cat "$dir/log" >&2
  exit 1
fi

export SNAPSHOT_MCP_TEST_REDIS="redis://127.0.0.1:$port"
# In the background and waited for, so that the traps are heard while it runs.
"$@" <&0 &
command=$!
trap 'kill -INT "$command" 2>/dev/null; wait "$command"; exit 130' INT
trap 'kill -TERM "$command" 2>/dev/null; wait "$command"; exit 143' TERM
wait "$command"

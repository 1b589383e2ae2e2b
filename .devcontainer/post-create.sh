#!/usr/bin/env bash
# Makes `make demo` run at once: installs the modules, builds, and adds the programs that the sandbox prefers to its own.
set -euo pipefail
cd "$(dirname "$0")/.."

npm ci --no-audit --no-fund
npm run --silent build

# Prometheus and hey are optional: the sandbox has stand-ins. Debian's Prometheus package would start a service.
if command -v apt-get >/dev/null && { [ "$(id -u)" = 0 ] || command -v sudo >/dev/null; }; then
  as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
  as_root sh -c '[ -e /usr/sbin/policy-rc.d ] || { printf "#!/bin/sh\nexit 101\n" >/usr/sbin/policy-rc.d; chmod +x /usr/sbin/policy-rc.d; }'
  as_root apt-get update -qq
  as_root apt-get install -y -qq --no-install-recommends prometheus hey make || echo "prometheus and hey are not installed: the sandbox uses its own"
fi

echo "Ready. Run: make demo"

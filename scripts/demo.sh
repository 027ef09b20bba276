#!/usr/bin/env bash
# Shows the main job: a private MariaDB with a MikBill billing, our triggers,
# mbevd, stand-in providers, and the story of a day. Installs what it needs
# (Debian 12, root or sudo). Nothing leaves this machine. Built with the test
# seams, so that the service can be told that it is night.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/packages.sh
PATH=/usr/bin:/usr/sbin:$PATH
# shellcheck disable=SC2086
need_packages $BUILD_PACKAGES $RUN_PACKAGES

echo "building ..."
cmake -S . -B build-demo -G Ninja -DMBEV_FAULTS=ON >/dev/null
cmake --build build-demo --target mbevd mbevctl mbev >/dev/null
export MBEV_BUILD=$PWD/build-demo
exec python3 tests/demo/demo.py

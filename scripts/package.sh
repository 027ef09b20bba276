#!/usr/bin/env bash
# Makes the packages for Debian and RPM, checks them, and tries the Debian ones
# in a clean Debian of their own: install, upgrade, remove, purge; and, with a
# MariaDB, what docs/installation.md tells to type. Installs what it needs
# (Debian 12, root or sudo). What comes out is in build-package/.
#
#   scripts/package.sh         all of it; some minutes, 15 at most
#   scripts/package.sh make    makes and checks them, nothing else
#
# Whoever hands packages out says who answers for them:
#   MBEV_MAINTAINER="NAME <ADDRESS>" scripts/package.sh
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/packages.sh
PATH=/usr/bin:/usr/sbin:$PATH
# shellcheck disable=SC2086
need_packages $BUILD_PACKAGES $RUN_PACKAGES $PACKAGE_PACKAGES

MADE=build-package
LOG=$MADE/log

# make_packages FOLDER [cmake options]: a release, never with the seams for
# tests, and its Debian packages.
make_packages() {
    local folder=$MADE/$1
    shift
    rm -rf "$folder"
    cmake -S . -B "$folder/build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo \
        -DMBEV_FAULTS=OFF -DMBEV_TESTS=OFF \
        -DCMAKE_C_FLAGS="-ffile-prefix-map=$PWD=." \
        ${MBEV_MAINTAINER:+-DMBEV_MAINTAINER="$MBEV_MAINTAINER"} "$@"
    cmake --build "$folder/build"
    if grep -q MBEV_FAULT "$folder/build/mbevd"; then
        echo "mbevd has seams for tests in it" >&2
        return 1
    fi
    cpack -G DEB --config "$folder/build/CPackConfig.cmake" -B "$folder"
    rm -rf "$folder/_CPack_Packages"
}

# quietly WHAT COMMAND...: its output only when it fails.
quietly() {
    echo "$1 ..."
    shift
    "$@" >"$LOG" 2>&1 || { tail -n 60 "$LOG" && return 1; }
}

rpm_packages() {
    cpack -G RPM --config "$MADE/release/build/CPackConfig.cmake" \
        -B "$MADE/release" || return 1
    rm -rf "$MADE/release/_CPack_Packages"
}

same_files() { # the RPM of a package has what the Debian package has
    diff <(dpkg-deb -c "$1" | awk '$1 !~ /^d/ {print $1, substr($6, 2)}' |
        grep -v '/lintian/' | sort) \
        <(rpm -qp --qf '[%{FILEMODES:perms} %{FILENAMES}\n]' "$2" |
            grep -v '^d\|/\.build-id/' | sort)
}

mkdir -p "$MADE"
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || date +%s)
export SOURCE_DATE_EPOCH
quietly "building a release" make_packages release
quietly "packages for RPM" rpm_packages
debs=("$MADE"/release/mikbill-events*.deb)
rpms=("$MADE"/release/mikbill-events*.rpm)
[ ${#debs[@]} = 2 ] && [ ${#rpms[@]} = 2 ]

echo "lintian: no errors, these warnings:"
# As root it says that it should not be: not a matter of the packages.
lintian --fail-on error "${debs[@]}" 2>"$LOG" || { cat "$LOG" && exit 1; }
echo "rpmlint:"
rpmlint -r packaging/rpm/rpmlintrc "${rpms[@]}" >"$LOG" 2>&1 ||
    { cat "$LOG" && exit 1; }
grep -E ' [EW]: |checked' "$LOG"
for package in mikbill-events mikbill-events-server; do
    same_files "$MADE/release/${package}"_*.deb "$MADE/release/$package"-[0-9]*.rpm
done
ls -l "${debs[@]}" "${rpms[@]}"
[ "${1:-}" != make ] || exit 0

version=$(dpkg-deb -f "${debs[0]}" Version)
quietly "building a higher version, for the upgrade" make_packages next \
    -DMBEV_RELEASE="${version%.*}.$((${version##*.} + 1))"
root=()
[ "$(id -u)" = 0 ] || root=(sudo)
"${root[@]}" timeout --kill-after=20 1200 \
    scripts/package-trial.sh "$MADE/release" "$MADE/next"

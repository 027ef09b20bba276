#!/usr/bin/env bash
# Installs, upgrades, removes and purges the Debian packages in a clean Debian
# that is made for it and removed afterwards. Needs root; called by package.sh.
# No service runs there: what would be told to systemd is written down. Then it
# types what docs/installation.md says, beside a MariaDB and a billing, until a
# message comes to a provider's stand-in, and what it says to go back.
#
#   scripts/package-trial.sh OLD NEW    folders with the packages of two versions
set -euo pipefail
cd "$(dirname "$0")/.."
old=${1:?} new=${2:?}

# Mounts and processes of ours end with us, whatever happens.
if [ -z "${MBEV_TRIAL:-}" ]; then
    MBEV_TRIAL=$(mktemp -d /var/tmp/mbev-package.XXXXXX)
    export MBEV_TRIAL
    trap 'rm -rf --one-file-system "$MBEV_TRIAL"' EXIT
    trap 'exit 1' HUP INT TERM
    unshare --mount --pid --fork --kill-child "$0" "$@"
    exit
fi
R=$MBEV_TRIAL/root
LOG=$MBEV_TRIAL/log
PASSED=0
FAILED=0

in_root() {
    chroot "$R" env -i PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin \
        HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
}

as() { # as ACCOUNT COMMAND...
    local who=$1
    shift
    in_root runuser -u "$who" -- "$@"
}

apt() {
    in_root apt-get -y -qq --no-install-recommends \
        -o DPkg::Path=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin \
        -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold \
        "$@" >"$LOG" 2>&1 || { cat "$LOG" && exit 1; }
    sed -n '/^mikbill-events/,$p' "$LOG" >>"$MBEV_TRIAL/said"
}

check() { # check WHAT COMMAND...
    local what=$1
    shift
    if "$@" >"$LOG" 2>&1; then
        PASSED=$((PASSED + 1))
    else
        FAILED=$((FAILED + 1))
        echo "** FAILED: $what"
        cat "$LOG"
    fi
}

is() { # is EXPECTED COMMAND...: what it writes
    local expected=$1 got
    shift
    got=$("$@" 2>&1) || true
    [ "$got" = "$expected" ] || { echo "not '$expected': $got" && false; }
}

refuses() { # refuses CODE COMMAND...
    local code=$1 got=0
    shift
    "$@" || got=$?
    [ "$got" = "$code" ] || { echo "code $got" && false; }
}

like() { # like FILE: its mode and owners
    in_root stat -c '%a %U:%G' "$1"
}

installed() { # installed PACKAGE: its version
    # shellcheck disable=SC2016
    in_root dpkg-query -W -f '${db:Status-Status} ${Version}' "$1"
}

told() { # what systemd was told since last asked, on one line
    tr '\n' ';' <"$R/told"
    : >"$R/told"
}

all_files() { # with modes, owners; of /etc also what is in them
    (cd "$R" &&
        find . -xdev \( -path ./packages -o -path ./proc -o -path ./run/systemd \
            -o -path ./run/mysqld -o -path ./var/lib/mysql \
            -o -path ./var/log -o -path ./var/cache -o -path ./var/lib/apt \) -prune -o \
            -printf '%y %m %U:%G %p %l\n' | sort &&
        find etc -type f ! -name ld.so.cache ! -name '*-' -exec sha256sum {} + |
        sort -k 2)
}

make_root() {
    local codename mirror proxy=
    codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
    # Where this machine has its packages from; it goes nowhere else.
    # shellcheck disable=SC2016
    mirror=$(apt-get indextargets --format '$(REPO_URI)' \
        'Created-By: Packages' "Release: $codename" 'Component: main' |
        head -n 1)
    eval "$(apt-config shell proxy Acquire::http::Proxy)"
    [ -z "$proxy" ] || export http_proxy=$proxy
    debootstrap --variant=minbase "$codename" "$R" \
        "${mirror:-http://deb.debian.org/debian}" >"$LOG" 2>&1 ||
        { tail -n 20 "$LOG" "$R/debootstrap/debootstrap.log" 2>/dev/null &&
            exit 1; }
    apt-config dump | grep -E '^Acquire::https?::' \
        >"$R/etc/apt/apt.conf.d/90trial" || true
    mount -t proc proc "$R/proc"
    # Services are never started here, whatever a package wants.
    printf '#!/bin/sh\nexit 101\n' >"$R/usr/sbin/policy-rc.d"
    chmod 755 "$R/usr/sbin/policy-rc.d"
    mkdir "$R/packages"
    cp -r "$old" "$R/packages/old"
    cp -r "$new" "$R/packages/new"
    rm -rf "$R"/packages/*/build
    third_version
}

# One more, with another sample: what dpkg asks about.
third_version() {
    local deb
    deb=$(echo "$R"/packages/new/mikbill-events_*.deb)
    dpkg-deb -R "$deb" "$MBEV_TRIAL/third"
    sed -i "s/^Version: .*/&.1/" "$MBEV_TRIAL/third/DEBIAN/control"
    echo "; another sample" >>"$MBEV_TRIAL/third/etc/mikbill-events/mbevd.ini"
    mkdir "$R/packages/third"
    dpkg-deb -b "$MBEV_TRIAL/third" \
        "$R/packages/third/mikbill-events_third.deb" >/dev/null
}

version_of() {
    dpkg-deb -f "$1"/mikbill-events_*.deb Version
}

needs() { # what both packages need
    dpkg-deb -f "$old"/mikbill-events_*.deb Depends
    dpkg-deb -f "$old"/mikbill-events-server_*.deb Depends
}

debs() { # debs FOLDER: as apt in the root wants them
    (cd "$R" && printf '/%s\n' packages/"$1"/*.deb)
}

# A systemd that runs, as far as scripts of packages can see: it writes down
# what it is told. running: whether it says that mbevd runs.
pretend_systemd() {
    mkdir -p "$R/run/systemd/system"
    : >"$R/told"
    cat >"$R/usr/local/sbin/systemctl" <<'END'
#!/bin/sh
case "$*" in
*is-active*) test -e /running; exit ;;
*disable*|*enable*) exec /usr/bin/systemctl "$@" ;;
esac
echo "$*" >>/told
END
    cat >"$R/usr/local/sbin/deb-systemd-invoke" <<'END'
#!/bin/sh
echo "$*" >>/told
END
    chmod 755 "$R"/usr/local/sbin/*
}

echo "a clean Debian ..."
make_root
apt update
in_root apt-get satisfy -y -qq --no-install-recommends \
    "$(needs | paste -sd,)" >"$LOG" 2>&1 || { cat "$LOG" && exit 1; }
all_files >"$MBEV_TRIAL/before"
ini=/etc/mikbill-events/mbevd.ini

echo "install ..."
# shellcheck disable=SC2046
apt install $(debs old)
for package in mikbill-events mikbill-events-server; do
    check "$package is installed" is "installed $(version_of "$old")" \
        installed $package
    check "$package: files are as packed" \
        in_root dpkg --verify $package
done
check "account" is "mbevd:/var/lib/mikbill-events:/usr/sbin/nologin" \
    in_root sh -c 'getent passwd mbevd | cut -d: -f1,6,7'
check "mode of the configuration" is "640 root:mbevd" like $ini
check "mode of its folder" is "750 root:mbevd" like /etc/mikbill-events
check "mode of the state" is "700 mbevd:mbevd" like /var/lib/mikbill-events
check "mode of the folder of sockets" is "755 mbevd:mbevd" \
    like /run/mikbill-events
check "mode of the library" is "644 root:root" \
    like /usr/lib/mikbill-events/mbev.so
check "it is not enabled" is disabled in_root systemctl is-enabled mbevd
check "the unit is good" in_root systemd-analyze verify --man=no mbevd.service
for program in /usr/sbin/mbevd /usr/bin/mbevctl /usr/lib/mikbill-events/mbev.so; do
    check "$program finds its libraries" is "" \
        in_root sh -c "ldd $program | grep 'not found'"
done
check "mbevd --version" is "mbevd $(version_of "$old")" in_root mbevd --version
check "mbevctl help" in_root mbevctl help
check "mbevd -t asks for what is not filled in" refuses 78 as mbevd mbevd -t
check "strangers cannot read the configuration" refuses 1 \
    as nobody cat $ini
sed -i 's/^api_key =$/api_key = of-the-trial/; 0,/^password =/s//& of-the-trial/' \
    "$R$ini"
check "mbevd -t" as mbevd mbevd -t
check "mbevctl test" in_root mbevctl test
check "it says what is next" grep -q "is not started" "$MBEV_TRIAL/said"
check "it says where the library goes" grep -q plugin_dir "$MBEV_TRIAL/said"

echo "upgrade ..."
check "it is enabled" in_root systemctl --quiet enable mbevd
echo 1 >"$R/var/lib/mikbill-events/known_hosts"
echo secret >"$R/etc/mikbill-events/smsc.secret"
changed=$(sha256sum <"$R$ini")
exec 8<"$R/usr/lib/mikbill-events/mbev.so"
library=$(sha256sum </proc/self/fd/8)
# shellcheck disable=SC2046
apt install $(debs new)
check "mbevd of the new version" is "mbevd $(version_of "$new")" \
    in_root mbevd --version
check "mbevctl of the new version" is "mbevctl $(version_of "$new")" \
    in_root mbevctl --version
check "the changed configuration is kept" is "$changed" \
    sha256sum <"$R$ini"
check "... and its mode" is "640 root:mbevd" like $ini
check "the state is kept" test -s "$R/var/lib/mikbill-events/known_hosts"
check "it is still enabled" is enabled in_root systemctl is-enabled mbevd
check "the library was renamed into place" is "$library" \
    sha256sum </proc/self/fd/8
exec 8<&-
check "mbevd -t" as mbevd mbevd -t
# shellcheck disable=SC2046
apt install $(debs third)
check "it is kept when the package has another one, too" is "$changed" \
    sha256sum <"$R$ini"
check "... which lies beside" grep -q "another sample" "$R$ini.dpkg-dist"

echo "remove, and again ..."
apt remove mikbill-events mikbill-events-server
check "programs are gone" refuses 1 test -e "$R/usr/sbin/mbevd"
check "the configuration stays" is "$changed" sha256sum <"$R$ini"
check "the state stays" test -s "$R/var/lib/mikbill-events/known_hosts"
check "the account stays" in_root getent passwd mbevd
check "it does not start by itself" is "" \
    in_root find /etc/systemd -name mbevd.service
# shellcheck disable=SC2046
apt install $(debs new)
check "it comes back to its configuration" is "$changed" sha256sum <"$R$ini"
check "... and may read it" as mbevd mbevd -t

echo "purge ..."
apt purge mikbill-events mikbill-events-server
check "account" refuses 2 in_root getent passwd mbevd
check "group" refuses 2 in_root getent group mbevd
all_files >"$MBEV_TRIAL/after"
check "nothing is left, nothing else is gone" \
    diff "$MBEV_TRIAL/before" "$MBEV_TRIAL/after"

echo "what systemd is told ..."
pretend_systemd
# shellcheck disable=SC2046
apt install $(debs old)
check "a fresh one is not started" is "daemon-reload;" told
# shellcheck disable=SC2046
apt install $(debs new)
check "one that does not run is not started" is "daemon-reload;" told
touch "$R/running"
# shellcheck disable=SC2046
apt install --reinstall $(debs new)
check "one that runs is not restarted into a wrong configuration" \
    is "daemon-reload;" told
check "... and it says so" grep -q "was not restarted" "$MBEV_TRIAL/said"
sed -i 's/^api_key =$/api_key = of-the-trial/; 0,/^password =/s//& of-the-trial/' \
    "$R$ini"
# shellcheck disable=SC2046
apt install $(debs third)
check "one that runs is restarted" \
    is "daemon-reload;try-restart mbevd.service;" told
apt remove mikbill-events
check "one that is removed is stopped" \
    is "stop mbevd.service;daemon-reload;" told
apt purge mikbill-events mikbill-events-server

rm -rf "$R/usr/local/sbin"/* "$R/running" "$R/told"
all_files >"$MBEV_TRIAL/after"
check "nothing is left again" diff "$MBEV_TRIAL/before" "$MBEV_TRIAL/after"

echo "what the manual says ..."
SOCKET=$R/run/mysqld/mysqld.sock
MOST_COMMANDS=10
MOST_BACK=2

stand_in() { # the other side: a billing and a provider
    python3 scripts/package_trial.py "$@"
}

# A systemd that starts and stops mbevd, as its unit says.
run_by_systemd() {
    cat >"$R/usr/local/sbin/systemctl" <<'END'
#!/bin/sh
case "$*" in
"enable --now mbevd")
    program=$(sed -n 's/^ExecStart=//p' /usr/lib/systemd/system/mbevd.service)
    setsid runuser -u mbevd -- $program >/var/log/mbevd.log 2>&1 </dev/null &
    for _ in $(seq 200); do
        ! mbevctl status >/dev/null 2>&1 || exit 0
        sleep 0.1
    done
    cat /var/log/mbevd.log >&2
    exit 1 ;;
*is-active*) pgrep -x mbevd >/dev/null ;;
*) exit 0 ;;
esac
END
    cat >"$R/usr/local/sbin/deb-systemd-invoke" <<'END'
#!/bin/sh
if [ "$1" = stop ]; then
    pkill -x mbevd
    while pgrep -x mbevd >/dev/null; do sleep 0.1; done
fi
exit 0
END
    chmod 755 "$R"/usr/local/sbin/*
    mkdir -p "$R/run/systemd/system"
    echo 'DPkg::Path "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin";' \
        >"$R/etc/apt/apt.conf.d/91trial"
    echo "127.0.0.1 $(hostname)" >>"$R/etc/hosts"
}

start_database() {
    apt install mariadb-server sudo
    mount -t devpts devpts "$R/dev/pts"
    in_root install -d -o mysql -g mysql /run/mysqld
    chroot "$R" /usr/sbin/mariadbd --user=mysql >"$R/var/log/mariadbd.log" 2>&1 &
    for _ in $(seq 300); do
        ! in_root mysqladmin ping >"$LOG" 2>&1 || return 0
        sleep 0.1
    done
    cat "$R/var/log/mariadbd.log" && exit 1
}

# What an administrator writes into the configuration.
fill_in() {
    cat >"$R/root/fill-in" <<END
#!/bin/sh
sed -i -e '/^\\[database\\]/,/^\\[/s/^password =.*/password = thought up/' \\
    -e '/^\\[smspilot\\]/,/^\\[/s/^api_key =.*/api_key = of-the-trial/' \\
    -e '/^\\[smspilot\\]/,/^\\[/s|^url =.*|url = $1|' "\$1"
END
    chmod 755 "$R/root/fill-in"
}

# At a terminal, with a yes to whatever is asked.
type_in() {
    printf 'y\ny\n' | in_root env SUDO_EDITOR=/root/fill-in \
        script -qec "cd /packages/new && $1" /dev/null
}

wait_for() { # wait_for SECONDS COMMAND...
    local _ seconds=$1
    shift
    for _ in $(seq $((seconds * 10))); do
        ! "$@" >/dev/null 2>&1 || return 0
        sleep 0.1
    done
    echo "not after $seconds s: $*" && false
}

book_and_wait() {
    stand_in pay "$SOCKET" &&
        wait_for 20 grep -q '^79001234567 .*150[.]00' "$MBEV_TRIAL/messages" &&
        wait_for 20 in_root sh -c 'mbevctl queue done | grep -q sms'
}

traces() {
    stand_in traces "$SOCKET" | sed 's/ AUTO_INCREMENT=[0-9]*//'
}

start_database
run_by_systemd
stand_in billing "$SOCKET"
stand_in provider "$MBEV_TRIAL/url" >"$MBEV_TRIAL/messages" &
wait_for 10 test -s "$MBEV_TRIAL/url"
fill_in "$(cat "$MBEV_TRIAL/url")"
in_root sudo true
all_files >"$MBEV_TRIAL/before"
traces >"$MBEV_TRIAL/traces-before"
stand_in commands docs/installation.md \
    "Service and database on one host" >"$MBEV_TRIAL/commands"
back=$(grep -n "^sudo mbevctl uninstall" "$MBEV_TRIAL/commands" | cut -d: -f1)
count=$(wc -l <"$MBEV_TRIAL/commands")
check "at most $MOST_COMMANDS commands to the first message" \
    [ $((back - 1)) -le $MOST_COMMANDS ]
check "at most $MOST_BACK commands back" \
    [ $((count - back + 1)) -le $MOST_BACK ]
head -n $((back - 1)) "$MBEV_TRIAL/commands" >"$MBEV_TRIAL/there"
while read -r command <&9; do
    case $command in
    *"queue done") check "a payment is announced" book_and_wait ;;
    esac
    echo "  $command"
    check "$command" type_in "$command"
done 9<"$MBEV_TRIAL/there"
check "one message came" is 1 sh -c "wc -l <$MBEV_TRIAL/messages"
check "the queue shows it" in_root sh -c 'mbevctl queue done | grep -q sms'
check "triggers are there" is 1 \
    in_root mysql -NBe "SELECT COUNT(*) > 3 FROM information_schema.triggers
        WHERE definer = 'mbev_trigger@localhost'"
tail -n +"$back" "$MBEV_TRIAL/commands" >"$MBEV_TRIAL/back"
while read -r command <&9; do
    echo "  $command"
    check "$command" type_in "$command"
done 9<"$MBEV_TRIAL/back"
check "the service has ended" refuses 1 in_root pgrep -x mbevd
traces >"$MBEV_TRIAL/traces-after"
check "no trace is left in the database server" \
    diff "$MBEV_TRIAL/traces-before" "$MBEV_TRIAL/traces-after"
all_files >"$MBEV_TRIAL/after"
check "no file is left" diff "$MBEV_TRIAL/before" "$MBEV_TRIAL/after"
check "a payment goes on" stand_in pay "$SOCKET"
in_root mysqladmin shutdown
wait_for 30 test ! -e "$SOCKET"

echo "$PASSED passed, $FAILED failed"
[ "$FAILED" = 0 ]

# Sourced by the other scripts: what they need from Debian, installed when it
# is missing (root or sudo).

BUILD_PACKAGES="build-essential cmake ninja-build pkg-config libmariadb-dev \
libcurl4-openssl-dev libmicrohttpd-dev libssl-dev libssh2-1-dev libjson-c-dev libxml2-dev"
RUN_PACKAGES="mariadb-server-core mariadb-client-core python3-minimal python3 \
python3-pymysql python3-asyncssh openssl tzdata"
# openssh-server: the stand-in routers start an sshd of their own; on a machine
# where services start by themselves, disable its ssh.service afterwards.
ROUTER_PACKAGES="openssh-server libnss-wrapper"
# Clusters, and networks for their nodes.
CLUSTER_PACKAGES="galera-4 galera-arbitrator-4 iproute2"
# libaio1: of MySQL 5.6, which npm fetches where npm is; see docs/servers.md.
# systemd: only its tools, which judge the unit file. mandoc judges the manual.
TEST_PACKAGES="libcmocka-dev librdkafka-dev python3-pytest python3-pytest-xdist python3-jsonschema \
$ROUTER_PACKAGES $CLUSTER_PACKAGES mariadb-client libaio1 clang \
libclang-rt-dev clang-format clang-tidy \
cppcheck chromium chromium-driver fonts-dejavu-core systemd mandoc dpkg-dev file shellcheck"
# What makes and checks packages, and a clean Debian to try them in.
PACKAGE_PACKAGES="dpkg-dev file lintian rpm rpmlint debootstrap"

missing_packages() {
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null |
            grep -q 'install ok installed' || echo "$package"
    done
}

need_packages() {
    local missing root=
    missing=$(missing_packages "$@")
    [ -n "$missing" ] || return 0
    [ "$(id -u)" = 0 ] || root=sudo
    if [ -n "$root" ] && ! command -v sudo >/dev/null; then
        echo "needs root, or sudo, to install:" $missing >&2
        return 1
    fi
    echo "installing:" $missing >&2
    $root apt-get update -qq
    # shellcheck disable=SC2086
    $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
        --no-install-recommends $missing >/dev/null
}

# build DIR [cmake options]: configures and builds the tree into DIR.
build() {
    local dir=$1
    shift
    cmake -S . -B "$dir" -G Ninja "$@" >/dev/null
    cmake --build "$dir"
}

# build_for_torture [asan]: builds what is to run for long, and says where it
# is in MBEV_BUILD.
build_for_torture() {
    local folder=build-bench options=()
    if [ "${1:-}" = asan ]; then
        folder=build-asan
        options=(-DMBEV_FAULTS=ON -DMBEV_SANITIZE=address,undefined
            -DCMAKE_BUILD_TYPE=Debug)
        MBEV_SERVER_PRELOAD=$(gcc -print-file-name=libasan.so)
        export MBEV_SERVER_PRELOAD
        export ASAN_OPTIONS=detect_leaks=1:quarantine_size_mb=1
    fi
    cmake -S . -B "$folder" -G Ninja "${options[@]}" >/dev/null
    cmake --build "$folder" --target mbevd mbevctl mbev >/dev/null
    export MBEV_BUILD=$PWD/$folder
}

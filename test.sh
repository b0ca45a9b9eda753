#!/usr/bin/env bash
# Installs what the tests need, if it is not there, and runs them all.
#
#   ./test.sh                      everything
#   ./test.sh backend_contract     what is named so; all arguments go to the test runner
#
# From Debian come PostgreSQL, Chromium, Python, Node (18 or later) and the solver cvc5; from PyPI and
# npm the judges, in the versions and with the digests that tests/judges pins: Slack's own SDKs and
# types, and what drives and examines the browser. They stay in target/judges.
#
# POSTGRES_BIN names the folder of another PostgreSQL's programs (initdb, postgres), to test with;
# KEYLEND_JUDGES another folder for the judges; KEYLEND_CHROMIUM another browser's program;
# CVC5 another solver's.
set -euo pipefail
cd "$(dirname "$0")"

export KEYLEND_JUDGES="${KEYLEND_JUDGES:-$PWD/target/judges}"
export KEYLEND_SENT="$KEYLEND_JUDGES/sent"

fail() {
    echo "test.sh: $*" >&2
    exit 1
}

has_postgres() {
    [ -n "${POSTGRES_BIN:-}" ] || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null
}

has_chromium() {
    [ -n "${KEYLEND_CHROMIUM:-}" ] || command -v chromium >/dev/null
}

has_python() {
    python3 -c 'import ensurepip, venv' 2>/dev/null
}

has_node() {
    command -v npm >/dev/null && node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)'
}

has_cvc5() {
    [ -n "${CVC5:-}" ] || command -v cvc5 >/dev/null
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

apt() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get --yes --quiet "$@"
}

install_packages() {
    local packages=()
    has_postgres || packages+=(postgresql)
    # Pages are photographed, so there must be letters, and the emoji of messages.
    has_chromium || packages+=(chromium fonts-liberation fonts-noto-color-emoji)
    has_python || packages+=(python3 python3-venv)
    has_node || packages+=(nodejs npm)
    has_cvc5 || packages+=(cvc5)
    [ ${#packages[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null ||
        fail "this is no Debian, and these are missing: ${packages[*]}"
    [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null ||
        fail "only root can install what is missing: run this once as root (${packages[*]})"
    echo "test.sh: installing ${packages[*]}"
    apt update
    if ! has_postgres; then
        # First the part that decides whether a server starts by itself: the tests start their own,
        # and nobody wants another one on port 5432.
        apt install --no-install-recommends postgresql-common
        as_root sed -i -E 's/^#?\s*create_main_cluster\s*=.*/create_main_cluster = false/' \
            /etc/postgresql-common/createcluster.conf
    fi
    apt install --no-install-recommends "${packages[@]}"
}

install_judges() {
    local pinned
    pinned="$(python3 --version; sha256sum tests/judges/{package*.json,requirements.txt})"
    # Written last: what was cut off is begun anew.
    [ "$(cat "$KEYLEND_JUDGES/installed" 2>/dev/null)" != "$pinned" ] || return 0
    echo "test.sh: installing the judges"
    rm -rf "$KEYLEND_JUDGES"/{installed,node_modules,venv}
    mkdir -p "$KEYLEND_JUDGES"
    cp tests/judges/{package.json,package-lock.json,.npmrc} "$KEYLEND_JUDGES"
    (cd "$KEYLEND_JUDGES" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
    python3 -m venv "$KEYLEND_JUDGES/venv"
    "$KEYLEND_JUDGES/venv/bin/pip" install --quiet --require-hashes -r tests/judges/requirements.txt
    echo "$pinned" >"$KEYLEND_JUDGES/installed"
}

# Holds everything that was sent to Slack in the tests against Slack's own libraries.
hold_what_was_sent() {
    if [ $# -gt 0 ] && ! compgen -G "$KEYLEND_SENT/*.json" >/dev/null; then
        echo "test.sh: skipped Slack's libraries: these tests sent nothing"
    else
        "$KEYLEND_JUDGES/venv/bin/python" tests/judges/hold.py "$KEYLEND_SENT"
    fi
}

command -v cargo >/dev/null || fail "cargo is missing: see https://rustup.rs"
install_packages
install_judges
rm -rf "$KEYLEND_SENT"
mkdir -p "$KEYLEND_SENT"

if cargo nextest --version >/dev/null 2>&1; then
    # Tests that are skipped are listed with those that pass.
    cargo nextest run --workspace --no-fail-fast --status-level skip "$@"
    if [ $# -eq 0 ]; then
        # nextest does not run the examples in the documentation.
        cargo test --workspace --doc
    else
        echo "test.sh: skipped the examples in the documentation, which arguments leave out"
    fi
else
    # This runs the examples in the documentation too, and marks skipped tests as ignored.
    cargo test --workspace --no-fail-fast "$@"
fi
hold_what_was_sent "$@"

#!/usr/bin/env bash
# Installs what the tests need, if it is not there, and runs them all.
#
#   ./test.sh                      everything
#   ./test.sh --test slack         one test program; all arguments go to the test runner
#
# From Debian come PostgreSQL, Chromium, Python, Node (18 or later) and the solver cvc5; from PyPI and
# npm the validators, in the versions and with the digests that tests/validators pins: Slack's own SDKs and
# types, what drives and examines the browser, and PostgreSQL 16 and 18, on which the tests of
# PostgreSQL targets and stores run again. They stay in target/validators.
#
# What needs more than that and does not find it is skipped, listed and counted at the end: recordings
# and validators of Slack in ../shared, and PostgreSQL 16 and 18 where they do not run. With
# KEYLEND_NO_SKIPS=1 it is a failure.
#
# POSTGRES_BIN names the folder of another PostgreSQL's programs (initdb, postgres), to test with
# instead of all of these;
# KEYLEND_VALIDATORS another folder for the validators; KEYLEND_CHROMIUM another browser's program;
# CVC5 another solver's.
set -euo pipefail
cd "$(dirname "$0")"

export KEYLEND_VALIDATORS="${KEYLEND_VALIDATORS:-$PWD/target/validators}"
export KEYLEND_SENT="$KEYLEND_VALIDATORS/sent"
export KEYLEND_SKIPPED="$KEYLEND_VALIDATORS/skipped"

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

install_validators() {
    local pinned
    pinned="$(python3 --version; sha256sum tests/validators/{package*.json,requirements.txt})"
    # Written last: what was cut off is begun anew.
    [ "$(cat "$KEYLEND_VALIDATORS/installed" 2>/dev/null)" != "$pinned" ] || return 0
    echo "test.sh: installing the validators"
    rm -rf "$KEYLEND_VALIDATORS"/{installed,node_modules,venv}
    mkdir -p "$KEYLEND_VALIDATORS"
    cp tests/validators/{package.json,package-lock.json,.npmrc} "$KEYLEND_VALIDATORS"
    (cd "$KEYLEND_VALIDATORS" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
    for package in "$KEYLEND_VALIDATORS"/node_modules/postgres-*; do
        [ -d "$package" ] || continue
        # What its install script does, which npm was told not to run: links between libraries.
        (cd "$package" && node scripts/hydrate-symlinks.js)
        chmod -R a+rX "$package"
    done
    python3 -m venv "$KEYLEND_VALIDATORS/venv"
    "$KEYLEND_VALIDATORS/venv/bin/pip" install --quiet --require-hashes -r tests/validators/requirements.txt
    echo "$pinned" >"$KEYLEND_VALIDATORS/installed"
}

# Notes what is skipped, as `tests/support/skip.rs` does.
skip() {
    echo "$1" >>"$KEYLEND_SKIPPED"
}

# Lists and counts what was skipped, also if something failed.
report_skipped() {
    local code=$? count
    sort --unique --output="$KEYLEND_SKIPPED" "$KEYLEND_SKIPPED"
    count="$(wc --lines <"$KEYLEND_SKIPPED")"
    echo "test.sh: skipped: $count"
    sed 's/^/    /' "$KEYLEND_SKIPPED"
    if [ "$count" -gt 0 ] && [ -n "${KEYLEND_NO_SKIPS:-}" ] && [ "$code" -eq 0 ]; then
        code=1
    fi
    exit "$code"
}

# As the tests run a server: not as root, which PostgreSQL refuses.
as_nobody() {
    if [ "$(id -u)" -eq 0 ]; then
        setpriv --reuid=65534 --regid=65534 --clear-groups -- "$@"
    else
        "$@"
    fi
}

# Runs what concerns PostgreSQL, as a target and as the store, on the versions that Debian has not.
test_other_versions() {
    local bin failed=0 ran=0
    local tests=(
        --test backend_contract --test adversary --test store_contract --test service --test promises
        -- postgres target:: targets:: store:: locks:: compared:: moving:: one_of_two_replicas
        promise_08 promise_09
        # These ask nothing of the server that the rest does not.
        --skip documents::
    )
    if [ -n "${POSTGRES_BIN:-}" ] || [ $# -gt 0 ]; then
        echo "test.sh: skipped PostgreSQL 16 and 18, which POSTGRES_BIN or arguments leave out"
        return 0
    fi
    for version in 16 18; do
        bin="$KEYLEND_VALIDATORS/node_modules/postgres-$version/native/bin"
        if ! as_nobody "$bin/postgres" --version; then
            skip "test.sh: this machine does not run PostgreSQL $version from $bin"
            continue
        fi
        ran=1
        if cargo nextest --version >/dev/null 2>&1; then
            POSTGRES_BIN="$bin" cargo nextest run --no-fail-fast --status-level fail \
                "${tests[@]}" || failed=1
        else
            POSTGRES_BIN="$bin" cargo test --no-fail-fast "${tests[@]}" || failed=1
        fi
    done
    # What Debian's version was too old for ran here.
    [ $ran -eq 0 ] || sed --in-place '/: needs PostgreSQL 16: /d' "$KEYLEND_SKIPPED"
    return $failed
}

# Holds everything that was sent to Slack in the tests against Slack's own libraries.
hold_what_was_sent() {
    if [ $# -gt 0 ] && ! compgen -G "$KEYLEND_SENT/*.json" >/dev/null; then
        echo "test.sh: skipped Slack's libraries: these tests sent nothing"
    elif [ ! -e ../shared/tools/slack/validate_blocks.py ]; then
        skip "tests/validators/hold.py: ../shared/tools/slack/validate_blocks.py does not exist"
    else
        "$KEYLEND_VALIDATORS/venv/bin/python" tests/validators/hold.py "$KEYLEND_SENT"
    fi
}

command -v cargo >/dev/null || fail "cargo is missing: see https://rustup.rs"
install_packages
install_validators
rm -rf "$KEYLEND_SENT"
mkdir -p "$KEYLEND_SENT"
: >"$KEYLEND_SKIPPED"
trap report_skipped EXIT

if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --workspace --no-fail-fast "$@"
    if [ $# -eq 0 ]; then
        # nextest does not run the examples in the documentation.
        cargo test --workspace --doc
    else
        echo "test.sh: skipped the examples in the documentation, which arguments leave out"
    fi
else
    # This runs the examples in the documentation too.
    cargo test --workspace --no-fail-fast "$@"
fi
if [ $# -eq 0 ]; then
    # What is said of kinds of targets that were not compiled in.
    cargo test --lib --no-default-features not_compiled_in
fi
test_other_versions "$@"
hold_what_was_sent "$@"

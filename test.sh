#!/usr/bin/env bash
# Installs what the tests need, if it is not there, and runs them all.
#
#   ./test.sh                      everything
#   ./test.sh backend_contract     what is named so; all arguments go to the test runner
#
# POSTGRES_BIN names the folder of another PostgreSQL's programs (initdb, postgres), to test with;
# CVC5 another solver's program, for tests/proofs.
set -euo pipefail
cd "$(dirname "$0")"

fail() {
    echo "test.sh: $*" >&2
    exit 1
}

has_postgres() {
    [ -n "${POSTGRES_BIN:-}" ] || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null
}

has_cvc5() {
    [ -n "${CVC5:-}" ] || command -v cvc5 >/dev/null
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        fail "only root can install what is missing (PostgreSQL, cvc5): run this once as root, or set" \
            "POSTGRES_BIN to the folder that holds initdb and postgres, and CVC5 to the solver"
    fi
}

install_postgres() {
    command -v apt-get >/dev/null ||
        fail "PostgreSQL is missing, and this is no Debian: install it, and set POSTGRES_BIN to" \
            "the folder that holds initdb and postgres"
    echo "test.sh: installing PostgreSQL"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update --quiet
    # First the part that decides whether a server starts by itself: the tests start their own, and
    # nobody wants another one on port 5432.
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install --yes --quiet --no-install-recommends postgresql-common
    as_root sed -i -E 's/^#?\s*create_main_cluster\s*=.*/create_main_cluster = false/' \
        /etc/postgresql-common/createcluster.conf
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install --yes --quiet --no-install-recommends postgresql
}

install_cvc5() {
    command -v apt-get >/dev/null ||
        fail "cvc5 is missing, and this is no Debian: install it, and set CVC5 to the program"
    echo "test.sh: installing cvc5"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update --quiet
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install --yes --quiet --no-install-recommends cvc5
}

command -v cargo >/dev/null || fail "cargo is missing: see https://rustup.rs"
has_postgres || install_postgres
has_cvc5 || install_cvc5

if cargo nextest --version >/dev/null 2>&1; then
    # Tests that are skipped are listed with those that pass.
    cargo nextest run --workspace --status-level skip "$@"
    if [ $# -eq 0 ]; then
        # nextest does not run the examples in the documentation.
        cargo test --workspace --doc
    else
        echo "test.sh: skipped the examples in the documentation, which arguments leave out"
    fi
else
    # This runs the examples in the documentation too, and marks skipped tests as ignored.
    cargo test --workspace "$@"
fi

#!/usr/bin/env bash
# Measures the figures of docs/performance.md, all in one run, and keeps them.
#
#   benches/run.sh                 everything: some sixteen minutes beside compiling
#   KEYLEND_REQUESTS=100000 benches/run.sh   with a shorter history
#
# A row for this machine and commit is appended to benches/FIGURES.md, and the figures in
# docs/performance.md are replaced. Nothing is written unless everything was measured. Measure on an idle machine.
#
# It needs PostgreSQL, Python, Node and the validators, all of which ./test.sh installs; gunicorn, in the
# version and with the digest that benches/rivals pins, it installs into target/rivals.
set -euo pipefail
cd "$(dirname "$0")/.."

export KEYLEND_VALIDATORS="${KEYLEND_VALIDATORS:-$PWD/target/validators}"
export KEYLEND_RIVALS="${KEYLEND_RIVALS:-$PWD/target/rivals}"
TABLE=benches/FIGURES.md
PAGE=docs/performance.md

fail() {
    echo "benches/run.sh: $*" >&2
    exit 1
}

check_needs() {
    command -v cargo >/dev/null || fail "cargo is missing: see https://rustup.rs"
    [ -n "${POSTGRES_BIN:-}" ] || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null ||
        fail "PostgreSQL is missing: ./test.sh installs it"
    command -v node >/dev/null || fail "Node is missing: ./test.sh installs it"
    python3 -c 'import ensurepip, venv' 2>/dev/null ||
        fail "Python is missing, or its venv: ./test.sh installs it"
    [ -d "$KEYLEND_VALIDATORS/node_modules/@slack/bolt" ] ||
        fail "@slack/bolt is missing: ./test.sh installs it"
    [ -z "$(git status --porcelain --untracked-files=no)" ] ||
        fail "the figures belong to a commit, and there are changes beside it"
}

install_rivals() {
    local pinned
    pinned="$(python3 --version; sha256sum benches/rivals/requirements.txt)"
    # Written last: what was cut off is begun anew.
    [ "$(cat "$KEYLEND_RIVALS/installed" 2>/dev/null)" != "$pinned" ] || return 0
    rm -rf "$KEYLEND_RIVALS"
    mkdir -p "$KEYLEND_RIVALS"
    python3 -m venv "$KEYLEND_RIVALS/venv"
    "$KEYLEND_RIVALS/venv/bin/pip" install --quiet --require-hashes \
        -r benches/rivals/requirements.txt
    echo "$pinned" >"$KEYLEND_RIVALS/installed"
}

# Milliseconds until 4 KiB written to the disk are there: the median of many.
flush() {
    TMPDIR="${TMPDIR:-/tmp}" python3 - <<'PYTHON'
import os, statistics, tempfile, time
times = []
with tempfile.TemporaryFile() as file:
    for _ in range(200):
        begun = time.perf_counter()
        os.write(file.fileno(), bytes(4096))
        os.fdatasync(file.fileno())
        times.append(time.perf_counter() - begun)
print(f"{statistics.median(times) * 1000:.1f} ms")
PYTHON
}

machine() {
    local model memory
    model="$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
    memory="$(awk '/^MemTotal/ { printf "%.0f GB", $2 / 1000000 }' /proc/meminfo)"
    echo "$(nproc) cores (${model:-$(uname -m)}), $memory, disk flush $(flush)"
}

# The figures as rows of the page's table.
page_rows() {
    local what aim value
    echo "| | aim | measured |"
    echo "|---|---|---|"
    while IFS='|' read -r what aim value; do
        echo "| $what | $aim | $value |"
    done <"$KEYLEND_FIGURES"
}

# Puts what is on standard input between two marks of the page.
show() {
    local shown
    shown="$(cat)" awk '
        /<!-- figures end -->/ { print ENVIRON["shown"]; kept = 0 }
        !kept { print }
        /<!-- figures begin -->/ { kept = 1 }
    ' "$PAGE" >"$KEYLEND_FIGURES.page"
    cat "$KEYLEND_FIGURES.page" >"$PAGE"
}

# Appends one row; where the figures have other names than in the row before, under a new head.
keep() {
    local head row name
    head="| date | commit | machine |"
    row="| $1 | $2 | $3 |"
    while IFS='|' read -r name _ value; do
        head+=" $name |"
        row+=" $value |"
    done <"$KEYLEND_FIGURES"
    if [ "$(grep '^| date' "$TABLE" | tail -n 1)" != "$head" ]; then
        printf '\n%s\n%s\n' "$head" "$(sed 's/[^|]\+/---/g' <<<"$head")" >>"$TABLE"
    fi
    echo "$row" >>"$TABLE"
}

check_needs
install_rivals
cargo bench --locked --no-run

scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
export KEYLEND_FIGURES="$scratch/figures"

date="$(date -u +%F)"
commit="$(git rev-parse --short HEAD)"
machine="$(machine)"
echo "$machine"
for bench in expiry acknowledgement form checks audit history; do
    cargo bench --quiet --locked --bench "$bench"
done

keep "$date" "$commit" "$machine"
{
    echo "Measured on $date at commit $commit: $machine; release build, every commit flushed to disk, load and service on the same cores."
    echo
    page_rows
} | show
echo "benches/run.sh: kept in $TABLE and $PAGE"

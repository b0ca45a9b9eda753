#!/usr/bin/env bash
# Runs every fuzz target, one after another, and keeps what it found.
#
#   fuzz/run.sh              ten minutes each
#   fuzz/run.sh 60           a minute each
#   fuzz/run.sh 60 line log  a minute each of these
#
# Needs `cargo install cargo-fuzz --locked`. What a target finds on its way goes to
# fuzz/target/found; what reaches more than fuzz/corpus does is added there, at most 50 small files
# for each target. The first thing that breaks a rule ends the run and is in fuzz/artifacts.
set -euo pipefail
cd "$(dirname "$0")"

# An input may take five seconds and 2 GiB, and be 4 KiB long: longer ones reach nothing more.
LIMITS=(-timeout=5 -rss_limit_mb=2048 -max_len=4096)
MOST=50
HASH="$(printf '[0-9a-f]%.0s' {1..40})"

seconds="${1:-600}"
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(ls targets | sed 's/\.rs$//')

# The stable compiler has the coverage that a fuzzer follows, but none of the sanitizers; nothing
# here is unsafe code.
fuzz() {
    cargo fuzz "$@" --sanitizer none --target-dir target
}

# Adds to the corpus what reaches more than it does, and keeps of what was added the smallest files.
minimise() {
    local target="$1" found="$2" written
    "$program" -merge=1 "${LIMITS[@]}" "corpus/$target" "$found" 2>/dev/null
    # The fuzzer names files by their hash; people do not.
    written="$(find "corpus/$target" -type f -not -name "$HASH" | wc -l)"
    find "corpus/$target" -type f -name "$HASH" -printf '%s %p\n' | sort -n |
        tail -n "+$((MOST - written + 1))" | cut -d' ' -f2- | xargs -r rm
}

fuzz build
for target in "${targets[@]}"; do
    program="target/$(rustc -vV | sed -n 's/host: //p')/release/$target"
    found="target/found/$target"
    mkdir -p "$found" artifacts/"$target"
    echo "fuzz: $target for $seconds s"
    "$program" "${LIMITS[@]}" -max_total_time="$seconds" -dict="dictionaries/$target.dict" \
        -artifact_prefix="artifacts/$target/" -print_final_stats=1 "$found" "corpus/$target"
    minimise "$target" "$found"
done

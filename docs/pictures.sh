#!/usr/bin/env bash
# Takes the pictures in docs/pictures again: the test that plays the demo in a browser leaves them there.
set -euo pipefail
cd "$(dirname "$0")/.."

fc-list | grep -qi emoji || {
    echo "docs/pictures.sh: no font has emoji: apt-get install fonts-noto-color-emoji" >&2
    exit 1
}
cargo build --workspace --examples
KEYLEND_PICTURES="$PWD/docs/pictures" ./test.sh --test service browser
ls -l docs/pictures

#!/usr/bin/env bash
# Takes the pictures in docs/pictures again: the test that plays the demo in a browser leaves them there.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo build --workspace --examples
KEYLEND_PICTURES="$PWD/docs/pictures" ./test.sh --test service browser
ls -l docs/pictures

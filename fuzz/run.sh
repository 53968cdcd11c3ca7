#!/bin/sh
# Runs every fuzz target: `fuzz/run.sh short` for 15 s each, `fuzz/run.sh <seconds> [target]` for longer.
# libFuzzer with coverage feedback on the stable toolchain; a crash leaves its input in fuzz/artifacts and fails the run.
set -eu
cd "$(dirname "$0")"
seconds="${1:-short}"
[ "$seconds" = short ] && seconds=15
only="${2:-}"

host=$(rustc -vV | sed -n 's/^host: //p')
CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-../target}/fuzz"
export CARGO_TARGET_DIR
# Only the target's own code is instrumented (--target keeps build scripts out of it).
RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1"
export RUSTFLAGS
cargo build --release --quiet --bins --target "$host"

mkdir -p artifacts work
for source in targets/*.rs; do
    name=$(basename "$source" .rs)
    [ -z "$only" ] || [ "$only" = "$name" ] || continue
    mkdir -p "work/$name" "corpus/$name"
    printf '%-20s' "$name"
    if "$CARGO_TARGET_DIR/$host/release/$name" "work/$name" "corpus/$name" -artifact_prefix="artifacts/$name-" \
        -max_total_time="$seconds" -max_len=16384 -timeout=5 -rss_limit_mb=2048 -print_final_stats=1 >"artifacts/$name.log" 2>&1; then
        sed -n 's/^stat::number_of_executed_units: */runs /p' "artifacts/$name.log"
    else
        echo "FAILED"
        tail -n 30 "artifacts/$name.log"
        exit 1
    fi
done

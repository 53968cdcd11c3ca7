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
export host seconds
# One program to a core.
printf '%s\n' targets/*.rs | sed 's,.*/,,; s,\.rs$,,' | grep -x "${only:-.*}" | xargs -P "$(nproc)" -I NAME sh -c '
    mkdir -p work/NAME corpus/NAME
    if "$CARGO_TARGET_DIR/$host/release/NAME" work/NAME corpus/NAME -artifact_prefix=artifacts/NAME- \
        -max_total_time="$seconds" -max_len=16384 -timeout=5 -rss_limit_mb=2048 -print_final_stats=1 >artifacts/NAME.log 2>&1; then
        printf "%-20s%s\n" NAME "$(sed -n "s/^stat::number_of_executed_units: */runs /p" artifacts/NAME.log)"
    else
        printf "%-20sFAILED\n%s\n" NAME "$(tail -n 30 artifacts/NAME.log)"
        exit 255
    fi'

#!/bin/sh
# Builds the diagnostics window and puts it where tauri's bundler looks for it (externalBin in tauri.release.json): it lies beside
# the app in every package. From the repository's root.
set -eu
cargo build --release --package confab-scope
triple=$(rustc -vV | sed -n 's/^host: //p')
case $triple in *windows*) suffix=.exe ;; *) suffix= ;; esac
mkdir -p src-tauri/binaries
cp "target/release/confab-scope$suffix" "src-tauri/binaries/confab-scope-$triple$suffix"

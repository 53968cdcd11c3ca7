//! Says aloud what openh264's build keeps to itself: without nasm it compiles plain C++, and encoding takes 2.3 to 2.7
//! times as long. A test in `h264/library.rs` looks whether the assembly really got in.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=NASM");
    println!("cargo::rerun-if-env-changed=OPENH264_NO_ASM");
    let arch = std::env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    if arch != "x86_64" && arch != "x86" {
        return;
    }
    if std::env::var_os("OPENH264_NO_ASM").is_some() {
        println!(
            "cargo::warning=OPENH264_NO_ASM is set: H.264 encoding will take more than twice as long"
        );
        return;
    }
    let nasm = std::env::var_os("NASM").unwrap_or_else(|| "nasm".into());
    if Command::new(nasm).arg("-v").output().is_err() {
        println!(
            "cargo::warning=nasm was not found: H.264 encoding will take more than twice as long. Install nasm, then `cargo clean -p openh264-sys2`"
        );
    }
}

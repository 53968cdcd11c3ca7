//! Two things that the codec libraries' own builds leave open.
//!
//! openh264 keeps to itself that nasm is missing: then it compiles plain C++, and encoding takes 2.3 to 2.7 times as long. This says
//! so aloud; a test in `h264/library.rs` looks whether the assembly really got in.
//!
//! libvpx's bindings ask for the shared library, whose name changes with each release of a distribution. Where its archive lies
//! beside it, it is linked in instead, so that a package built on one system runs on others; a test in `vpx/tests.rs` looks.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    warn_without_nasm();
    link_vpx_in();
}

fn warn_without_nasm() {
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

/// Names the archive; code that is in it is not asked of the shared library any more.
fn link_vpx_in() {
    println!("cargo::rerun-if-env-changed=VPX_LIB_DIR");
    if std::env::var_os("VPX_LIB_DIR").is_some() {
        // The bindings' build was told what to link, and how (VPX_STATIC).
        return;
    }
    let folder = pkg_config::get_variable("vpx", "libdir").unwrap_or_default();
    if Path::new(&folder).join("libvpx.a").is_file() {
        println!("cargo::rustc-link-search=native={folder}");
        println!("cargo::rustc-link-lib=static=vpx");
    }
}

//! libvpx for VP8, and a warning that openh264's build keeps to itself.
//!
//! libvpx comes from the system: its headers are read for the version that is there, and its archive is linked in where there is
//! one, since the shared library's name changes from release to release of a distribution. `VPX_DIR` names a folder with `include`
//! and `lib` to take instead, where pkg-config is not at home.
//!
//! Without nasm openh264 compiles plain C++, and encoding takes 2.3 to 2.7 times as long. A test in `h264/library.rs` looks whether
//! the assembly really got in.

use std::path::{Path, PathBuf};
use std::process::Command;

const HEADERS: &str = "
#include <vpx/vpx_encoder.h>
#include <vpx/vpx_decoder.h>
#include <vpx/vp8cx.h>
#include <vpx/vp8dx.h>
";

const ARCHIVES: [&str; 2] = ["libvpx.a", "vpx.lib"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    warn_without_nasm();
    let vpx = Vpx::find();
    vpx.link();
    vpx.bind();
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

/// Where libvpx is.
struct Vpx {
    headers: Vec<PathBuf>,
    libraries: Vec<PathBuf>,
}

impl Vpx {
    fn find() -> Vpx {
        println!("cargo::rerun-if-env-changed=VPX_DIR");
        if let Some(folder) = std::env::var_os("VPX_DIR").map(PathBuf::from) {
            return Vpx {
                headers: vec![folder.join("include")],
                libraries: vec![folder.join("lib")],
            };
        }
        let mut search = pkg_config::Config::new();
        let search = search.cargo_metadata(false).print_system_libs(true);
        match search.atleast_version("1.8").probe("vpx") {
            Ok(found) => Vpx {
                headers: found.include_paths,
                libraries: found.link_paths.into_iter().chain(c_folder()).collect(),
            },
            Err(error) => panic!(
                "libvpx 1.8 or later was not found. Debian: apt install libvpx-dev; macOS: brew install libvpx; elsewhere set VPX_DIR.\n{error}"
            ),
        }
    }

    fn link(&self) {
        let has_archive =
            |folder: &&PathBuf| ARCHIVES.iter().any(|name| folder.join(name).is_file());
        if let Some(folder) = self.libraries.iter().find(has_archive) {
            println!("cargo::rustc-link-search=native={}", folder.display());
            println!("cargo::rustc-link-lib=static=vpx");
            return;
        }
        for folder in &self.libraries {
            println!("cargo::rustc-link-search=native={}", folder.display());
        }
        println!("cargo::rustc-link-lib=dylib=vpx");
    }

    /// Writes `vpx.rs`, with assertions that the structures have the sizes and offsets of this target's C.
    fn bind(&self) {
        let include = |folder: &PathBuf| format!("-I{}", folder.display());
        let bindings = bindgen::builder()
            .header_contents("all.h", HEADERS)
            .clang_args(self.headers.iter().map(include))
            .allowlist_function("vpx_codec_(enc_config_default|enc_init_ver|enc_config_set|encode|get_cx_data)")
            .allowlist_function("vpx_codec_(dec_init_ver|decode|get_frame|control_|destroy|vp8_cx|vp8_dx)")
            .allowlist_var("(VPX|VP8)_(.*_ABI_VERSION|EFLAG_.*|DL_REALTIME|FRAME_IS_KEY|ERROR_RESILIENT_DEFAULT)")
            .allowlist_type("vp8e_enc_control_id|vp8_dec_control_id")
            .prepend_enum_name(false)
            .derive_default(true)
            .generate_comments(false)
            .generate()
            .expect("libvpx's headers can be read");
        let out = std::env::var_os("OUT_DIR").expect("Cargo gives build scripts a folder");
        bindings
            .write_to_file(Path::new(&out).join("vpx.rs"))
            .expect("the folder can be written to");
    }
}

/// Where the C compiler finds the archive by itself: Debian's `vpx.pc` names a folder that it is not in.
fn c_folder() -> Option<PathBuf> {
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let mut question = Command::new(compiler);
    let answer = question.arg("-print-file-name=libvpx.a").output().ok()?;
    let path = PathBuf::from(String::from_utf8(answer.stdout).ok()?.trim());
    // What it does not find it repeats.
    path.is_absolute()
        .then(|| path.parent().map(Path::to_path_buf))?
}

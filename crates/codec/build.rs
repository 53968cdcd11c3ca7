//! libvpx for VP8 and VP9, libaom for AV1, and a warning that openh264's build keeps to itself.
//!
//! Both come from the system: their headers are read for the version that is there, and their archives are linked in where there are
//! any, since the shared libraries' names change from release to release of a distribution. `VPX_DIR` and `AOM_DIR` name folders with
//! `include` and `lib` to take instead, where pkg-config is not at home.
//!
//! Without nasm openh264 compiles plain C++, and encoding takes 2.3 to 2.7 times as long. A test in `h264/library.rs` looks whether
//! the assembly really got in.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A C library and what is taken of it.
struct Library {
    /// As pkg-config and the linker call it.
    name: &'static str,
    /// The oldest version whose interface is the one that is used.
    oldest: &'static str,
    /// The environment variable with its folder.
    folder: &'static str,
    /// Where it is, for who lacks it.
    packages: &'static str,
    headers: &'static str,
    functions: &'static [&'static str],
    variables: &'static str,
    types: &'static str,
}

const VPX: Library = Library {
    name: "vpx",
    oldest: "1.8",
    folder: "VPX_DIR",
    packages: "Debian: apt install libvpx-dev; macOS: brew install libvpx",
    headers: "
#include <vpx/vpx_encoder.h>
#include <vpx/vpx_decoder.h>
#include <vpx/vp8cx.h>
#include <vpx/vp8dx.h>
",
    functions: &[
        "vpx_codec_(enc_config_default|enc_init_ver|enc_config_set|encode|get_cx_data)",
        "vpx_codec_(dec_init_ver|decode|get_frame|control_|destroy|vp[89]_[cd]x)",
    ],
    variables: "(VPX|VP8)_(.*_ABI_VERSION|EFLAG_.*|DL_REALTIME|FRAME_IS_KEY|ERROR_RESILIENT_DEFAULT)",
    types: "vp8e_enc_control_id|vp8_dec_control_id",
};

const AOM: Library = Library {
    name: "aom",
    oldest: "3.2",
    folder: "AOM_DIR",
    packages: "Debian: apt install libaom-dev; macOS: brew install aom",
    headers: "
#include <aom/aom_encoder.h>
#include <aom/aom_decoder.h>
#include <aom/aomcx.h>
#include <aom/aomdx.h>
",
    functions: &[
        "aom_codec_(enc_config_default|enc_init_ver|enc_config_set|encode|get_cx_data)",
        "aom_codec_(dec_init_ver|decode|get_frame|control|destroy|av1_[cd]x)",
    ],
    variables: "AOM_(.*_ABI_VERSION|EFLAG_FORCE_KF|USAGE_REALTIME|FRAME_IS_KEY)",
    types: "aome_enc_control_id|aom_dec_control_id|aom_tune_content|aom_svc_.*",
};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    warn_without_nasm();
    for library in [VPX, AOM] {
        let place = Place::find(&library);
        place.link(&library);
        place.bind(&library);
    }
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

/// Where a library is.
struct Place {
    headers: Vec<PathBuf>,
    libraries: Vec<PathBuf>,
}

impl Place {
    fn find(library: &Library) -> Place {
        println!("cargo::rerun-if-env-changed={}", library.folder);
        if let Some(folder) = std::env::var_os(library.folder).map(PathBuf::from) {
            return Place {
                headers: vec![folder.join("include")],
                libraries: vec![folder.join("lib")],
            };
        }
        let mut search = pkg_config::Config::new();
        let search = search.cargo_metadata(false).print_system_libs(true);
        match search.atleast_version(library.oldest).probe(library.name) {
            Ok(found) => Place {
                headers: found.include_paths,
                libraries: found
                    .link_paths
                    .into_iter()
                    .chain(c_folder(library))
                    .collect(),
            },
            Err(error) => panic!(
                "lib{} {} or later was not found. {}; elsewhere set {}.\n{error}",
                library.name, library.oldest, library.packages, library.folder
            ),
        }
    }

    fn link(&self, library: &Library) {
        let archives = [
            format!("lib{}.a", library.name),
            format!("{}.lib", library.name),
        ];
        let has_archive =
            |folder: &&PathBuf| archives.iter().any(|name| folder.join(name).is_file());
        if let Some(folder) = self.libraries.iter().find(has_archive) {
            println!("cargo::rustc-link-search=native={}", folder.display());
            println!("cargo::rustc-link-lib=static={}", library.name);
            return;
        }
        for folder in &self.libraries {
            println!("cargo::rustc-link-search=native={}", folder.display());
        }
        println!("cargo::rustc-link-lib=dylib={}", library.name);
    }

    /// Writes the bindings, with assertions that the structures have the sizes and offsets of this target's C.
    fn bind(&self, library: &Library) {
        let include = |folder: &PathBuf| format!("-I{}", folder.display());
        let mut builder = bindgen::builder()
            .header_contents("all.h", library.headers)
            .clang_args(self.headers.iter().map(include))
            .allowlist_var(library.variables)
            .allowlist_type(library.types)
            .prepend_enum_name(false)
            .derive_default(true)
            .generate_comments(false);
        for functions in library.functions {
            builder = builder.allowlist_function(functions);
        }
        let bindings = builder
            .generate()
            .unwrap_or_else(|error| panic!("lib{}'s headers: {error}", library.name));
        let out = std::env::var_os("OUT_DIR").expect("Cargo gives build scripts a folder");
        let file = Path::new(&out).join(format!("{}.rs", library.name));
        bindings
            .write_to_file(file)
            .expect("the folder can be written to");
    }
}

/// Where the C compiler finds the archive by itself: Debian's `.pc` files name a folder that it is not in.
fn c_folder(library: &Library) -> Option<PathBuf> {
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let mut question = Command::new(compiler);
    question.arg(format!("-print-file-name=lib{}.a", library.name));
    let answer = question.output().ok()?;
    let path = PathBuf::from(String::from_utf8(answer.stdout).ok()?.trim());
    // What it does not find it repeats.
    path.is_absolute()
        .then(|| path.parent().map(Path::to_path_buf))?
}

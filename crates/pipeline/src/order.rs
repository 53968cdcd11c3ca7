//! The order of the media stages, as data with its reasons. The threads run these lists from first to last; `taps` and
//! documentation use the same names.

/// A stage of the way from a person's mouth to the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VoiceUp {
    Capture,
    Chain,
    Encode,
    Send,
}

/// A stage of the way from the network to a person's ear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VoiceDown {
    Decode,
    Mix,
    FarReference,
    Play,
}

/// A stage of the way from camera or screen to the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VideoUp {
    Capture,
    Encode,
    Packetize,
    Send,
}

/// A stage of the way from the network to a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VideoDown {
    Assemble,
    PlayOut,
    Decode,
    Show,
}

/// A stage, the name of its tap (what comes out of it), and why it stands where it does.
#[derive(Clone, Copy, Debug)]
pub struct Stage<S> {
    pub stage: S,
    pub name: &'static str,
    pub why: &'static str,
}

const fn stage<S: Copy>(stage: S, name: &'static str, why: &'static str) -> Stage<S> {
    Stage { stage, name, why }
}

/// Every 10 ms, after [`VOICE_DOWN`] of the same 10 ms.
pub const VOICE_UP: [Stage<VoiceUp>; 4] = [
    stage(
        VoiceUp::Capture,
        "mic",
        "10 ms of the microphone as the device gave it, 48 kHz mono; in original sound the mean of both sides",
    ),
    stage(
        VoiceUp::Chain,
        "voice",
        "echo first (it needs the untouched microphone), then noise, then gain, so that gain lifts neither echo nor noise; the level is measured behind it, as others hear it",
    ),
    stage(
        VoiceUp::Encode,
        "opus",
        "two frames to one 20 ms packet: half the headers of 10 ms packets for 10 ms more delay; original sound, which is played together with, gets both sides and 10 ms packets",
    ),
    stage(
        VoiceUp::Send,
        "voice-sent",
        "the mute gate is the last thing before the network, so nothing can pass it",
    ),
];

/// Every 10 ms.
pub const VOICE_DOWN: [Stage<VoiceDown>; 4] = [
    stage(
        VoiceDown::Decode,
        "heard",
        "every slot by itself: jitter buffer, Opus, concealment; a late voice must not delay another",
    ),
    stage(
        VoiceDown::Mix,
        "mix",
        "the sum of all slots, and the limiter in it, since only the sum knows how loud it gets",
    ),
    stage(
        VoiceDown::FarReference,
        "far",
        "exactly what the speaker gets, limiter included: the echo canceller models nothing that is not in it",
    ),
    stage(
        VoiceDown::Play,
        "speaker",
        "last; from here the device's own clock counts",
    ),
];

/// Every new picture of the camera or the screen.
pub const VIDEO_UP: [Stage<VideoUp>; 4] = [
    stage(
        VideoUp::Capture,
        "camera",
        "the latest picture; an older one that found no time is never sent",
    ),
    stage(
        VideoUp::Encode,
        "h264",
        "scaling belongs to the encoder, which knows the active layers; a muted source is stopped before it, to spare the work",
    ),
    stage(
        VideoUp::Packetize,
        "video-packets",
        "whole pictures in, so that the last packet carries the marker",
    ),
    stage(
        VideoUp::Send,
        "video-sent",
        "the mute gate again, right before the network",
    ),
];

/// Every packet of a slot, and every wake-up of its jitter buffer.
pub const VIDEO_DOWN: [Stage<VideoDown>; 4] = [
    stage(
        VideoDown::Assemble,
        "video-received",
        "packets to whole pictures",
    ),
    stage(
        VideoDown::PlayOut,
        "access-units",
        "before the decoder: a picture that waits costs kilobytes here and megabytes behind it",
    ),
    stage(
        VideoDown::Decode,
        "decoded",
        "only pictures whose references were decoded",
    ),
    stage(
        VideoDown::Show,
        "shown",
        "sinks take the picture and keep nothing waiting",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_has_its_own_name_and_a_reason() {
        let mut names: Vec<&str> = Vec::new();
        let mut note = |name: &'static str, why: &str| {
            assert!(!why.is_empty(), "{name}");
            assert!(!names.contains(&name), "{name} twice");
            names.push(name);
        };
        VOICE_UP.iter().for_each(|s| note(s.name, s.why));
        VOICE_DOWN.iter().for_each(|s| note(s.name, s.why));
        VIDEO_UP.iter().for_each(|s| note(s.name, s.why));
        VIDEO_DOWN.iter().for_each(|s| note(s.name, s.why));
    }
}

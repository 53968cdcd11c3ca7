//! How the microphone's sound is cut into packets and coded: as a voice, mono in packets of 20 ms, or as it is ("original sound"), with
//! both sides in packets of 10 ms; and how one takes the other's place without a click.

use confab_base::{Bitrate, Duration};
use confab_codec::{AudioEncoder, CodecError, OpusConfig, opus_encoder};
use confab_dsp::{FRAME, Frame, StereoFrame};
use confab_rtp::Protection;

/// The encoder at work and the sound that waits for it.
pub(crate) struct Coding {
    voice: Box<dyn AudioEncoder>,
    /// Made when first needed.
    music: Option<Box<dyn AudioEncoder>>,
    is_music: bool,
    /// Of a voice, while nothing has to be done against loss.
    bitrate: Bitrate,
    /// As it was asked for, for a voice.
    protection: Protection,
    /// What the microphone has; coded as many where it is music.
    channels: usize,
    fade: Fade,
    pcm: Vec<f32>,
}

/// The end and the beginning of a kind of coding. The encoder holds the last milliseconds back, so silence follows the fade in which
/// they come out.
#[derive(Clone, Copy, Debug)]
struct Fade {
    /// At the end of the last frame, 0 to 1.
    gain: f32,
    closing: bool,
    /// Frames of silence since it closed.
    silent: usize,
}

impl Fade {
    const OPEN: Fade = Fade {
        gain: 1.0,
        closing: false,
        silent: 0,
    };
    const SHUT: Fade = Fade {
        gain: 0.0,
        ..Fade::OPEN
    };

    /// The gain from which to which the next frame goes.
    fn next(&mut self, at_packet: bool) -> (f32, f32) {
        let from = self.gain;
        let closes = self.closing && (from < 1.0 || at_packet);
        self.silent += usize::from(closes && from == 0.0);
        self.gain = if closes { 0.0 } else { 1.0 };
        (from, self.gain)
    }
}

impl Coding {
    /// `voice`: the settings of voices.
    pub(crate) fn new(voice: OpusConfig, is_music: bool) -> Result<Coding, CodecError> {
        let mut this = Coding {
            bitrate: voice.bitrate,
            voice: opus_encoder(voice)?,
            music: None,
            is_music: false,
            protection: Protection::NONE,
            channels: 1,
            fade: Fade::OPEN,
            pcm: Vec::with_capacity(2 * FRAME),
        };
        if is_music {
            this.set_music(true)?;
        }
        Ok(this)
    }

    pub(crate) fn is_music(&self) -> bool {
        self.is_music
    }

    /// Codes as the other kind from the next frame on, which fades in. Everything of the one before is forgotten.
    ///
    /// # Errors
    /// The encoder can't be made; then nothing has changed.
    pub(crate) fn set_music(&mut self, is_music: bool) -> Result<(), CodecError> {
        if is_music && self.music.is_none() {
            self.music = Some(opus_encoder(OpusConfig::music())?);
        }
        self.is_music = is_music;
        self.fade = Fade::SHUT;
        self.pcm.clear();
        self.encoder().reset();
        let channels = self.channels;
        if is_music {
            self.encoder().set_channels(channels);
        }
        self.protect(self.protection);
        Ok(())
    }

    /// Fades out, to be done with this kind of coding: see [`Coding::is_closed`].
    pub(crate) fn close(&mut self) {
        self.fade.closing = true;
    }

    /// It goes on with what it was about to be done with.
    pub(crate) fn reopen(&mut self) {
        (self.fade.closing, self.fade.silent) = (false, 0);
    }

    /// All that is to be heard of it is in packets.
    pub(crate) fn is_closed(&self) -> bool {
        self.fade.closing && self.fade.silent > 0 && self.pcm.is_empty()
    }

    /// Samples of a packet in each channel: ticks of its timestamp.
    pub(crate) fn samples(&self) -> usize {
        if self.is_music { FRAME } else { 2 * FRAME }
    }

    /// Length of a packet; its first sample is that old when it is made.
    pub(crate) fn time(&self) -> Duration {
        Duration::from_millis(self.samples() as u64 / 48)
    }

    /// Channels of the packets.
    pub(crate) fn channels(&self) -> usize {
        if self.is_music { self.channels } else { 1 }
    }

    /// How many channels the microphone has.
    pub(crate) fn set_channels(&mut self, channels: usize) {
        if self.channels != channels {
            self.channels = channels;
            if self.is_music {
                self.encoder().set_channels(channels);
            }
        }
    }

    pub(crate) fn set_bitrate(&mut self, bitrate: Bitrate) {
        self.bitrate = bitrate;
        self.protect(self.protection);
    }

    /// What to do against loss, given what a voice would do. Says what is really done.
    pub(crate) fn protect(&mut self, wanted: Protection) -> Protection {
        self.protection = wanted;
        let (done, usual) = match self.is_music {
            true => (wanted.of_music(), OpusConfig::MUSIC_BITRATE),
            false => (wanted, self.bitrate),
        };
        let encoder = self.encoder();
        encoder.set_bitrate(done.bitrate.unwrap_or(usual));
        encoder.set_inband_fec(done.inband_fec);
        encoder.set_deep_redundancy(done.deep);
        encoder.set_expected_loss(done.expected_loss);
        done
    }

    /// Takes the next 10 ms: `mono` for a voice, `both` sides for music.
    pub(crate) fn add(&mut self, mono: &Frame, both: &StereoFrame) {
        let (from, to) = self.fade.next(self.pcm.is_empty());
        let start = self.pcm.len();
        let width = match self.is_music {
            true => {
                self.pcm.extend_from_slice(both);
                2
            }
            false => {
                self.pcm.extend_from_slice(mono);
                1
            }
        };
        if (from, to) != (1.0, 1.0) {
            let step = (to - from) / FRAME as f32;
            for (i, moment) in self.pcm[start..].chunks_mut(width).enumerate() {
                let gain = from + step * i as f32;
                moment.iter_mut().for_each(|sample| *sample *= gain);
            }
        }
    }

    /// Codes the packet that is full; `out` is empty where the encoder failed. `false`: it is not full yet.
    pub(crate) fn encode(&mut self, out: &mut Vec<u8>) -> bool {
        let width = if self.is_music { 2 } else { 1 };
        if self.pcm.len() < self.samples() * width {
            return false;
        }
        out.clear();
        let pcm = std::mem::take(&mut self.pcm);
        let result = self.encoder().encode(&pcm, out);
        self.pcm = pcm;
        self.pcm.clear();
        if let Err(error) = result {
            tracing::warn!("voice encoder: {error}");
            out.clear();
        }
        true
    }

    /// Nothing of what was coded so far may be in the next packets.
    pub(crate) fn forget(&mut self) {
        self.encoder().reset();
        self.pcm.fill(0.0);
    }

    fn encoder(&mut self) -> &mut dyn AudioEncoder {
        match &mut self.music {
            Some(music) if self.is_music => &mut **music,
            _ => &mut *self.voice,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use confab_codec::opus_decoder;
    use confab_dsp::generate::Tone;
    use confab_dsp::interleave;

    /// Codes 300 ms of a tone as a voice, then as music, then as a voice, in stereo decoders' ears.
    fn heard_across_changes() -> Vec<f32> {
        let mut coding = Coding::new(OpusConfig::default(), false).unwrap();
        coding.set_channels(2);
        let mut decoder = opus_decoder(2).unwrap();
        let mut tone = Tone::new(300.0, 0.4);
        let (mut frame, mut packet) = ([0.0; FRAME], Vec::new());
        let (mut heard, mut out) = (Vec::new(), Vec::new());
        for n in 0..90 {
            tone.fill(&mut frame);
            coding.add(&frame, &interleave(&frame, &frame));
            if n == 30 || n == 60 {
                coding.close();
            }
            if coding.encode(&mut packet) {
                decoder.decode(&packet, &mut out).unwrap();
                heard.extend(out.chunks_exact(2).map(|pair| pair[0]));
            }
            if coding.is_closed() {
                coding.set_music(n < 60).unwrap();
            }
        }
        heard
    }

    #[test]
    fn changing_the_kind_and_back_makes_no_jump() {
        let heard = heard_across_changes();
        let steepest = |part: &[f32]| {
            let steps = part.windows(2).map(|w| (w[1] - w[0]).abs());
            steps.fold(0.0, f32::max)
        };
        let tone = 0.4 * 300.0 * std::f32::consts::TAU / 48_000.0;
        let found = steepest(&heard[4800..]);
        assert!(found < 2.0 * tone, "{found} where the tone has {tone}");
        let silent = |part: &[f32]| confab_dsp::rms(part) < 0.05;
        let gaps = heard[4800..].chunks_exact(FRAME).filter(|p| silent(p));
        assert!((1..=6).contains(&gaps.count()), "two short gaps");
    }

    #[test]
    fn a_change_that_is_taken_back_fades_in_again() {
        let mut coding = Coding::new(OpusConfig::default(), false).unwrap();
        let (frame, both, mut packet) = ([0.5; FRAME], [0.5; 2 * FRAME], Vec::new());
        coding.add(&frame, &both);
        coding.close();
        coding.add(&frame, &both);
        assert_eq!(coding.pcm, [0.5; 2 * FRAME], "a packet is finished first");
        assert!(coding.encode(&mut packet) && !coding.is_closed());
        coding.add(&frame, &both);
        coding.reopen();
        coding.add(&frame, &both);
        assert!(coding.pcm[FRAME - 1] < 0.01 && coding.pcm[2 * FRAME - 1] > 0.49);
        assert!(coding.encode(&mut packet) && !coding.is_closed());
        coding.add(&frame, &both);
        assert_eq!(coding.pcm, [0.5; FRAME]);
    }

    #[test]
    fn each_kind_has_its_own_packets() {
        let mut coding = Coding::new(OpusConfig::default(), false).unwrap();
        assert_eq!((coding.samples(), coding.channels()), (960, 1));
        coding.set_channels(2);
        coding.set_music(true).unwrap();
        assert_eq!((coding.samples(), coding.channels()), (480, 2));
        assert_eq!(coding.time(), Duration::from_millis(10));
        let mut packet = Vec::new();
        coding.add(&[0.0; FRAME], &[0.0; 2 * FRAME]);
        assert!(coding.encode(&mut packet) && confab_rtp::opus::is_stereo(&packet));
        assert_eq!(confab_rtp::opus::duration(&packet), Some(480));
        coding.set_channels(1);
        for _ in 0..10 {
            coding.add(&[0.0; FRAME], &[0.0; 2 * FRAME]);
            coding.encode(&mut packet);
        }
        assert!(!confab_rtp::opus::is_stereo(&packet));
    }

    #[test]
    fn what_is_done_against_loss_is_another_thing_for_music() {
        let mut coding = Coding::new(OpusConfig::default(), false).unwrap();
        let lbrr = Protection {
            inband_fec: true,
            ..Protection::NONE
        };
        assert_eq!(coding.protect(lbrr), lbrr);
        coding.set_music(true).unwrap();
        assert_eq!(coding.protect(lbrr), lbrr.of_music());
    }
}

//! What the machine plays, on its way to the others beside a shared screen: the way of a voice without its chain, on a thread
//! `screen-audio` of its own, since its clock is another than the microphone's.

use crate::noise::ReadyChain;
use crate::packet::Network;
use crate::tap::Taps;
use crate::voice_up::{Mouth, MouthConfig};
use confab_audio_io::Microphone;
use confab_base::{Bitrate, Duration, Source};
use confab_codec::OpusConfig;
use confab_dsp::{FRAME, VoiceConfig};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// Music in mono is good at this rate.
const BITRATE: Bitrate = Bitrate::kbps(64);

/// The thread. Dropping it ends it within 10 ms.
pub(crate) struct SystemSound {
    told: Arc<Told>,
    thread: Option<JoinHandle<(u64, u32)>>,
}

#[derive(Default)]
struct Told {
    stop: AtomicBool,
    muted: AtomicBool,
}

impl SystemSound {
    /// `first`: sequence number and timestamp to begin with.
    pub(crate) fn start(
        microphone: Box<dyn Microphone>,
        network: Arc<dyn Network>,
        first: (u64, u32),
        muted: bool,
    ) -> Result<SystemSound, crate::PipelineError> {
        let mut mouth = Mouth::new(MouthConfig {
            source: Source::ScreenAudio,
            microphone,
            chain: ReadyChain::plain(VoiceConfig::BYPASS),
            on_noise: None,
            opus: OpusConfig {
                bitrate: BITRATE,
                ..OpusConfig::default()
            },
            network,
            watch: None,
            watch_spoken: None,
            on_device: None,
            taps: Taps::default(),
            first,
        })?;
        let told = Arc::new(Told::default());
        told.muted.store(muted, Ordering::Relaxed);
        let orders = told.clone();
        let run = move || {
            let mut muted = true;
            while !orders.stop.load(Ordering::Relaxed) {
                let now = orders.muted.load(Ordering::Relaxed);
                if now != muted {
                    mouth.set_muted(now);
                    muted = now;
                }
                mouth.run(&[0.0; FRAME], Duration::ZERO);
            }
            mouth.next()
        };
        let thread = std::thread::Builder::new()
            .name("screen-audio".to_owned())
            .spawn(run)?;
        Ok(SystemSound {
            told,
            thread: Some(thread),
        })
    }

    pub(crate) fn set_muted(&self, muted: bool) {
        self.told.muted.store(muted, Ordering::Relaxed);
    }

    /// Ends it; gives the number and timestamp another one goes on with.
    pub(crate) fn stop(mut self) -> Option<(u64, u32)> {
        self.end()
    }

    fn end(&mut self) -> Option<(u64, u32)> {
        self.told.stop.store(true, Ordering::Relaxed);
        self.thread.take()?.join().ok()
    }
}

impl Drop for SystemSound {
    fn drop(&mut self) {
        self.end();
    }
}

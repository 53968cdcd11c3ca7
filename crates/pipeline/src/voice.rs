//! The voice thread: every 10 ms first the ear, whose mix is the echo canceller's far reference, then the mouth. The
//! microphone's clock paces it; without a microphone a silent one does.

use crate::noise::ReadyChain;
use crate::packet::ReceivedPacket;
use crate::stats::AudioUpStats;
use crate::voice_down::{AudioReports, AudioTrack, Ear};
use crate::voice_up::Mouth;
use confab_audio_io::{Microphone, Speaker};
use confab_base::Bitrate;
use confab_dsp::VoiceChain;
use confab_rtp::Protection;
use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};
use std::io;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

/// Packets and orders that may wait: 24 voices for 800 ms. When it is full packets are dropped; the jitter buffers then
/// conceal them.
const QUEUE: usize = 1024;

enum Order {
    Packet(usize, ReceivedPacket),
    Track(usize, Option<AudioTrack>),
    Muted(bool),
    Deaf(bool),
    Bitrate(Bitrate),
    Protect(Protection, Option<u8>),
    Restart,
    /// The one before goes back to who gave the order, since closing it takes longer than 10 ms; so does its chain.
    Microphone(
        Box<dyn Microphone>,
        ReadyChain,
        Sender<(Box<dyn Microphone>, Box<VoiceChain>)>,
    ),
    Speaker(Box<dyn Speaker>, Sender<Box<dyn Speaker>>),
    Chain(ReadyChain, Sender<Box<VoiceChain>>),
    Clip(Vec<f32>),
}

/// The voice thread and its queue. Dropping it ends the thread and closes the devices.
pub(crate) struct Voice {
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
    pub(crate) heard: AudioReports,
    pub(crate) spoken: Arc<Mutex<AudioUpStats>>,
}

impl Voice {
    pub(crate) fn start(ear: Ear, mouth: Mouth) -> io::Result<Voice> {
        let (orders, inbox) = bounded(QUEUE);
        let heard = ear.reports.clone();
        let spoken = mouth.report.clone();
        let thread = std::thread::Builder::new()
            .name("voice".to_owned())
            .spawn(move || {
                confab_priority::raise(confab_priority::Urgency::Voice);
                run(ear, mouth, &inbox);
            })?;
        Ok(Voice {
            orders: Some(orders),
            thread: Some(thread),
            heard,
            spoken,
        })
    }

    /// Hands a packet over; never blocks.
    pub(crate) fn packet(&self, slot: usize, packet: ReceivedPacket) {
        if let Some(orders) = &self.orders
            && orders.try_send(Order::Packet(slot, packet)).is_err()
        {
            tracing::debug!(slot, "voice thread is behind, packet dropped");
        }
    }

    pub(crate) fn set_track(&self, slot: usize, track: Option<AudioTrack>) {
        self.order(Order::Track(slot, track));
    }

    pub(crate) fn set_muted(&self, muted: bool) {
        self.order(Order::Muted(muted));
    }

    pub(crate) fn set_deaf(&self, deaf: bool) {
        self.order(Order::Deaf(deaf));
    }

    pub(crate) fn set_bitrate(&self, bitrate: Bitrate) {
        self.order(Order::Bitrate(bitrate));
    }

    pub(crate) fn protect(&self, protection: Protection, red: Option<u8>) {
        self.order(Order::Protect(protection, red));
    }

    pub(crate) fn restart(&self) {
        self.order(Order::Restart);
    }

    /// Another microphone and voice chain from the next 10 ms on. Returns when the one before is closed.
    pub(crate) fn set_microphone(&self, microphone: Box<dyn Microphone>, chain: ReadyChain) {
        let (back, old) = bounded(1);
        self.order(Order::Microphone(microphone, chain, back));
        drop(old.recv());
    }

    /// Another speaker from the next 10 ms on. Returns when the one before is closed.
    pub(crate) fn set_speaker(&self, speaker: Box<dyn Speaker>) {
        let (back, old) = bounded(1);
        self.order(Order::Speaker(speaker, back));
        drop(old.recv());
    }

    /// Another voice chain from the next 10 ms on, or three times as late where one of both is original sound. Returns when the one
    /// before is gone.
    pub(crate) fn set_chain(&self, chain: ReadyChain) {
        let (back, old) = bounded(1);
        self.order(Order::Chain(chain, back));
        drop(old.recv());
    }

    /// Plays samples beside the voices.
    pub(crate) fn play(&self, clip: Vec<f32>) {
        self.order(Order::Clip(clip));
    }

    /// Orders wait for room, 10 ms at most while the thread lives.
    fn order(&self, order: Order) {
        if let Some(orders) = &self.orders {
            let _ = orders.send(order);
        }
    }
}

impl Drop for Voice {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(mut ear: Ear, mut mouth: Mouth, inbox: &Receiver<Order>) {
    let mut frames = 0u64;
    loop {
        loop {
            match inbox.try_recv() {
                Ok(order) => carry_out(order, &mut ear, &mut mouth),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return,
            }
        }
        let begun = Instant::now();
        let far = *ear.run();
        mouth.run(&far, begun.elapsed());
        frames += 1;
        if frames.is_multiple_of(10) {
            ear.report();
            ear.tell_device_news();
            mouth.tell_device_news();
        }
    }
}

fn carry_out(order: Order, ear: &mut Ear, mouth: &mut Mouth) {
    match order {
        Order::Packet(slot, packet) => ear.packet(slot, packet),
        Order::Track(slot, track) => ear.set_track(slot, track),
        Order::Muted(muted) => mouth.set_muted(muted),
        Order::Deaf(deaf) => ear.set_deaf(deaf),
        Order::Bitrate(bitrate) => mouth.set_bitrate(bitrate),
        Order::Protect(protection, red) => mouth.protect(protection, red),
        Order::Restart => ear.restart(),
        Order::Microphone(microphone, chain, back) => {
            let _ = back.send(mouth.set_microphone(microphone, chain));
        }
        Order::Speaker(speaker, back) => {
            let _ = back.send(ear.set_speaker(speaker));
        }
        Order::Chain(chain, back) => mouth.set_chain(chain, back),
        Order::Clip(clip) => ear.play(clip),
    }
}

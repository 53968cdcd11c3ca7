//! One stream as sent: its frames that may still need repair.

use super::block::{Block, Tally};
use super::plan::deadline;
use crate::repair::feedback::StreamReport;
use crate::repair::{FrameClass, MediaPacket, PLAYOUT};
use confab_base::{Duration, FrameTag, Time};
use std::collections::VecDeque;

/// Most blocks kept, of all streams together it is this times their number.
const MOST_BLOCKS: usize = 256;
/// A further step in sequence numbers is another stream under the same name.
const MOST_STEP: u64 = 2048;
/// A stream no older than this is repaired from its start.
const YOUNG: Duration = Duration::from_millis(1000);
/// RTP clock of all video (RFC 3551).
const CLOCK: f64 = 90_000.0;
/// A frame older than this when it is sent says that timestamps and time have nothing to do with each other.
const MOST_AGE: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub struct Stream {
    pub ssrc: u32,
    pub since: Time,
    pub last_sent: Time,
    pub blocks: VecDeque<Block>,
    /// A timestamp and the time its frame was taken at the latest.
    clock: Option<(u32, Time)>,
    highest: u64,
    pub given_up: u64,
}

impl Stream {
    pub fn new(ssrc: u32, now: Time) -> Stream {
        Stream {
            ssrc,
            since: now,
            last_sent: now,
            blocks: VecDeque::new(),
            clock: None,
            highest: 0,
            given_up: 0,
        }
    }

    /// When the frame of this timestamp was taken: frames that went out fastest set the clock.
    fn captured(&mut self, timestamp: u32, now: Time) -> Time {
        let Some((reference, at)) = self.clock else {
            self.clock = Some((timestamp, now));
            return now;
        };
        let ahead = f64::from(timestamp.wrapping_sub(reference) as i32) / CLOCK;
        let step = Duration::from_secs_f64(ahead.abs());
        let captured = if ahead < 0.0 { at - step } else { at + step };
        if captured >= now || now.since(captured) > MOST_AGE {
            self.clock = Some((timestamp, now));
            return now;
        }
        if ahead > CLOCK_STEP {
            // Clocks drift: what is taken for the fastest gives way by 1 in 1,000.
            self.clock = Some((timestamp, captured + step / 1000));
        }
        captured
    }

    /// `false`: it was here already.
    pub fn sent(&mut self, packet: MediaPacket, class: FrameClass, now: Time) -> bool {
        let seq = packet.seq;
        self.last_sent = now;
        if self.highest.abs_diff(seq) > MOST_STEP && self.highest > 0 {
            self.give_up_all();
            (self.since, self.clock, self.highest) = (now, None, 0);
        }
        let newest = seq > self.highest;
        self.highest = self.highest.max(seq);
        let captured = self.captured(packet.timestamp, now);
        // Nearly every packet is the newest, and goes on with the newest frame.
        let at = match newest {
            true => self.blocks.len(),
            false => self.blocks.partition_point(|b| b.first() <= seq),
        };
        let near = [at.checked_sub(1), Some(at)];
        for near in near.into_iter().flatten() {
            if let Some(block) = self.blocks.get_mut(near).filter(|b| b.takes(&packet)) {
                return block.insert(packet, now);
            }
        }
        // Frames are about as long as those before them.
        let room = self.blocks.back().map_or(0, |b| b.packets.len());
        if newest && let Some(before) = self.blocks.back_mut() {
            before.complete = true;
        }
        let tag = FrameTag::from_bytes(&packet.tag);
        let mut block = Block {
            timestamp: packet.timestamp,
            class,
            number: tag.map_or(0, |t| t.frame),
            renews: class.keyframe || tag.is_some_and(|t| self.passes_over(t)),
            captured,
            packets: Vec::with_capacity(room),
            left: 0,
            symbols: Vec::new(),
            last_sent: now,
            complete: !newest,
            tally: Tally::default(),
        };
        block.insert(packet, now);
        self.blocks.insert(at, block);
        if self.blocks.len() > MOST_BLOCKS
            && let Some(old) = self.blocks.pop_front()
        {
            self.given_up += lost(&old);
        }
        true
    }

    /// Whether this frame is a base frame that builds on an older one than the last base frame.
    fn passes_over(&self, tag: FrameTag) -> bool {
        let back = |number: u16| tag.frame.wrapping_sub(number);
        let mut bases = self.blocks.iter().filter(|b| b.class.temporal == 0);
        tag.temporal == 0 && bases.any(|b| (1..u16::from(tag.refers)).contains(&back(b.number)))
    }

    /// The block that has this packet.
    pub fn block_of(&mut self, seq: u64) -> Option<&mut Block> {
        let at = self.blocks.partition_point(|b| b.last() < seq);
        self.blocks.get_mut(at).filter(|b| b.first() <= seq)
    }

    /// When the packet with this lower half of its number was sent, if it is still wanted.
    pub fn sent_at(&self, seq: u32) -> Option<Time> {
        let packets = self.blocks.iter().rev().flat_map(|b| b.packets.iter());
        let mut found = packets.filter(|p| p.packet.seq as u32 == seq);
        found.next().map(|p| p.at)
    }

    /// What the receiver has of this stream. How many packets are newly there, and when the latest left of those taken for
    /// lost that came by themselves.
    pub fn report(&mut self, report: Option<&StreamReport>, horizon: Time) -> (u64, Option<Time>) {
        let last_sent = self.last_sent;
        let base = report.and_then(|r| self.block_of(r.base));
        let start = base.map_or(last_sent, |b| b.last_sent);
        // Who comes into a stream that runs gets no past; but its beginning belongs to whom it was begun for.
        let young = start.since(self.since) < YOUNG;
        let (mut news, mut reordered) = (0, None);
        for block in &mut self.blocks {
            let (there, late) = block.report(report, young, horizon);
            block.count();
            news += there;
            reordered = reordered.max(late);
        }
        (news, reordered)
    }

    /// Forgets frames that are there or too late.
    pub fn trim(&mut self, transit: Duration, now: Time) {
        let key = self.blocks.iter().rev().find(|b| b.renews);
        let key = key.map(|b| b.captured);
        let mut given_up = 0;
        self.blocks.retain(|block| {
            // Behind such a frame nothing needs what was before it.
            let superseded = key.is_some_and(|k| block.captured < k);
            let until = match superseded {
                true => block.captured + PLAYOUT,
                false => deadline(block),
            };
            let keep = !block.is_done() && now + transit <= until;
            if !keep {
                given_up += lost(block);
            }
            keep
        });
        self.given_up += given_up;
    }

    fn give_up_all(&mut self) {
        self.given_up += self.blocks.drain(..).map(|b| lost(&b)).sum::<u64>();
    }
}

/// Seconds after which the clock's reference is renewed.
const CLOCK_STEP: f64 = 1.0;

fn lost(block: &Block) -> u64 {
    block.left as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A base frame of one packet.
    fn base(stream: &mut Stream, frame: u16, refers: u8, now: Time) {
        let tag = FrameTag {
            frame,
            refers,
            temporal: 0,
            start: true,
        };
        let packet = MediaPacket {
            ssrc: 1,
            seq: u64::from(frame),
            timestamp: u32::from(frame) * 3000,
            marker: true,
            tag: tag.to_bytes(),
            payload: [0; 100].into(),
        };
        let class = FrameClass {
            temporal: 0,
            keyframe: refers == 0,
        };
        stream.sent(packet, class, now);
    }

    #[test]
    fn what_a_base_frame_passes_over_is_not_repaired_once_it_is_too_late_to_be_shown() {
        let at = Time::from_millis;
        let kept = |goes_on_from: u8| {
            let mut stream = Stream::new(1, at(1000));
            base(&mut stream, 1, 0, at(1000));
            base(&mut stream, 5, 4, at(1133));
            base(&mut stream, 9, 4, at(1266));
            base(&mut stream, 13, goes_on_from, at(1400));
            stream.trim(Duration::ZERO, at(1700));
            stream.blocks.iter().map(|b| b.number).collect::<Vec<_>>()
        };
        assert_eq!(kept(4), [1, 5, 9, 13]);
        assert_eq!(kept(12), [13]);
    }
}

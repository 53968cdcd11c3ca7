//! Who meets, and what each of them sends and wants to see.

use confab_protocol::{Layer, MAX_PARTICIPANTS};
use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// One person sends, the others watch.
    Viewers,
    /// Everybody sends, and everybody sees the others, as many as a client shows.
    Cameras,
}

impl Kind {
    /// Where a search begins, and the most a meeting takes.
    pub fn range(self) -> (u32, u32) {
        match self {
            Kind::Viewers => (25, MAX_PARTICIPANTS as u32 - 1),
            Kind::Cameras => (4, MAX_PARTICIPANTS as u32),
        }
    }
}

/// One meeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Scene {
    pub kind: Kind,
    /// Viewers, or cameras.
    pub count: u32,
    /// Of a camera's largest picture, thousands of bits per second.
    pub kbps: u32,
}

/// The layers of a camera, smallest first: names, heights, and their part of the rate of the largest.
pub(crate) const LAYERS: [(&str, u16, u32); 3] = [("q", 180, 15), ("h", 360, 4), ("f", 720, 1)];
/// A full-HD screen, whose tiles the others are.
const SCREEN: u32 = 1080;

/// Pictures and voices a client receives at most: a grid of five by five, and those who spoke last.
pub(crate) const MOST_PICTURES: u32 = 25;
pub(crate) const MOST_VOICES: u32 = 24;

impl Scene {
    pub fn people(&self) -> u32 {
        match self.kind {
            Kind::Viewers => self.count + 1,
            Kind::Cameras => self.count,
        }
    }

    pub fn senders(&self) -> u32 {
        match self.kind {
            Kind::Viewers => 1,
            Kind::Cameras => self.count,
        }
    }

    /// How high the pictures are shown: a speaker fills the window, others are tiles of a screen.
    pub fn height(&self) -> u16 {
        let rows = match self.kind {
            Kind::Viewers => return LAYERS[2].1,
            Kind::Cameras => (1..)
                .find(|rows| rows * rows >= self.count.min(MOST_PICTURES))
                .unwrap_or(1),
        };
        (SCREEN / rows).min(u32::from(LAYERS[2].1)) as u16
    }

    /// The layer a server sends for [`Scene::height`]: the smallest that fills it.
    pub fn layer(&self) -> usize {
        let height = self.height();
        LAYERS.iter().position(|l| l.1 >= height).unwrap_or(2)
    }

    /// Thousands of bits per second of a layer.
    pub fn rate(&self, layer: usize) -> u32 {
        let part = LAYERS.get(layer).map_or(1, |l| l.2);
        (self.kbps / part).max(1)
    }

    /// How many look at each stream of a sender: its layers, then its voice.
    pub(crate) fn lookers(&self) -> [u32; LAYERS.len() + 1] {
        let others = self.people() - 1;
        let layer = self.layer();
        std::array::from_fn(|stream| match stream {
            _ if stream < LAYERS.len() && stream != layer => 0,
            _ if self.kind == Kind::Viewers => others,
            _ if stream == layer => others.min(MOST_PICTURES),
            _ => others.min(MOST_VOICES),
        })
    }

    /// Whom a person sees, and whom it hears, by their numbers. Everybody is seen and heard by as many.
    pub(crate) fn looks_at(&self, person: u32) -> (Vec<u32>, Vec<u32>) {
        let senders = self.senders();
        let following = (1..=senders).map(|step| (person + step) % senders);
        let seen = following.filter(|other| *other != person);
        let seen: Vec<u32> = seen.take(MOST_PICTURES as usize).collect();
        let heard = seen.iter().copied().take(MOST_VOICES as usize).collect();
        (seen, heard)
    }

    pub(crate) fn published(&self) -> Vec<Layer> {
        let layer = |(at, (rid, height, _)): (usize, &(&str, u16, u32))| Layer {
            rid: (*rid).to_owned(),
            width: height / 9 * 16,
            height: *height,
            max_bitrate: u64::from(self.rate(at)) * 1000,
        };
        LAYERS.iter().enumerate().map(layer).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cameras(count: u32) -> Scene {
        Scene {
            kind: Kind::Cameras,
            count,
            kbps: 1500,
        }
    }

    #[test]
    fn a_speaker_is_sent_whole_and_tiles_get_smaller_with_their_number() {
        let speaker = Scene {
            kind: Kind::Viewers,
            ..cameras(9)
        };
        assert_eq!((speaker.people(), speaker.senders()), (10, 1));
        assert_eq!(speaker.rate(speaker.layer()), 1500);
        let layers: Vec<usize> = [2, 4, 5, 9, 25, 200].map(|n| cameras(n).layer()).to_vec();
        assert_eq!(layers, [2, 2, 1, 1, 1, 1]);
        assert_eq!(cameras(9).rate(1), 375);
    }

    #[test]
    fn everybody_is_seen_by_all_others_and_heard_by_as_many_as_a_client_receives() {
        for scene in [
            cameras(5),
            cameras(40),
            Scene {
                kind: Kind::Viewers,
                ..cameras(7)
            },
        ] {
            let (mut seen, mut heard) = (vec![0; 40], vec![0; 40]);
            for person in 0..scene.people() {
                let (sees, hears) = scene.looks_at(person);
                sees.iter().for_each(|s| seen[*s as usize] += 1);
                hears.iter().for_each(|s| heard[*s as usize] += 1);
            }
            let lookers = scene.lookers();
            for sender in 0..scene.senders() as usize {
                assert_eq!(seen[sender], lookers[scene.layer()], "{scene:?}");
                assert_eq!(heard[sender], lookers[3], "{scene:?}");
            }
            assert_eq!(lookers[..3].iter().filter(|l| **l > 0).count(), 1);
        }
    }

    #[test]
    fn what_is_published_has_names_and_rates_smallest_first() {
        let layers = cameras(2).published();
        let said: Vec<_> = layers
            .iter()
            .map(|l| (l.rid.as_str(), l.max_bitrate))
            .collect();
        assert_eq!(said, [("q", 100_000), ("h", 375_000), ("f", 1_500_000)]);
        assert!(layers.iter().all(|l| l.width * 9 == l.height * 16));
    }
}

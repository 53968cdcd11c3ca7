//! VP9 over RTP (RFC 9628), as others send it: the payload descriptor with its layers, sizes and pictures referred to, and key frames.

/// The payload descriptor in front of every VP9 payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Descriptor {
    /// Bytes it takes; the VP9 bitstream follows.
    pub size: usize,
    /// 7 or 15 bits, as sent.
    pub picture_id: Option<u16>,
    /// Whether the picture id is sent with 15 bits.
    pub long_picture_id: bool,
    /// The frame refers to frames of earlier pictures.
    pub inter_picture: bool,
    /// Each frame names the pictures it refers to, instead of following a pattern.
    pub flexible: bool,
    /// First and last payload of a layer's frame.
    pub frame_start: bool,
    pub frame_end: bool,
    /// No frame of a higher spatial layer refers to this one.
    pub not_for_higher_spatial: bool,
    /// Where the stream has layers.
    pub layers: Option<Layers>,
    /// How many pictures before this one those are that it refers to (flexible mode); zeros fill up.
    pub refers: [u8; 3],
    /// In key frames and where a structure begins: what the stream is made of.
    pub structure: Option<Structure>,
}

/// Which layer of the stream a payload belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layers {
    /// 0..=7, 0 the base.
    pub temporal: u8,
    /// From here on one may go on with higher temporal layers.
    pub switching_up: bool,
    /// 0..=7, 0 the base.
    pub spatial: u8,
    /// The frame refers to the spatial layer below it, of the same picture.
    pub inter_layer: bool,
    /// Counts pictures of temporal layer 0; not sent in flexible mode.
    pub tl0_picture_index: Option<u8>,
}

/// What a stream is made of (the scalability structure).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Structure {
    /// 1..=8.
    pub spatial_layers: u8,
    /// Width and height of each spatial layer, lowest first, if they are said.
    pub sizes: Option<[(u16, u16); 8]>,
    /// Pictures in the pattern of temporal layers; 0 if none is said.
    pub pictures: u8,
}

impl Structure {
    /// The size of the highest layer.
    pub fn largest(&self) -> Option<(u16, u16)> {
        let top = usize::from(self.spatial_layers.clamp(1, 8)) - 1;
        self.sizes.map(|sizes| sizes[top])
    }
}

impl Descriptor {
    /// Reads the descriptor; `None` when the bytes end inside it or nothing follows, and where it refers to more pictures than it may.
    pub fn parse(payload: &[u8]) -> Option<Descriptor> {
        let mut bytes = Bytes { payload, at: 0 };
        let first = bytes.next()?;
        let mut d = Descriptor {
            inter_picture: first & 0x40 != 0,
            flexible: first & 0x10 != 0,
            frame_start: first & 0x08 != 0,
            frame_end: first & 0x04 != 0,
            not_for_higher_spatial: first & 0x01 != 0,
            ..Descriptor::default()
        };
        if first & 0x80 != 0 {
            let high = bytes.next()?;
            d.long_picture_id = high & 0x80 != 0;
            d.picture_id = Some(if d.long_picture_id {
                u16::from_be_bytes([high & 0x7f, bytes.next()?])
            } else {
                u16::from(high)
            });
        }
        if first & 0x20 != 0 {
            d.layers = Some(bytes.layers(d.flexible)?);
        }
        if d.flexible && d.inter_picture {
            d.refers = bytes.references()?;
        }
        if first & 0x02 != 0 {
            d.structure = Some(bytes.structure()?);
        }
        d.size = bytes.at;
        (d.size < payload.len()).then_some(d)
    }

    /// Whether this payload is the first of a picture that refers to no other.
    pub fn keyframe_start(&self) -> bool {
        let base = self.layers.is_none_or(|l| l.spatial == 0 && !l.inter_layer);
        self.frame_start && !self.inter_picture && base
    }
}

struct Bytes<'a> {
    payload: &'a [u8],
    at: usize,
}

impl Bytes<'_> {
    fn next(&mut self) -> Option<u8> {
        let byte = self.payload.get(self.at).copied();
        self.at += 1;
        byte
    }

    fn pair(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes([self.next()?, self.next()?]))
    }

    fn layers(&mut self, flexible: bool) -> Option<Layers> {
        let byte = self.next()?;
        let tl0_picture_index = if flexible { None } else { Some(self.next()?) };
        Some(Layers {
            temporal: byte >> 5,
            switching_up: byte & 0x10 != 0,
            spatial: byte >> 1 & 7,
            inter_layer: byte & 1 != 0,
            tl0_picture_index,
        })
    }

    /// At most three, each with a bit that says whether another follows.
    fn references(&mut self) -> Option<[u8; 3]> {
        let mut refers = [0; 3];
        for slot in &mut refers {
            let byte = self.next()?;
            *slot = byte >> 1;
            if byte & 1 == 0 {
                return Some(refers);
            }
        }
        None
    }

    fn structure(&mut self) -> Option<Structure> {
        let byte = self.next()?;
        let mut structure = Structure {
            spatial_layers: (byte >> 5) + 1,
            ..Structure::default()
        };
        if byte & 0x10 != 0 {
            let mut sizes = [(0, 0); 8];
            for size in &mut sizes[..usize::from(structure.spatial_layers)] {
                *size = (self.pair()?, self.pair()?);
            }
            structure.sizes = Some(sizes);
        }
        if byte & 0x08 != 0 {
            structure.pictures = self.next()?;
            for _ in 0..structure.pictures {
                let references = self.next()? >> 2 & 3;
                self.at += usize::from(references);
            }
        }
        Some(structure)
    }
}

/// Whether this payload is the first of a key frame.
pub fn is_keyframe(payload: &[u8]) -> bool {
    Descriptor::parse(payload).is_some_and(|d| d.keyframe_start())
}

/// Width and height of the highest spatial layer, where the payload says what the stream is made of.
pub fn frame_size(payload: &[u8]) -> Option<(u16, u16)> {
    Descriptor::parse(payload)?.structure?.largest()
}

/// Puts the payloads of one picture, in sequence order and with all its spatial layers, together again: the layers' frames one behind
/// the other, as decoders take them, and whether it is a key frame. `None` where a payload is malformed, the first does not begin a
/// frame, a frame is not ended before the next, or there are more than `max_bytes`.
pub fn assemble<'a>(
    payloads: impl Iterator<Item = &'a [u8]>,
    max_bytes: usize,
) -> Option<(Vec<u8>, bool)> {
    let (mut data, mut keyframe, mut ended) = (Vec::new(), false, true);
    for payload in payloads {
        let d = Descriptor::parse(payload)?;
        if d.frame_start != ended || data.len() + payload.len() > max_bytes {
            return None;
        }
        keyframe |= data.is_empty() && d.keyframe_start();
        ended = d.frame_end;
        data.extend_from_slice(&payload[d.size..]);
    }
    (ended && !data.is_empty()).then_some((data, keyframe))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Picture id, one spatial layer, temporal layer 0, sizes, a pattern of four pictures: as browsers begin.
    const KEY: [u8; 22] = [
        0b1010_1010,
        0x80 | 0x12,
        0x34,
        0b0000_0000,
        7,
        0b0001_1000,
        0x02,
        0x80,
        0x01,
        0x68,
        4,
        0b0000_0100,
        4,
        0b0101_0100,
        1,
        0b0011_0100,
        2,
        0b0101_1000,
        1,
        2,
        0xa0,
        0xa1,
    ];

    #[test]
    fn a_key_frame_says_its_layer_and_size() {
        let d = Descriptor::parse(&KEY).unwrap();
        assert_eq!(d.size, 20);
        assert!(d.frame_start && !d.frame_end && !d.inter_picture && !d.flexible);
        assert_eq!((d.picture_id, d.long_picture_id), (Some(0x1234), true));
        let layers = d.layers.unwrap();
        assert_eq!((layers.temporal, layers.spatial), (0, 0));
        assert_eq!(layers.tl0_picture_index, Some(7));
        let structure = d.structure.unwrap();
        assert_eq!((structure.spatial_layers, structure.pictures), (1, 4));
        assert!(is_keyframe(&KEY));
        assert_eq!(frame_size(&KEY), Some((640, 360)));
    }

    #[test]
    fn three_spatial_layers_give_the_size_of_the_highest() {
        let mut payload = vec![0b0010_1010, 0, 0, 0b0101_0000];
        for (w, h) in [(320u16, 180u16), (640, 360), (1280, 720)] {
            payload.extend(w.to_be_bytes().into_iter().chain(h.to_be_bytes()));
        }
        payload.push(0xaa);
        assert_eq!(frame_size(&payload), Some((1280, 720)));
        assert_eq!(frame_size(&payload[..payload.len() - 2]), None);
    }

    #[test]
    fn only_the_lowest_layer_without_references_is_a_key_frame() {
        assert!(is_keyframe(&[0b0000_1000, 1]));
        assert!(!is_keyframe(&[0b0100_1000, 1]), "inter-predicted");
        assert!(!is_keyframe(&[0b0000_0000, 1]), "not the first payload");
        assert!(!is_keyframe(&[0b0010_1000, 0b0000_0011, 0, 1]), "layer 1");
        assert!(is_keyframe(&[0b0010_1000, 0, 0, 1]), "layer 0");
    }

    #[test]
    fn flexible_mode_names_at_most_three_references() {
        let d = Descriptor::parse(&[0b1101_1100, 5, 0b11, 0b101, 0b110, 9]).unwrap();
        assert_eq!((d.refers, d.size), ([1, 2, 3], 5));
        let more = [0b1101_1100, 5, 0b11, 0b101, 0b111, 9, 9];
        assert_eq!(Descriptor::parse(&more), None);
    }

    #[test]
    fn the_spatial_layers_of_a_picture_become_one_unit() {
        let base: [&[u8]; 2] = [&[0b0010_1000, 0, 0, 1, 2], &[0b0010_0100, 0, 0, 3]];
        let upper: &[u8] = &[0b0010_1100, 0b0000_0011, 0, 4];
        let all = || base.into_iter().chain([upper]);
        assert_eq!(assemble(all(), 100), Some((vec![1, 2, 3, 4], true)));
        assert_eq!(assemble(all().skip(1), 100), None, "no beginning");
        assert_eq!(assemble(all().take(1), 100), None, "no end");
        assert_eq!(assemble([base[0], upper].into_iter(), 100), None, "a hole");
        assert_eq!(assemble(all(), 6), None, "too large");
    }

    proptest! {
        #[test]
        fn foreign_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = (is_keyframe(&bytes), frame_size(&bytes));
            let _ = assemble([bytes.as_slice()].into_iter(), 60);
            if let Some(d) = Descriptor::parse(&bytes) {
                prop_assert!(d.size < bytes.len());
                prop_assert!(d.layers.is_none_or(|l| l.temporal < 8 && l.spatial < 8));
                prop_assert!(d.structure.is_none_or(|s| (1..=8).contains(&s.spatial_layers)));
            }
        }
    }
}

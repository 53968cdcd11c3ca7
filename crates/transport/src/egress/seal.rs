//! SRTP and SRTCP with the keys of the handshake (RFC 3711, RFC 7714): seals all that leaves, opens the RTCP that comes.
//! Payloads are encrypted straight into the buffer they are sent from.

use super::keys::{Keys, real};
use std::collections::HashMap;
use str0m::crypto::dtls::SrtpProfile;
use str0m::crypto::{
    AeadAes128Gcm, AeadAes128GcmCipher, AeadAes256GcmCipher, Aes128CmSha1_80, Aes128CmSha1_80Cipher,
};

/// Bytes of a GCM tag, of a CM-SHA1 tag, of the index behind every SRTCP packet.
const GCM_TAG: usize = 16;
const CM_TAG: usize = 10;
const INDEX: usize = 4;
/// RTCP's first header word and SSRC stay in clear.
const RTCP_CLEAR: usize = 8;
/// SSRCs of one connection that may send RTCP: many times what its lines have.
const MOST_SENDERS: usize = 256;
/// Set in the index: the packet is encrypted.
const ENCRYPTED: u32 = 0x8000_0000;

/// Labels of RFC 3711 §4.3.1; RTCP's are three further.
const KEY: u8 = 0;
const AUTH: u8 = 1;
const SALT: u8 = 2;
const FOR_RTCP: u8 = 3;

enum Cipher {
    Gcm128([u8; 12], Box<dyn AeadAes128GcmCipher>),
    Gcm256([u8; 12], Box<dyn AeadAes256GcmCipher>),
    /// Salt, key of the tag.
    Cm([u8; 14], [u8; 20], Box<dyn Aes128CmSha1_80Cipher>),
}

/// Seals outgoing packets of one connection.
pub(crate) struct Sealer {
    rtp: Cipher,
    rtcp: Cipher,
    index: u32,
}

/// Opens incoming RTCP of one connection.
pub(crate) struct Opener {
    rtcp: Cipher,
    /// What was opened, per sender's SSRC.
    seen: HashMap<u32, Window>,
}

/// The last numbers that came, against replays (RFC 3711 §3.3.2).
#[derive(Clone, Copy, Default)]
struct Window {
    highest: u32,
    /// Bit n: the number n below the highest came.
    bits: u64,
}

impl Window {
    /// The window with this number in it; `None` if it came before or is too old to know.
    fn with(self, index: u32) -> Option<Window> {
        if index > self.highest || self.bits == 0 {
            let by = index - self.highest.min(index);
            return Some(Window {
                highest: index,
                bits: self.bits.checked_shl(by).unwrap_or(0) | 1,
            });
        }
        let bit = 1u64.checked_shl(self.highest - index)?;
        (self.bits & bit == 0).then_some(Window {
            bits: self.bits | bit,
            ..self
        })
    }
}

/// The cryptography refused; with the sizes used here it never does.
#[derive(Debug)]
pub(crate) struct Refused;

impl Sealer {
    pub fn new(keys: &Keys) -> Option<Sealer> {
        let master = Master::of(keys, keys.active)?;
        Some(Sealer {
            rtp: master.cipher(0, true),
            rtcp: master.cipher(FOR_RTCP, true),
            index: 0,
        })
    }

    /// Appends the encrypted payload and the tag to `out`, which ends in the packet's header from `header` on. `seq` is
    /// the extended sequence number. On an error `out` is as before the header.
    pub fn rtp(
        &mut self,
        out: &mut Vec<u8>,
        header: usize,
        (ssrc, seq): (u32, u64),
        payload: &[u8],
    ) -> Result<(), Refused> {
        let body = out.len();
        let tag = self.rtp.tag();
        out.resize(body + payload.len() + tag, 0);
        let (clear, rest) = out.split_at_mut(body);
        let (aad, roc) = (&clear[header..], (seq >> 16) as u32);
        let done = match &mut self.rtp {
            Cipher::Gcm128(salt, c) => {
                c.encrypt(&gcm_iv(salt, ssrc, roc, seq as u16), aad, payload, rest)
            }
            Cipher::Gcm256(salt, c) => {
                c.encrypt(&gcm_iv(salt, ssrc, roc, seq as u16), aad, payload, rest)
            }
            Cipher::Cm(salt, _, c) => {
                let iv = Aes128CmSha1_80::rtp_iv(*salt, ssrc, seq);
                c.encrypt(&iv, payload, &mut rest[..payload.len()])
            }
        };
        if done.is_err() {
            out.truncate(header);
            return Err(Refused);
        }
        if let Cipher::Cm(_, auth, _) = &self.rtp {
            let end = out.len() - header - CM_TAG;
            Aes128CmSha1_80::rtp_hmac(hmac, auth, &mut out[header..], seq, end);
        }
        Ok(())
    }

    /// The sealed form of a compound RTCP packet.
    pub fn rtcp(&mut self, plain: &[u8]) -> Result<Vec<u8>, Refused> {
        let Some(&[a, b, c, d]) = plain.get(4..RTCP_CLEAR) else {
            return Err(Refused);
        };
        let ssrc = u32::from_be_bytes([a, b, c, d]);
        let index = self.index;
        self.index = (index + 1) & !ENCRYPTED;
        let word = (index | ENCRYPTED).to_be_bytes();
        let tag = self.rtcp.tag();
        let mut out = vec![0; plain.len() + tag + INDEX];
        out[..RTCP_CLEAR].copy_from_slice(&plain[..RTCP_CLEAR]);
        let mut aad = [0; RTCP_CLEAR + INDEX];
        aad[..RTCP_CLEAR].copy_from_slice(&plain[..RTCP_CLEAR]);
        aad[RTCP_CLEAR..].copy_from_slice(&word);
        let (secret, end) = (&plain[RTCP_CLEAR..], plain.len() + tag);
        let done = match &mut self.rtcp {
            Cipher::Gcm128(salt, c) => {
                let iv = AeadAes128Gcm::rtcp_iv(*salt, ssrc, index);
                c.encrypt(&iv, &aad, secret, &mut out[RTCP_CLEAR..end])
            }
            Cipher::Gcm256(salt, c) => {
                let iv = AeadAes128Gcm::rtcp_iv(*salt, ssrc, index);
                c.encrypt(&iv, &aad, secret, &mut out[RTCP_CLEAR..end])
            }
            Cipher::Cm(salt, _, c) => {
                let iv = Aes128CmSha1_80::rtp_iv(*salt, ssrc, u64::from(index));
                c.encrypt(&iv, secret, &mut out[RTCP_CLEAR..plain.len()])
            }
        };
        done.map_err(|_| Refused)?;
        match &self.rtcp {
            Cipher::Cm(_, auth, _) => {
                // Here the index stands before the tag, and the tag covers it.
                let at = plain.len();
                out[at..at + INDEX].copy_from_slice(&word);
                Aes128CmSha1_80::rtcp_hmac(hmac, auth, &mut out, at + INDEX);
            }
            _ => out[end..].copy_from_slice(&word),
        }
        Ok(out)
    }

    /// Bytes str0m put behind a compound RTCP packet it left in clear.
    pub fn rtcp_trailer(&self) -> usize {
        self.rtcp.tag() + INDEX
    }
}

impl Opener {
    pub fn new(keys: &Keys) -> Option<Opener> {
        let master = Master::of(keys, !keys.active)?;
        Some(Opener {
            rtcp: master.cipher(FOR_RTCP, false),
            seen: HashMap::new(),
        })
    }

    /// The compound packet in clear, into `out`. `None`: not encrypted, not from the other side, or seen before.
    pub fn rtcp(&mut self, sealed: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let tag = self.rtcp.tag();
        let end = sealed.len().checked_sub(tag + INDEX)?;
        if end < RTCP_CLEAR {
            return None;
        }
        let at = match self.rtcp {
            Cipher::Cm(..) => end,
            _ => sealed.len() - INDEX,
        };
        let word: [u8; INDEX] = sealed.get(at..at + INDEX)?.try_into().ok()?;
        let index = u32::from_be_bytes(word) & !ENCRYPTED;
        if word[0] & 0x80 == 0 {
            return None;
        }
        let ssrc = u32::from_be_bytes(sealed.get(4..RTCP_CLEAR)?.try_into().ok()?);
        let window = self.seen.get(&ssrc).copied();
        if window.is_none() && self.seen.len() == MOST_SENDERS {
            return None;
        }
        let window = window.unwrap_or_default().with(index)?;
        out.clear();
        out.extend_from_slice(&sealed[..RTCP_CLEAR]);
        out.resize(end, 0);
        let mut aad = [0; RTCP_CLEAR + INDEX];
        aad[..RTCP_CLEAR].copy_from_slice(&sealed[..RTCP_CLEAR]);
        aad[RTCP_CLEAR..].copy_from_slice(&word);
        match &mut self.rtcp {
            Cipher::Gcm128(salt, c) => {
                let iv = AeadAes128Gcm::rtcp_iv(*salt, ssrc, index);
                let input = &sealed[RTCP_CLEAR..end + tag];
                c.decrypt(&iv, &[&aad], input, &mut out[RTCP_CLEAR..])
                    .ok()?;
            }
            Cipher::Gcm256(salt, c) => {
                let iv = AeadAes128Gcm::rtcp_iv(*salt, ssrc, index);
                let input = &sealed[RTCP_CLEAR..end + tag];
                c.decrypt(&iv, &[&aad], input, &mut out[RTCP_CLEAR..])
                    .ok()?;
            }
            Cipher::Cm(salt, auth, c) => {
                let (signed, given) = sealed.split_at(end + INDEX);
                if !Aes128CmSha1_80::rtcp_verify(hmac, auth, signed, given) {
                    return None;
                }
                let iv = Aes128CmSha1_80::rtp_iv(*salt, ssrc, u64::from(index));
                let input = &sealed[RTCP_CLEAR..end];
                c.decrypt(&iv, input, &mut out[RTCP_CLEAR..]).ok()?;
            }
        }
        // Only what is genuine counts.
        self.seen.insert(ssrc, window);
        Some(())
    }
}

impl Cipher {
    fn tag(&self) -> usize {
        match self {
            Cipher::Cm(..) => CM_TAG,
            _ => GCM_TAG,
        }
    }
}

fn gcm_iv(salt: &[u8; 12], ssrc: u32, roc: u32, seq: u16) -> [u8; 12] {
    AeadAes128Gcm::rtp_iv(*salt, ssrc, roc, seq)
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 20] {
    real().sha1_hmac_provider.sha1_hmac(key, parts)
}

/// One side's master key and salt.
struct Master<'a> {
    profile: SrtpProfile,
    key: &'a [u8],
    salt: &'a [u8],
}

impl Master<'_> {
    fn of(keys: &Keys, dtls_client: bool) -> Option<Master<'_>> {
        let (key, salt) = match keys.profile {
            SrtpProfile::AES128_CM_SHA1_80 => (16, 14),
            SrtpProfile::AEAD_AES_128_GCM => (16, 12),
            SrtpProfile::AEAD_AES_256_GCM => (32, 12),
            _ => return None,
        };
        let at = usize::from(!dtls_client);
        Some(Master {
            profile: keys.profile,
            key: keys.material.get(at * key..(at + 1) * key)?,
            salt: keys
                .material
                .get(2 * key + at * salt..2 * key + (at + 1) * salt)?,
        })
    }

    fn cipher(&self, labels: u8, encrypt: bool) -> Cipher {
        let srtp = real().srtp_provider;
        match self.profile {
            SrtpProfile::AEAD_AES_128_GCM => Cipher::Gcm128(
                self.derive(labels + SALT),
                srtp.aead_aes_128_gcm()
                    .create_cipher(self.derive(labels + KEY), encrypt),
            ),
            SrtpProfile::AEAD_AES_256_GCM => Cipher::Gcm256(
                self.derive(labels + SALT),
                srtp.aead_aes_256_gcm()
                    .create_cipher(self.derive(labels + KEY), encrypt),
            ),
            _ => Cipher::Cm(
                self.derive(labels + SALT),
                self.derive(labels + AUTH),
                srtp.aes_128_cm_sha1_80()
                    .create_cipher(self.derive(labels + KEY), encrypt),
            ),
        }
    }

    /// The key stream of AES in counter mode over the salt with the label (RFC 3711 §4.3.3, RFC 6188).
    fn derive<const N: usize>(&self, label: u8) -> [u8; N] {
        let mut block = [0; 16];
        block[..self.salt.len()].copy_from_slice(self.salt);
        block[7] ^= label;
        let mut key = [0; N];
        for (count, part) in key.chunks_mut(16).enumerate() {
            block[14..].copy_from_slice(&(count as u16).to_be_bytes());
            // The provider pads: its second block is of no use.
            let mut stream = [0; 32];
            match self.key.len() {
                32 => {
                    let srtp = real().srtp_provider;
                    srtp.srtp_aes_256_ecb_round(self.key, &block, &mut stream);
                }
                _ => {
                    let srtp = real().srtp_provider;
                    srtp.srtp_aes_128_ecb_round(self.key, &block, &mut stream);
                }
            }
            part.copy_from_slice(&stream[..part.len()]);
        }
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROFILES: [SrtpProfile; 3] = [
        SrtpProfile::AES128_CM_SHA1_80,
        SrtpProfile::AEAD_AES_128_GCM,
        SrtpProfile::AEAD_AES_256_GCM,
    ];

    fn keys(profile: SrtpProfile, active: bool) -> Keys {
        Keys {
            material: (0..88).collect(),
            profile,
            active,
        }
    }

    /// RFC 3711 appendix B.3.
    #[test]
    fn session_keys_are_derived_as_the_standard_shows() {
        let hex = |s: &str| -> Vec<u8> {
            (0..s.len() / 2)
                .map(|i| u8::from_str_radix(&s[2 * i..2 * i + 2], 16).unwrap())
                .collect()
        };
        let (key, salt) = (
            hex("E1F97A0D3E018BE0D64FA32C06DE4139"),
            hex("0EC675AD498AFEEBB6960B3AABE6"),
        );
        let master = Master {
            profile: SrtpProfile::AES128_CM_SHA1_80,
            key: &key,
            salt: &salt,
        };
        let cipher: [u8; 16] = master.derive(KEY);
        assert_eq!(cipher[..], hex("C61E7A93744F39EE10734AFE3FF7A087"));
        let salt: [u8; 14] = master.derive(SALT);
        assert_eq!(salt[..], hex("30CBBC08863D8C85D49DB34A9AE1"));
        let auth: [u8; 20] = master.derive(AUTH);
        assert_eq!(auth[..], hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"));
    }

    #[test]
    fn what_one_side_seals_the_other_opens() {
        for profile in PROFILES {
            let mut sealer = Sealer::new(&keys(profile, true)).unwrap();
            let mut opener = Opener::new(&keys(profile, false)).unwrap();
            let plain: Vec<u8> = (0..28).collect();
            let (first, second) = (sealer.rtcp(&plain).unwrap(), sealer.rtcp(&plain).unwrap());
            assert_ne!(first, second, "no nonce twice");
            let mut out = Vec::new();
            for sealed in [&first, &second] {
                assert_eq!(sealed.len(), plain.len() + sealer.rtcp_trailer());
                opener.rtcp(sealed, &mut out).unwrap();
                assert_eq!(out, plain, "{profile:?}");
            }
            let mut forged = first.clone();
            forged[12] ^= 1;
            assert!(opener.rtcp(&forged, &mut out).is_none());
            for short in 0..first.len() {
                assert!(opener.rtcp(&first[..short], &mut out).is_none());
            }
            let mut own = Opener::new(&keys(profile, true)).unwrap();
            assert!(
                own.rtcp(&first, &mut out).is_none(),
                "own packets sent back"
            );
        }
    }

    #[test]
    fn what_was_opened_once_is_not_opened_again() {
        for profile in PROFILES {
            let mut sealer = Sealer::new(&keys(profile, true)).unwrap();
            let mut opener = Opener::new(&keys(profile, false)).unwrap();
            let sealed: Vec<_> = (0..100)
                .map(|_| sealer.rtcp(&[0x80, 201, 0, 1, 0, 0, 0, 7]).unwrap())
                .collect();
            let mut opens = |i: usize| opener.rtcp(&sealed[i], &mut Vec::new()).is_some();
            assert!(opens(0) && opens(2) && opens(1), "in any order");
            assert!(!opens(0) && !opens(1) && !opens(2));
            assert!(opens(99) && opens(98) && opens(36));
            assert!(!opens(98) && !opens(35), "replayed, and too old to know");
            let mut forged = sealed[50].clone();
            forged[9] ^= 1;
            assert!(opener.rtcp(&forged, &mut Vec::new()).is_none());
            assert!(
                opener.rtcp(&sealed[50], &mut Vec::new()).is_some(),
                "a forgery uses no number up"
            );
        }
    }

    #[test]
    fn every_sender_has_its_own_window_and_there_are_not_endlessly_many() {
        let profile = SrtpProfile::AEAD_AES_128_GCM;
        let mut opener = Opener::new(&keys(profile, false)).unwrap();
        let open = |opener: &mut Opener, ssrc: u32| {
            let mut sealer = Sealer::new(&keys(profile, true)).unwrap();
            let mut plain = vec![0x80, 201, 0, 1];
            plain.extend(ssrc.to_be_bytes());
            let sealed = sealer.rtcp(&plain).unwrap();
            opener.rtcp(&sealed, &mut Vec::new()).is_some()
        };
        let opened = (0..1000).filter(|ssrc| open(&mut opener, *ssrc)).count();
        assert_eq!((opened, opener.seen.len()), (MOST_SENDERS, MOST_SENDERS));
    }

    #[test]
    fn packets_gather_in_one_buffer() {
        for profile in PROFILES {
            let mut sealer = Sealer::new(&keys(profile, false)).unwrap();
            let mut out = Vec::new();
            for seq in [65_535u64, 65_536] {
                let start = out.len();
                out.extend([0x80; 12]);
                sealer.rtp(&mut out, start, (7, seq), &[9; 100]).unwrap();
            }
            let tag = sealer.rtp.tag();
            assert_eq!(out.len(), 2 * (112 + tag));
            assert_ne!(out[12..112], out[112 + tag + 12..][..100], "own nonces");
        }
    }
}

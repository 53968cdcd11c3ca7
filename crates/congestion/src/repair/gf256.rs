//! Arithmetic in GF(256) with the polynomial x^8 + x^4 + x^3 + x^2 + 1 (0x11d), the field of RFC 5510 and RFC 8681.

const POLYNOMIAL: u16 = 0x11d;

const fn tables() -> ([u8; 512], [u8; 256]) {
    let (mut exp, mut log) = ([0u8; 512], [0u8; 256]);
    let (mut x, mut i) = (1u16, 0usize);
    while i < 255 {
        exp[i] = x as u8;
        exp[i + 255] = x as u8;
        log[x as usize] = i as u8;
        x <<= 1;
        if x & 0x100 != 0 {
            x ^= POLYNOMIAL;
        }
        i += 1;
    }
    (exp, log)
}

const TABLES: ([u8; 512], [u8; 256]) = tables();
static EXP: [u8; 512] = TABLES.0;
static LOG: [u8; 256] = TABLES.1;

pub fn mul(a: u8, b: u8) -> u8 {
    if a == 0 || b == 0 {
        return 0;
    }
    EXP[usize::from(LOG[usize::from(a)]) + usize::from(LOG[usize::from(b)])]
}

/// The inverse of `a`; 0 for 0, which has none.
pub fn inverse(a: u8) -> u8 {
    match a {
        0 => 0,
        _ => EXP[255 - usize::from(LOG[usize::from(a)])],
    }
}

/// `to += c * from`, over the shorter of both.
///
/// Multiplies bit by bit without a table of products, eight bytes in each word: shifts, differences and masks of words are
/// what the compiler makes vector instructions of on every processor. (Of bytes it does not: processors can't shift them.)
pub fn mul_add(to: &mut [u8], from: &[u8], c: u8) {
    match c {
        0 => return,
        1 => return to.iter_mut().zip(from).for_each(|(t, f)| *t ^= f),
        _ => {}
    }
    // c times each power of two, in each byte of a word: what each bit of a byte contributes.
    let powers: [u64; 8] = std::array::from_fn(|i| u64::from(mul(c, 1 << i)) * LOWEST);
    let length = to.len().min(from.len());
    let (mut to, mut from) = (
        to[..length].chunks_exact_mut(LANE),
        from[..length].chunks_exact(LANE),
    );
    for (t, f) in to.by_ref().zip(from.by_ref()) {
        let (mut sum, f) = (words(t), words(f));
        for (bit, power) in powers.iter().enumerate() {
            for (s, f) in sum.iter_mut().zip(f) {
                // 1 in each byte that has the bit; times 255 that is a mask.
                let has = f >> bit & LOWEST;
                *s ^= (has << 8).wrapping_sub(has) & power;
            }
        }
        for (t, s) in t.chunks_exact_mut(8).zip(sum) {
            t.copy_from_slice(&s.to_ne_bytes());
        }
    }
    for (t, f) in to.into_remainder().iter_mut().zip(from.remainder()) {
        *t ^= mul(c, *f);
    }
}

/// Bytes multiplied at a time.
const LANE: usize = 32;
/// The lowest bit of each byte.
const LOWEST: u64 = 0x0101_0101_0101_0101;

fn words(lane: &[u8]) -> [u64; LANE / 8] {
    let mut words = [0; LANE / 8];
    for (word, bytes) in words.iter_mut().zip(lane.chunks_exact(8)) {
        let mut eight = [0; 8];
        eight.copy_from_slice(bytes);
        *word = u64::from_ne_bytes(eight);
    }
    words
}

/// `row *= c`
pub fn scale(row: &mut [u8], c: u8) {
    // c * x = x + (c - 1) * x, and minus is plus here; but reading and writing one slice needs a copy.
    if c != 1 {
        let log: [u8; 256] = std::array::from_fn(|x| mul(c, x as u8));
        row.iter_mut().for_each(|x| *x = log[usize::from(*x)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition: multiply polynomials, then reduce.
    fn slow(a: u8, b: u8) -> u8 {
        let mut product = 0u16;
        for i in 0..8 {
            if b >> i & 1 == 1 {
                product ^= u16::from(a) << i;
            }
        }
        for i in (8..16).rev() {
            if product >> i & 1 == 1 {
                product ^= POLYNOMIAL << (i - 8);
            }
        }
        product as u8
    }

    #[test]
    fn products_are_those_of_polynomials() {
        for (a, b) in (0..=255).flat_map(|a| (0..=255).map(move |b| (a, b))) {
            assert_eq!(mul(a, b), slow(a, b));
        }
    }

    #[test]
    fn every_number_but_zero_has_an_inverse() {
        assert!((1..=255).all(|a| mul(a, inverse(a)) == 1));
    }

    #[test]
    fn rows_are_multiplied_byte_by_byte() {
        let from: Vec<u8> = (0..=255).chain(0..77).collect();
        for c in 0..=255 {
            let mut to: Vec<u8> = from.iter().rev().copied().collect();
            let expected: Vec<_> = to.iter().zip(&from).map(|(t, f)| t ^ slow(c, *f)).collect();
            mul_add(&mut to, &from, c);
            assert_eq!(to, expected);
            let mut scaled = from.clone();
            scale(&mut scaled, c);
            assert!(scaled.iter().zip(&from).all(|(s, f)| *s == slow(c, *f)));
        }
    }
}

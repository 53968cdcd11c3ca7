//! Linear equations over lost packets. Each row is what a symbol says about packets not known yet; the rows are kept
//! reduced (each has a packet of its own, its pivot, that no other row has), so that a packet comes out as soon as it can.

use crate::repair::gf256;

/// Most rows of one stream; what comes beyond that teaches nothing.
const MOST_ROWS: usize = 192;

#[derive(Clone, Debug, Default)]
pub struct Row {
    /// Unknown packets by rising sequence number, none times zero.
    pub coefficients: Vec<(u64, u8)>,
    pub sum: Vec<u8>,
}

impl Row {
    fn coefficient(&self, seq: u64) -> Option<u8> {
        let at = self.coefficients.binary_search_by_key(&seq, |c| c.0);
        at.ok().map(|i| self.coefficients[i].1)
    }

    /// `self += c * other`
    fn add(&mut self, other: &Row, c: u8) {
        if self.sum.len() < other.sum.len() {
            self.sum.resize(other.sum.len(), 0);
        }
        gf256::mul_add(&mut self.sum, &other.sum, c);
        let mine = std::mem::take(&mut self.coefficients);
        let (mut a, mut b) = (mine.iter().peekable(), other.coefficients.iter().peekable());
        loop {
            let next = match (a.peek(), b.peek()) {
                (Some(x), Some(y)) if x.0 == y.0 => {
                    let sum = (x.0, x.1 ^ gf256::mul(y.1, c));
                    a.next();
                    b.next();
                    sum
                }
                (Some(x), y) if y.is_none_or(|y| x.0 < y.0) => {
                    let x = **x;
                    a.next();
                    x
                }
                (_, Some(y)) => {
                    let y = (y.0, gf256::mul(y.1, c));
                    b.next();
                    y
                }
                _ => break,
            };
            if next.1 != 0 {
                self.coefficients.push(next);
            }
        }
    }

    fn scale(&mut self, c: u8) {
        gf256::scale(&mut self.sum, c);
        for entry in &mut self.coefficients {
            entry.1 = gf256::mul(entry.1, c);
        }
    }
}

#[derive(Debug, Default)]
pub struct Solver {
    /// With their pivots, which have coefficient 1.
    rows: Vec<(u64, Row)>,
}

impl Solver {
    /// Takes what a symbol says about unknown packets. `false`: nothing new.
    pub fn add(&mut self, mut row: Row) -> bool {
        for (seq, _) in row.coefficients.clone() {
            let Some((_, known)) = self.rows.iter().find(|r| r.0 == seq) else {
                continue;
            };
            if let Some(c) = row.coefficient(seq) {
                row.add(known, c);
            }
        }
        let Some(&(pivot, c)) = row.coefficients.first() else {
            return false;
        };
        if self.rows.len() >= MOST_ROWS {
            return false;
        }
        row.scale(gf256::inverse(c));
        for (_, other) in &mut self.rows {
            if let Some(c) = other.coefficient(pivot) {
                other.add(&row, c);
            }
        }
        self.rows.push((pivot, row));
        true
    }

    /// Whether no symbol says anything about packets that are not known.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// A packet came by itself: takes it out of all rows. `row` is the packet's.
    pub fn known(&mut self, seq: u64, row: &[u8]) {
        let mut without_pivot = None;
        for at in 0..self.rows.len() {
            let (pivot, r) = &mut self.rows[at];
            let Some(c) = r.coefficient(seq) else {
                continue;
            };
            if r.sum.len() < row.len() {
                r.sum.resize(row.len(), 0);
            }
            gf256::mul_add(&mut r.sum, row, c);
            r.coefficients.retain(|c| c.0 != seq);
            if *pivot == seq {
                without_pivot = Some(at);
            }
        }
        if let Some(at) = without_pivot {
            let (_, row) = self.rows.swap_remove(at);
            self.add(row);
        }
    }

    /// A packet that stands alone now, and its row.
    pub fn solved(&mut self) -> Option<(u64, Vec<u8>)> {
        let at = self.rows.iter().position(|r| r.1.coefficients.len() == 1)?;
        let (pivot, row) = self.rows.swap_remove(at);
        Some((pivot, row.sum))
    }

    /// Forgets all about packets below `seq`.
    pub fn forget(&mut self, seq: u64) {
        let from = |row: &Row| row.coefficients.first().is_some_and(|c| c.0 >= seq);
        self.rows.retain(|r| from(&r.1));
    }
}

//! Where an object lies among its neighbours, as a key that leaves room between any two: a whole number and, only where
//! two neighbours touch, a fraction in base 256. Drawing on top counts up, so keys stay one or two bytes long.

use crate::limits::{MAX_ORDER, MAX_ORDER_FRACTION};
use crate::wire::{Reader, WireError, Writer};
use std::sync::Arc;

/// A key of the z-order, or of pages. Equal keys are ordered by object id.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Order {
    /// Size at most [`MAX_ORDER`].
    whole: i64,
    /// Digits after the point; the last one is never 0.
    fraction: Arc<[u8]>,
}

impl Order {
    pub fn whole(whole: i64) -> Order {
        Order {
            whole: whole.clamp(-MAX_ORDER, MAX_ORDER),
            fraction: Arc::default(),
        }
    }

    /// A key above `below` and below `above`; `None` leaves that side open. Where they are equal, or nothing fits between
    /// within [`MAX_ORDER_FRACTION`] digits, the answer is `below` itself: then the id decides.
    pub fn between(below: Option<&Order>, above: Option<&Order>) -> Order {
        let (low, high) = match (below, above) {
            (None, None) => return Order::whole(0),
            (Some(low), None) => return Order::whole(low.whole + 1),
            (None, Some(high)) => return Order::whole(high.whole - 1),
            (Some(low), Some(high)) => (low, high),
        };
        if high.whole - low.whole >= 2 {
            return Order::whole(low.whole + 1);
        }
        if high <= low {
            return low.clone();
        }
        let ceiling = (high.whole == low.whole).then_some(&*high.fraction);
        match midpoint(&low.fraction, ceiling) {
            Some(fraction) => Order {
                whole: low.whole,
                fraction: fraction.into(),
            },
            None => low.clone(),
        }
    }

    pub(crate) fn write(&self, w: &mut Writer) {
        w.signed(self.whole);
        w.bytes(&self.fraction);
    }

    pub(crate) fn read(r: &mut Reader<'_>) -> Result<Order, WireError> {
        let whole = r.within(MAX_ORDER)?;
        let fraction = r.bytes(MAX_ORDER_FRACTION)?;
        if fraction.last() == Some(&0) {
            return Err(WireError::BadNumber);
        }
        Ok(Order {
            whole,
            fraction: fraction.into(),
        })
    }
}

/// Digits between `low` and `high` (1.0 where there is no `high`), for `low < high`.
fn midpoint(low: &[u8], high: Option<&[u8]>) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut high = high;
    for i in 0..MAX_ORDER_FRACTION {
        let a = low.get(i).copied().map_or(0, u16::from);
        let b = high.map_or(256, |h| h.get(i).copied().map_or(0, u16::from));
        if b > a + 1 {
            out.push(((a + b) / 2) as u8);
            return Some(out);
        }
        out.push(a as u8);
        // Below a digit that is already smaller, everything fits.
        if b == a + 1 {
            high = None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_between_neighbours_many_times() {
        let mut low = Order::whole(0);
        let high = Order::whole(1);
        for _ in 0..250 {
            let middle = Order::between(Some(&low), Some(&high));
            assert!(low < middle && middle < high, "{low:?} {middle:?}");
            low = middle;
        }
    }

    #[test]
    fn and_downwards() {
        let low = Order::whole(0);
        let mut high = Order::whole(1);
        for _ in 0..250 {
            let middle = Order::between(Some(&low), Some(&high));
            assert!(low < middle && middle < high, "{middle:?} {high:?}");
            high = middle;
        }
    }

    #[test]
    fn drawing_on_top_counts() {
        let mut top = Order::between(None, None);
        for _ in 0..5000 {
            top = Order::between(Some(&top), None);
        }
        assert_eq!(top, Order::whole(5000));
        assert!(Order::between(None, Some(&Order::whole(-3))) < Order::whole(-3));
    }

    #[test]
    fn equal_neighbours_give_the_same_key() {
        let key = Order::whole(7);
        assert_eq!(Order::between(Some(&key), Some(&key)), key);
    }
}

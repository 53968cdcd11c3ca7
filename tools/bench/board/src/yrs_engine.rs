//! Yjs in Rust. A stroke is a map with one binary value; what changes later are keys of their own.

use crate::blob;
use crate::harness::{Act, Engine};
use yrs::updates::decoder::Decode;
use yrs::{Any, Doc, Map, MapPrelim, MapRef, Out, ReadTxn, StateVector, Transact, Update};

pub struct Yrs {
    doc: Doc,
    objects: MapRef,
    next: usize,
}

impl Yrs {
    fn object(&self, txn: &impl ReadTxn, object: usize) -> Option<MapRef> {
        match self.objects.get(txn, &object.to_string())? {
            Out::YMap(map) => Some(map),
            _ => None,
        }
    }
}

impl Engine for Yrs {
    const NAME: &'static str = "yrs";

    fn new(peer: u32) -> Yrs {
        let doc = Doc::with_client_id(u64::from(peer));
        let objects = doc.get_or_insert_map("o");
        Yrs {
            doc,
            objects,
            next: 0,
        }
    }

    fn act(&mut self, act: &Act) -> Vec<u8> {
        let mut txn = self.doc.transact_mut();
        match act {
            Act::Stroke(made) => {
                self.next = self.objects.len(&txn) as usize;
                let value = Any::Buffer(blob(made).into());
                let map = MapPrelim::from([("i", value)]);
                self.objects.insert(&mut txn, self.next.to_string(), map);
            }
            Act::Move { object, x, y } => {
                let map = self.object(&txn, *object).expect("a stroke");
                let mut bytes = (*x as i16).to_le_bytes().to_vec();
                bytes.extend((*y as i16).to_le_bytes());
                map.insert(&mut txn, "p", Any::Buffer(bytes.into()));
            }
            Act::Color { object, color } => {
                let map = self.object(&txn, *object).expect("a stroke");
                map.insert(&mut txn, "c", Any::from(f64::from(*color)));
            }
            Act::Delete { object } => {
                let map = self.object(&txn, *object).expect("a stroke");
                map.insert(&mut txn, "d", Any::Bool(true));
            }
        }
        txn.encode_update_v1()
    }

    fn apply(&mut self, update: &[u8]) -> Result<(), String> {
        let update = Update::decode_v1(update).map_err(|e| e.to_string())?;
        let mut txn = self.doc.transact_mut();
        txn.apply_update(update).map_err(|e| e.to_string())
    }

    fn save(&self) -> Vec<u8> {
        let txn = self.doc.transact();
        txn.encode_state_as_update_v1(&StateVector::default())
    }

    fn load(bytes: &[u8]) -> Yrs {
        let mut yrs = Yrs::new(98);
        yrs.apply(bytes).expect("a saved document");
        yrs
    }

    fn strokes(&self) -> usize {
        self.objects.len(&self.doc.transact()) as usize
    }
}

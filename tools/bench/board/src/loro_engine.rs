//! Loro. A stroke is a map with one binary value; what changes later are keys of their own.

use crate::blob;
use crate::harness::{Act, Engine};
use loro::{ExportMode, LoroDoc, LoroMap, LoroValue, VersionVector};

pub struct Loro {
    doc: LoroDoc,
    objects: LoroMap,
    sent: VersionVector,
}

impl Loro {
    fn object(&self, object: usize) -> LoroMap {
        let value = self.objects.get(&object.to_string()).expect("a stroke");
        value
            .into_container()
            .expect("a map")
            .into_map()
            .expect("a map")
    }
}

impl Engine for Loro {
    const NAME: &'static str = "loro";

    fn new(peer: u32) -> Loro {
        let doc = LoroDoc::new();
        doc.set_peer_id(u64::from(peer)).expect("a peer");
        // The history has times of its own.
        doc.set_record_timestamp(true);
        let objects = doc.get_map("o");
        Loro {
            sent: doc.oplog_vv(),
            doc,
            objects,
        }
    }

    fn act(&mut self, act: &Act) -> Vec<u8> {
        match act {
            Act::Stroke(made) => {
                let key = self.objects.len().to_string();
                let map = self
                    .objects
                    .insert_container(&key, LoroMap::new())
                    .expect("a map");
                map.insert("i", blob(made)).expect("a value");
            }
            Act::Move { object, x, y } => {
                let mut bytes = (*x as i16).to_le_bytes().to_vec();
                bytes.extend((*y as i16).to_le_bytes());
                self.object(*object).insert("p", bytes).expect("a value");
            }
            Act::Color { object, color } => {
                let color = LoroValue::from(i64::from(*color));
                self.object(*object).insert("c", color).expect("a value");
            }
            Act::Delete { object } => self.object(*object).insert("d", true).expect("a value"),
        }
        self.doc.commit();
        let update = self
            .doc
            .export(ExportMode::updates(&self.sent))
            .expect("an update");
        self.sent = self.doc.oplog_vv();
        update
    }

    fn apply(&mut self, update: &[u8]) -> Result<(), String> {
        self.doc.import(update).map_err(|e| e.to_string())?;
        self.sent = self.doc.oplog_vv();
        Ok(())
    }

    fn save(&self) -> Vec<u8> {
        self.doc.export(ExportMode::Snapshot).expect("a snapshot")
    }

    fn load(bytes: &[u8]) -> Loro {
        let mut loro = Loro::new(98);
        loro.apply(bytes).expect("a saved document");
        loro
    }

    fn strokes(&self) -> usize {
        self.objects.len()
    }
}

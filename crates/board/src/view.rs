//! What is seen: pages in order, the objects on a page from bottom to top, what is left of a stroke, who is grouped
//! with whom. Derived from the document, the same on every replica.

use crate::document::Document;
use crate::field::{Field, Kind};
use crate::id::ObjectId;
use crate::ink::Point;
use crate::object::Object;
use crate::wire::Writer;
use crate::{Replica, Value};
use sha2::{Digest, Sha256};

/// Groups inside groups are followed this deep; a ring, which two people at once can make, ends there.
const MAX_DEPTH: usize = 16;

impl Document {
    /// Pages that are there, in order.
    pub fn pages(&self) -> Vec<ObjectId> {
        let mut pages: Vec<&Object> = self
            .objects()
            .filter(|o| o.kind() == Some(Kind::Page) && o.is_alive())
            .collect();
        pages.sort_by_key(|o| (o.order(), o.id()));
        pages.iter().map(|o| o.id()).collect()
    }

    /// Visible objects on a page from bottom to top; groups, which have no look, and cuts are not among them.
    pub fn objects_on(&self, page: ObjectId) -> Vec<ObjectId> {
        let mut objects: Vec<&Object> = self
            .objects()
            .filter(|o| o.parent() == Some(page) && o.order().is_some() && self.is_visible(o))
            .collect();
        objects.sort_by_key(|o| (o.order(), o.id()));
        objects.iter().map(|o| o.id()).collect()
    }

    /// Alive, on a page that is there, and not cleared away with it. A stroke wiped off altogether still counts.
    pub fn is_visible(&self, object: &Object) -> bool {
        if !object.is_alive() {
            return false;
        }
        match object.kind() {
            Some(Kind::Page) => true,
            Some(Kind::Cut) => {
                let stroke = object.parent().and_then(|id| self.object(id));
                stroke.is_some_and(|s| s.kind() == Some(Kind::Stroke) && self.is_visible(s))
            }
            _ => {
                let page = object.parent().and_then(|id| self.object(id));
                page.is_some_and(|p| {
                    p.kind() == Some(Kind::Page)
                        && p.is_alive()
                        && object.id().0.lamport > p.cleared()
                })
            }
        }
    }

    /// The parts of a stroke wiped off by its cuts together, sorted and apart, in 1/256 of a point's way.
    pub fn wiped(&self, stroke: ObjectId) -> Vec<(u32, u32)> {
        let cuts = self.cuts(stroke).iter().filter_map(|id| self.object(*id));
        let mut spans: Vec<(u32, u32)> = cuts
            .filter(|cut| cut.is_alive())
            .filter_map(Object::spans)
            .flat_map(|spans| spans.iter().copied())
            .collect();
        spans.sort_unstable();
        crate::erase::join(spans)
    }

    /// What is left of a stroke, as runs of points on the page's own grid before the box is applied.
    pub fn pieces(&self, stroke: &Object) -> Vec<Vec<Point>> {
        let points = stroke.ink().map(|ink| ink.points()).unwrap_or_default();
        crate::erase::pieces(&points, &self.wiped(stroke.id()))
    }

    /// The outermost group an object is in.
    pub fn group_of(&self, object: &Object) -> Option<ObjectId> {
        let mut found = None;
        let mut next = object.group();
        for _ in 0..MAX_DEPTH {
            let Some(group) = next.and_then(|id| self.object(id)) else {
                break;
            };
            if group.kind() != Some(Kind::Group) || !group.is_alive() {
                break;
            }
            found = Some(group.id());
            next = group.group();
        }
        found
    }

    /// Visible objects whose outermost group is this one.
    pub fn members(&self, group: ObjectId) -> Vec<ObjectId> {
        self.objects()
            .filter(|o| o.order().is_some() && self.is_visible(o))
            .filter(|o| self.group_of(o) == Some(group))
            .map(Object::id)
            .collect()
    }

    /// SHA-256 of what is seen, whoever wrote it when: equal before a step and after its undo.
    pub fn picture_hash(&self) -> [u8; 32] {
        let near = Replica::new(0, 0);
        let mut w = Writer::new();
        for page in self.pages() {
            self.write_seen(&mut w, page, near);
            for id in self.objects_on(page) {
                self.write_seen(&mut w, id, near);
            }
        }
        Sha256::digest(w.into_bytes()).into()
    }

    fn write_seen(&self, w: &mut Writer, id: ObjectId, near: Replica) {
        let Some(object) = self.object(id) else {
            return;
        };
        let Some(kind) = object.kind() else {
            return;
        };
        w.object(id, near);
        w.byte(kind as u8);
        for field in crate::field::FIELDS {
            // The outermost group says what moves together; a dead one nothing.
            if field == Field::Group {
                let group = Value::MaybeObject(self.group_of(object));
                group.write(w, near);
            } else if let Some(value) = object.get(field) {
                w.byte(field as u8);
                value.write(w, near);
            }
        }
        for (from, to) in self.wiped(id) {
            w.number(from.into());
            w.number(to.into());
        }
    }
}

//! What a person may do on a board, write by write. The server asks before it takes anything; the UI asks the same to
//! grey out what would be refused.

use crate::field::{Field, Kind};
use crate::id::{Author, ObjectId};

/// How much a person may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Look, and point with the cursor.
    View = 0,
    /// Draw, and change what one drew oneself.
    Own = 1,
    /// Draw and change anything on the pages.
    Draw = 2,
    /// Besides: clear and delete pages, lock, unlock and change what is locked.
    Host = 3,
}

impl Level {
    /// Stable, as the UI calls them.
    pub fn name(self) -> &'static str {
        match self {
            Level::View => "view",
            Level::Own => "own",
            Level::Draw => "draw",
            Level::Host => "host",
        }
    }
}

/// Who asks, and how much they may do. Made by the server from the seat, never from a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rights {
    pub author: Author,
    pub level: Level,
}

/// Why a write is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forbidden {
    /// May only look.
    ViewOnly,
    /// Another's object.
    NotYours,
    /// For hosts.
    HostOnly,
    /// Locked by its author or a host.
    Locked,
}

impl Rights {
    /// Whether an object of this kind may be made. A cut is asked about as a change of its stroke, too.
    pub fn may_create(self, kind: Kind) -> Result<(), Forbidden> {
        match (self.level, kind) {
            (Level::View, _) => Err(Forbidden::ViewOnly),
            (Level::Own, Kind::Page) => Err(Forbidden::HostOnly),
            _ => Ok(()),
        }
    }

    /// Whether this field of this object may be written.
    pub fn may_set(
        self,
        object: ObjectId,
        kind: Kind,
        field: Field,
        locked: bool,
    ) -> Result<(), Forbidden> {
        let own = object.author() == self.author;
        match self.level {
            Level::View => return Err(Forbidden::ViewOnly),
            Level::Host => return Ok(()),
            Level::Own if !own => return Err(Forbidden::NotYours),
            Level::Own | Level::Draw => {}
        }
        if kind == Kind::Page && field == Field::Cleared {
            return Err(Forbidden::HostOnly);
        }
        if own {
            return Ok(());
        }
        if kind == Kind::Page && field == Field::Alive || field == Field::Locked {
            return Err(Forbidden::HostOnly);
        }
        if locked {
            return Err(Forbidden::Locked);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Replica;

    const MINE: ObjectId = ObjectId::new(5, Replica::new(1, 0));
    const THEIRS: ObjectId = ObjectId::new(5, Replica::new(2, 0));

    fn ask(level: Level, object: ObjectId, kind: Kind, field: Field) -> Result<(), Forbidden> {
        let rights = Rights {
            author: Author(1),
            level,
        };
        rights.may_set(object, kind, field, false)
    }

    #[test]
    fn every_level_may_what_it_says() {
        use Forbidden::*;
        assert_eq!(
            ask(Level::View, MINE, Kind::Note, Field::Text),
            Err(ViewOnly)
        );
        assert_eq!(ask(Level::Own, MINE, Kind::Note, Field::Text), Ok(()));
        assert_eq!(
            ask(Level::Own, THEIRS, Kind::Note, Field::Text),
            Err(NotYours)
        );
        assert_eq!(ask(Level::Draw, THEIRS, Kind::Note, Field::Text), Ok(()));
        assert_eq!(
            ask(Level::Draw, THEIRS, Kind::Note, Field::Locked),
            Err(HostOnly)
        );
        assert_eq!(
            ask(Level::Draw, THEIRS, Kind::Page, Field::Alive),
            Err(HostOnly)
        );
        assert_eq!(ask(Level::Draw, MINE, Kind::Page, Field::Alive), Ok(()));
        assert_eq!(
            ask(Level::Draw, MINE, Kind::Page, Field::Cleared),
            Err(HostOnly)
        );
        assert_eq!(ask(Level::Host, THEIRS, Kind::Page, Field::Cleared), Ok(()));
    }

    #[test]
    fn a_lock_stops_others_but_not_its_author_or_a_host() {
        let locked = |level, object| {
            let rights = Rights {
                author: Author(1),
                level,
            };
            rights.may_set(object, Kind::Note, Field::Text, true)
        };
        assert_eq!(locked(Level::Draw, THEIRS), Err(Forbidden::Locked));
        assert_eq!(locked(Level::Draw, MINE), Ok(()));
        assert_eq!(locked(Level::Host, THEIRS), Ok(()));
    }
}

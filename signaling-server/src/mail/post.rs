//! The mailer of the moment: a reload of the configuration may bring another, or none. Letters that wait in the old one still go
//! out by it.

use super::{Letter, MailError, Mailer};
use confab_calendar::Person;
use std::sync::{Arc, RwLock};

/// Who sends letters now.
#[derive(Debug, Default)]
pub(crate) struct Post {
    now: RwLock<Now>,
}

#[derive(Clone, Debug, Default)]
struct Now {
    /// None: this server sends no mail.
    mailer: Option<Mailer>,
    sender: Option<Person>,
}

impl Post {
    /// `sender`: whose address letters come from.
    pub(crate) fn new(mailer: Option<Mailer>, sender: Option<Person>) -> Arc<Post> {
        let post = Post::default();
        post.set(mailer, sender);
        Arc::new(post)
    }

    pub(crate) fn set(&self, mailer: Option<Mailer>, sender: Option<Person>) {
        *self.now.write().expect("no panic while writing") = Now { mailer, sender };
    }

    /// Whether letters go out at all.
    pub(crate) fn goes(&self) -> bool {
        self.now().mailer.is_some()
    }

    /// Who invites where a plan names nobody: the address mail comes from.
    pub(crate) fn sender(&self) -> Option<Person> {
        self.now().sender
    }

    /// Taken by nobody where the server sends no mail.
    pub(crate) fn send(&self, letter: Letter) -> Result<(), MailError> {
        match self.mailer() {
            Some(mailer) => mailer.send(letter),
            None => Ok(()),
        }
    }

    pub(crate) fn mailer(&self) -> Option<Mailer> {
        self.now().mailer
    }

    fn now(&self) -> Now {
        self.now.read().expect("no panic while writing").clone()
    }
}

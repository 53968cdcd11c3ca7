//! Files in the chat: uploaded first, then carried by a message. The bytes are the shell's; here is whose they are and where they
//! belong, and so who may have them.

use crate::StoreCommand;
use crate::chat::{DONE, is_for_all, sees};
use crate::room::{Failure, Moment, Outcome, Room};
use confab_base::ParticipantId;
use confab_protocol::{ChatMessage, Code, Event, FileId, MAX_UPLOADS, SharedFile};

const NO_FILE: Failure = (Code::NotFound, "no such file");

impl Room {
    /// Who left while it was on its way left it to nobody.
    pub(crate) fn on_uploaded(&mut self, who: ParticipantId, file: SharedFile) {
        if !self.seats.contains_key(&who) {
            return self.store(StoreCommand::RemoveFile(file.id));
        }
        // Read from the store meanwhile.
        if self.uploads.iter().any(|(_, f)| f.id == file.id) {
            return;
        }
        self.uploads.push_back((who, file));
        let own = self.uploads.iter().filter(|(from, _)| *from == who);
        if own.count() > MAX_UPLOADS
            && let Some(oldest) = self.uploads.iter().position(|(from, _)| *from == who)
        {
            self.drop_upload(oldest);
        }
    }

    /// All of them, or none.
    pub(crate) fn take_uploads(
        &mut self,
        who: ParticipantId,
        wanted: &[FileId],
    ) -> Result<Vec<SharedFile>, Failure> {
        let own = |file: &FileId| {
            let mut all = self.uploads.iter();
            let found = all.find(|(from, f)| *from == who && f.id == *file);
            found.map(|(_, f)| f.clone()).ok_or(NO_FILE)
        };
        let files = wanted.iter().map(own).collect::<Result<Vec<_>, _>>()?;
        self.uploads.retain(|(_, f)| !wanted.contains(&f.id));
        Ok(files)
    }

    pub(crate) fn forget_uploads(&mut self, who: ParticipantId) {
        while let Some(at) = self.uploads.iter().position(|(from, _)| *from == who) {
            self.drop_upload(at);
        }
    }

    fn drop_upload(&mut self, at: usize) {
        if let Some((_, file)) = self.uploads.remove(at) {
            self.store(StoreCommand::RemoveFile(file.id));
        }
    }

    /// Out of a message, or out of what waits for one. What somebody may not read is not there for it.
    pub(crate) fn remove_file(&mut self, who: ParticipantId, file: &FileId, at: Moment) -> Outcome {
        let mut waiting = self.uploads.iter();
        if let Some(place) = waiting.position(|(from, f)| *from == who && f.id == *file) {
            self.drop_upload(place);
            return DONE;
        }
        let seat = &self.seats[&who];
        let moderates = seat.role.moderates();
        let is_it = |m: &&ChatMessage| m.files.iter().any(|f| f.id == *file) && sees(m, seat);
        let message = self.chat.iter().chain(&self.asides).find(is_it);
        let message = message.ok_or(NO_FILE)?;
        if message.from != who && !moderates {
            return Err((Code::NotAllowed, "only the sender and hosts may do this"));
        }
        let id = message.id;
        let mut messages = self.chat.iter_mut().chain(&mut self.asides);
        let message = messages.find(|m| m.id == id).ok_or(NO_FILE)?;
        let found = message.files.iter_mut().find(|f| f.id == *file);
        let found = found.filter(|f| !f.removed);
        let Some(found) = found else {
            return DONE;
        };
        found.removed = true;
        let message = message.clone();
        self.store(StoreCommand::SaveChat(message.clone()));
        self.store(StoreCommand::RemoveFile(file.clone()));
        if !is_for_all(message.to) {
            self.tell_readers(message);
            return DONE;
        }
        let event = Event::FileRemoved {
            message: id,
            file: file.clone(),
            by: who,
        };
        self.announce(event, at);
        DONE
    }
}

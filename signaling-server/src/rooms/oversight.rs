//! What those who look after the server see of the meetings that run, and do in them.

use super::{Rooms, ToRoom};
use confab_base::AccountId;
use confab_protocol::MeetingId;
use confab_room::{Deed, Overview};
use std::time::Duration;
use tokio::sync::oneshot;

/// A meeting that takes longer to say who is in it is left out this time.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// A meeting that runs.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) id: MeetingId,
    pub(crate) owner: Option<AccountId>,
    pub(crate) overview: Overview,
}

/// What a meeting's task answers: whose it is, and what is to be seen.
pub(super) type Look = oneshot::Sender<(Option<AccountId>, Overview)>;

impl Rooms {
    /// Those with somebody in them or before their door.
    pub(crate) async fn seen(&self) -> Vec<Seen> {
        let ids: Vec<MeetingId> = self.lock().keys().cloned().collect();
        // All are asked before the first answer is waited for.
        let asked: Vec<_> = ids
            .into_iter()
            .filter_map(|id| Some((self.ask(&id)?, id)))
            .collect();
        let mut all = Vec::with_capacity(asked.len());
        for (answer, id) in asked {
            all.extend(taken(id, answer).await);
        }
        all
    }

    /// One of them.
    pub(crate) async fn look(&self, id: &MeetingId) -> Option<Seen> {
        let answer = self.ask(id)?;
        taken(id.clone(), answer).await
    }

    /// Nothing happens where the meeting does not run any more.
    pub(crate) async fn deed(&self, id: &MeetingId, deed: Deed) {
        let inbox = self.lock().get(id).map(|live| live.inbox.clone());
        if let Some(inbox) = inbox {
            let _ = inbox.send(ToRoom::Deed(deed)).await;
        }
    }

    fn ask(&self, id: &MeetingId) -> Option<oneshot::Receiver<(Option<AccountId>, Overview)>> {
        let inbox = self.lock().get(id)?.inbox.clone();
        let (look, answer) = oneshot::channel();
        inbox.try_send(ToRoom::Look(look)).ok()?;
        Some(answer)
    }
}

async fn taken(
    id: MeetingId,
    answer: oneshot::Receiver<(Option<AccountId>, Overview)>,
) -> Option<Seen> {
    let answered = tokio::time::timeout(ANSWER_WITHIN, answer).await;
    let (owner, overview) = answered.ok()?.ok()?;
    let seen = Seen {
        id,
        owner,
        overview,
    };
    (!seen.overview.people.is_empty()).then_some(seen)
}

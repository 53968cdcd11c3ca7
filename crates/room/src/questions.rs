//! Questions to those who lead the meeting: asked, wanted by others, answered or dismissed.

use crate::chat::DONE;
use crate::room::{Failure, Moment, Outcome, Room};
use confab_base::ParticipantId;
use confab_protocol::{Answered, Code, Event, MAX_QUESTIONS, Question};

const NO_QUESTION: Failure = (Code::NotFound, "no such question");

impl Room {
    /// The same `client_id` from the same participant is the same question, however often it is sent.
    pub(crate) fn ask_question(
        &mut self,
        who: ParticipantId,
        text: String,
        client_id: String,
        at: Moment,
    ) -> Outcome {
        let questions = &self.stored.tools.questions;
        let known = |q: &Question| q.from == who && q.client_id == client_id;
        if questions.iter().any(known) {
            return DONE;
        }
        if questions.len() >= MAX_QUESTIONS {
            return Err((Code::TooLarge, "too many questions are open"));
        }
        self.stored.tools.last_question += 1;
        let question = Question {
            id: self.stored.tools.last_question,
            from: who,
            name: self.seats[&who].name.clone(),
            text,
            at: at.wall_ms,
            client_id,
            votes: Vec::new(),
            answer: None,
        };
        self.stored.tools.questions.push(question.clone());
        self.save_meeting();
        self.announce(Event::QuestionChanged { question }, at);
        DONE
    }

    pub(crate) fn vote_question(
        &mut self,
        who: ParticipantId,
        id: u32,
        up: bool,
        at: Moment,
    ) -> Outcome {
        let question = self.question(id)?;
        if question.from == who {
            return Err((Code::BadValue, "it is your own question"));
        }
        match (question.votes.binary_search(&who), up) {
            (Err(place), true) => question.votes.insert(place, who),
            (Ok(place), false) => {
                question.votes.remove(place);
            }
            _ => return DONE,
        }
        self.question_changed(id, at)
    }

    pub(crate) fn answer_question(
        &mut self,
        by: ParticipantId,
        id: u32,
        text: Option<String>,
        at: Moment,
    ) -> Outcome {
        self.question(id)?.answer = Some(Answered { by, text });
        self.question_changed(id, at)
    }

    pub(crate) fn dismiss_question(&mut self, id: u32, at: Moment) -> Outcome {
        self.question(id)?;
        self.stored.tools.questions.retain(|q| q.id != id);
        self.save_meeting();
        self.announce(Event::QuestionDismissed { question: id }, at);
        DONE
    }

    fn question(&mut self, id: u32) -> Result<&mut Question, Failure> {
        let questions = &mut self.stored.tools.questions;
        questions.iter_mut().find(|q| q.id == id).ok_or(NO_QUESTION)
    }

    fn question_changed(&mut self, id: u32, at: Moment) -> Outcome {
        let question = self.question(id)?.clone();
        self.save_meeting();
        self.announce(Event::QuestionChanged { question }, at);
        DONE
    }
}

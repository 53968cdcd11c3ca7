//! The stages of somebody's way into a meeting, from the open WebSocket until their media is connected. The connection, the meeting's
//! task and the media side each know a part of it; they share one [`Join`].

use super::{Context, Span, SpanKind, Traces};
use confab_protocol::Code;
use std::sync::{Arc, Mutex};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Until the connection said hello.
    Hello,
    /// The meeting is looked up, the passcode looked at, the meeting woken if it slept.
    Ticket,
    /// The meeting decides, stores and answers.
    Room,
    /// Until a host lets them in.
    Lobby,
    /// From the offer of a peer connection to its answer.
    Answer,
    /// From there until ICE and DTLS are through.
    Media,
}

impl Stage {
    fn name(self) -> &'static str {
        match self {
            Stage::Hello => "join hello",
            Stage::Ticket => "join ticket",
            Stage::Room => "join room",
            Stage::Lobby => "join lobby",
            Stage::Answer => "join answer",
            Stage::Media => "join media",
        }
    }
}

/// One way in. The last one who holds it ends it. The default is told to nobody.
#[derive(Clone, Debug, Default)]
pub(crate) struct Join(Option<Arc<Mutex<Stages>>>);

#[derive(Debug)]
struct Stages {
    traces: Traces,
    // Before the whole, so that it ends before it.
    now: Option<Span>,
    whole: Span,
}

impl Join {
    /// A connection is open; `cause`: the request that opened it.
    pub(crate) fn begin(traces: &Traces, cause: &Context) -> Join {
        if traces.0.is_none() {
            return Join::default();
        }
        let whole = traces.span_in("join", SpanKind::Internal, cause);
        let join = Join(Some(Arc::new(Mutex::new(Stages {
            traces: traces.clone(),
            now: None,
            whole,
        }))));
        join.enter(Stage::Hello);
        join
    }

    pub(crate) fn is_told(&self) -> bool {
        self.0.is_some()
    }

    /// The stage before is over.
    pub(crate) fn enter(&self, stage: Stage) {
        self.with(|stages| {
            stages.now = None;
            let below = stages.whole.context();
            let span = stages
                .traces
                .span_in(stage.name(), SpanKind::Internal, &below);
            stages.now = Some(span);
        });
    }

    /// The stage is over, and what comes next is not ours to wait for.
    pub(crate) fn leave(&self) {
        self.with(|stages| stages.now = None);
    }

    /// The stage came to nothing, and may be tried again.
    pub(crate) fn stumbled(&self, code: Code) {
        self.with(|stages| {
            if let Some(mut now) = stages.now.take() {
                now.failed(code.as_str());
            }
        });
    }

    /// Not let in; none: the other side was gone before.
    pub(crate) fn refused(&self, code: Option<Code>) {
        let word = code.map_or("gone", Code::as_str);
        self.with(|stages| {
            if let Some(mut now) = stages.now.take() {
                now.failed(word);
            }
            stages.whole.failed(word);
        });
    }

    /// Somebody who came back by a new connection, and whose media may have stayed.
    pub(crate) fn resumed(&self) {
        self.with(|stages| {
            stages.now = None;
            stages.whole.set("confab.join.resumed", true);
        });
    }

    /// The stage's, for what is done in it.
    pub(crate) fn context(&self) -> Context {
        let Some(stages) = &self.0 else {
            return Context::new();
        };
        let stages = stages.lock().expect("no panic in a stage");
        stages.now.as_ref().unwrap_or(&stages.whole).context()
    }

    fn with(&self, change: impl FnOnce(&mut Stages)) {
        if let Some(stages) = &self.0 {
            change(&mut stages.lock().expect("no panic in a stage"));
        }
    }
}

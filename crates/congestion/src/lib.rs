//! What the network can carry and what is sent: a bandwidth estimate from transport-wide feedback, encoder targets from an
//! estimate, what a voice does against loss, repair of video, one quality score per participant, and whether speech broke up for a listener. Pure: reports and the time go in, targets come out.
#![forbid(unsafe_code)]

mod asks;
mod budget;
mod caution;
mod fluency;
mod main_layer;
mod own_loss;
mod pacer;
pub mod quality;
pub mod repair;
mod runs;
mod send_side;
mod voice_ladder;
mod voice_sender;

pub use asks::Asks;
pub use budget::{BudgetConfig, LayerTarget, Report, Rung, SendBudget, Targets};
pub use caution::Caution;
pub use fluency::{FLUENT_PERMILLE, Fluency};
pub use main_layer::{LEAST_OF_MAIN, MainLayer};
pub use own_loss::OwnLoss;
pub use pacer::Pacer;
pub use quality::{Path, score};
pub use runs::{LossRuns, VoiceRuns};
pub use send_side::SendSide;
pub use voice_ladder::{FORWARDER, LISTENERS, SENDER, SENDER_PLAIN, Step, VoiceLadder, VoicePath};
pub use voice_sender::VoiceSender;

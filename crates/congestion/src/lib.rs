//! From what the network can carry to what is sent: encoder targets from the transport's estimate, and one quality score per
//! participant. Pure: reports and the time go in, targets come out.
#![forbid(unsafe_code)]

mod budget;
pub mod quality;

pub use budget::{BudgetConfig, LayerTarget, Report, Rung, SendBudget, Targets};
pub use quality::{Path, score};

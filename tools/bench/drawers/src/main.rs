//! Ten people draw on the whiteboard of a real server over real sockets, and one comes late: `cargo xtask bench board`.
//!
//! Prints one line of JSON: how long strokes take to the others' documents, what taking them costs at the beginning and at
//! the end, how large the document is, how long a late joiner waits for an equal one. With `--kill` the server is killed
//! with SIGKILL in the midst of it. Run by `confab-impair run`, the server is behind the bad network.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod drawer;
mod figures;
#[path = "../../../../crates/board/tests/common/scribble.rs"]
mod scribble;
mod script;
mod server;
mod socket;

use clap::Parser;
use confab_board::{Replica, Vector};
use drawer::{Drawer, Shared};
use figures::{Figures, Late};
use server::Server;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

#[derive(Clone, Debug, Parser)]
struct Options {
    /// The server's program; it gets a folder of its own.
    #[arg(long, required_unless_present = "at")]
    server: Option<PathBuf>,
    /// A server that runs already, as host:port, and the meeting there.
    #[arg(long, requires = "meeting", conflicts_with_all = ["server", "kill"])]
    at: Option<String>,
    #[arg(long)]
    meeting: Option<String>,
    /// Nothing but strokes.
    #[arg(long)]
    strokes: bool,
    #[arg(long, default_value_t = 10)]
    writers: u32,
    /// Of all writers together; every 24th is a stroke. 120,000 are two hours of ten people.
    #[arg(long, default_value_t = 120_000)]
    ops: u32,
    /// Between two ops of one writer, milliseconds; each is a batch of its own from 50 on, or with --batch below.
    #[arg(long, default_value_t = 20)]
    every: u64,
    /// How long a copy gathers, milliseconds; less than the product's 50 where time is compressed.
    #[arg(long, default_value_t = 50)]
    batch: u64,
    /// As people draw: a second of ink in the making, a second of a drag, a second of rest.
    #[arg(long)]
    people: bool,
    /// Nobody opens a second way where the first stumbles.
    #[arg(long)]
    one_way: bool,
    /// Leave Nagle's algorithm on at the writers.
    #[arg(long)]
    nagle: bool,
    /// Kill the server with SIGKILL after so many seconds, and start it again.
    #[arg(long)]
    kill: Option<u64>,
    #[arg(long, default_value_t = 7)]
    seed: u64,
}

#[tokio::main]
async fn main() {
    let options = Options::parse();
    let mut server = match &options.server {
        Some(program) => Some(Server::start(program).await),
        None => None,
    };
    let (address, meeting) = match &server {
        Some(server) => (server.address(), server.meeting().await),
        None => (
            options.at.clone().unwrap_or_default(),
            options.meeting.clone().unwrap_or_default(),
        ),
    };
    let shared = Arc::new(Shared::new(address, meeting, options.clone()));
    let start = Instant::now();
    let mut tasks = Vec::new();
    for number in 0..options.writers {
        let drawer = Drawer::join(Arc::clone(&shared), number).await;
        tasks.push(tokio::spawn(drawer.draw()));
    }
    let kept = match (options.kill, &mut server) {
        (Some(seconds), Some(server)) => {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            Some(kill(server, &shared).await)
        }
        _ => None,
    };
    let mut figures = Figures::default();
    let mut copies = Vec::new();
    for task in tasks {
        let (hash, own) = task.await.expect("a drawer that ends");
        figures.add(own);
        copies.push(hash);
    }
    let seconds = start.elapsed().as_secs_f64();
    let late = late(&shared).await;
    let equal = copies.iter().all(|hash| *hash == late.hash);
    println!("{}", figures.json(&options, seconds, &late, equal, kept));
}

/// Somebody who comes when all is drawn.
async fn late(shared: &Arc<Shared>) -> Late {
    let mut drawer = Drawer::join(Arc::clone(shared), shared.options.writers).await;
    drawer.late().await
}

/// What was acknowledged before the kill, and how much of it was missing afterwards.
async fn kill(server: &mut Server, shared: &Arc<Shared>) -> (u64, u64) {
    shared.held.store(true, Ordering::SeqCst);
    server.kill().await;
    // What had arrived before the end is counted as well.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let acknowledged: BTreeMap<Replica, u64> = shared.acknowledged.lock().expect("whole").clone();
    server.again().await;
    let mut looker = Drawer::join(Arc::clone(shared), shared.options.writers + 1).await;
    let stored: Vector = looker.vector().await;
    shared.held.store(false, Ordering::SeqCst);
    let lost = |(replica, next): (&Replica, &u64)| {
        next.saturating_sub(stored.get(replica).copied().unwrap_or(0))
    };
    let total = acknowledged.values().sum();
    (total, acknowledged.iter().map(lost).sum())
}

//! The adapter: between two network namespaces of Linux. One thread carries the packets; `stats` writes lines; `tun` lives
//! for a moment, to make a device.

mod command;
mod network;
mod relay;
mod system;

use crate::{Lines, Names, Report, RunError, RunOptions};
use command::Guest;
use network::Network;
use relay::Relay;
use rustix::process::{Signal, set_parent_process_death_signal};
use std::num::NonZeroU64;
use system::Signals;

/// A timer's slack is 50 µs otherwise; this is nanoseconds.
const TIMER_SLACK: Option<NonZeroU64> = NonZeroU64::new(1);

/// See [`crate::run`].
pub fn run(mut options: RunOptions) -> Result<u8, RunError> {
    let io = |e: std::io::Error| RunError::IoFailed(e.to_string());
    if options.with_parent {
        set_parent_process_death_signal(Some(Signal::TERM)).map_err(|e| io(e.into()))?;
    }
    // From here on no signal can keep the namespaces from being removed: there is no other thread yet.
    let signals = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGCHLD];
    let signals = Signals::block(&signals).map_err(io)?;
    let mut lines = Lines::start(options.stats).map_err(io)?;
    let process = || Names::of_process(std::process::id());
    let names = options.names.take().unwrap_or_else(process);
    let (network, tuns) = Network::make(&names, options.subnet)?;
    let addresses = network.addresses.clone();
    lines.send(&Report::Ready {
        namespaces: [names.a.clone(), names.b.clone()],
        addresses: addresses.clone(),
        seed: options.scenario.seed,
    });
    let mut relay = Relay::new(&options.scenario, tuns, lines);
    let guest = Guest::start(&options.command, &names, &addresses, &signals)?;
    rustix::thread::set_current_timer_slack(TIMER_SLACK).map_err(|e| io(e.into()))?;
    if options.realtime {
        system::go_realtime().map_err(io)?;
    }
    let result = relay.run(&signals, guest, options.length);
    let dropped = network.kernel_dropped();
    // Before a slow reader of the lines is waited for.
    drop(network);
    relay.finish(dropped);
    result
}

//! Prints the TypeScript form of the protocol: `cargo run -p confab-protocol --example typescript`.

use std::io::Write;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(confab_protocol::typescript().as_bytes())
}

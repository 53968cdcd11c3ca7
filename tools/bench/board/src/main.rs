//! Whiteboard engines that were not taken, on the same script as ours: bytes, sizes, times, what malformed updates do.
//!
//! `cargo run --release -- yrs|loro [ops]` prints one line of JSON; ours: `cargo run -p confab-board --example engine`.
//! One process per engine, so that one's memory and panics are not the other's.

mod harness;
mod loro_engine;
#[path = "../../../../crates/board/tests/common/scribble.rs"]
mod scribble;
mod yrs_engine;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.first().map(String::as_str) {
        Some("yrs") => harness::start::<yrs_engine::Yrs>(&args[1..]),
        Some("loro") => harness::start::<loro_engine::Loro>(&args[1..]),
        _ => eprintln!("yrs|loro [ops], or yrs|loro files DIR"),
    }
}

/// What these engines keep of a stroke as one value: kind, tool, colour, width, box, and the ink in our own encoding
/// (crates/board/src/ink.rs), so that no engine pays for another's.
fn blob(made: &scribble::Scribble) -> Vec<u8> {
    let mut bytes = vec![1, 0, 0, 0, 0, 255, 32];
    bytes.extend(made.place.iter().flat_map(|v| (*v as i16).to_le_bytes()));
    number(&mut bytes, made.points.len() as u32 * 2 + 1);
    let (mut last, mut step) = ((0, 0, 128u8), (0, 0));
    for (i, p) in made.points.iter().enumerate() {
        let now = (p.0 - last.0, p.1 - last.1);
        signed(&mut bytes, now.0 - step.0);
        signed(&mut bytes, now.1 - step.1);
        signed(&mut bytes, i32::from(p.2) - i32::from(last.2));
        step = if i == 0 { (0, 0) } else { now };
        last = *p;
    }
    bytes
}

fn signed(bytes: &mut Vec<u8>, value: i32) {
    number(bytes, ((value << 1) ^ (value >> 31)) as u32);
}

fn number(bytes: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

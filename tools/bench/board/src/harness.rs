//! The script every engine runs, and what is measured of it.

use crate::scribble::{Dice, Scribble, scribble};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

const STROKES: usize = 5000;

pub enum Act {
    Stroke(Scribble),
    Move { object: usize, x: i32, y: i32 },
    Color { object: usize, color: u32 },
    Delete { object: usize },
}

pub trait Engine: Sized {
    const NAME: &'static str;
    fn new(peer: u32) -> Self;
    /// Does it here and gives the update for the others.
    fn act(&mut self, act: &Act) -> Vec<u8>;
    fn apply(&mut self, update: &[u8]) -> Result<(), String>;
    fn save(&self) -> Vec<u8>;
    fn load(bytes: &[u8]) -> Self;
    /// Strokes that are there, deleted ones included where the engine keeps them.
    fn strokes(&self) -> usize;
}

/// `[ops]` measures and prints one line of JSON; `files DIR` writes a document of 5,000 strokes and 120,000 updates for
/// js/bench.mjs.
pub fn start<E: Engine>(args: &[String]) {
    match args {
        [what, folder] if what == "files" => write::<E>(folder),
        _ => run::<E>(args.first().and_then(|n| n.parse().ok()).unwrap_or(120_000)),
    }
}

/// Two hours of ten people: a stroke every 24th op, between them drags (a move every 50 ms), colours, deletions.
fn script(dice: &mut Dice, i: usize, strokes: usize) -> Act {
    if i.is_multiple_of(24) || strokes == 0 {
        return Act::Stroke(scribble(dice));
    }
    let object = dice.below(strokes as u64) as usize;
    match dice.below(40) {
        0 => Act::Delete { object },
        1 => Act::Color {
            object,
            color: dice.next() as u32,
        },
        _ => Act::Move {
            object,
            x: dice.below(30_000) as i32,
            y: dice.below(20_000) as i32,
        },
    }
}

/// The document, and the shortest of seven times it took to read it, ms: what else the machine does only adds.
fn load<E: Engine>(saved: &[u8]) -> (E, f64) {
    let mut best = f64::MAX;
    for _ in 0..6 {
        let start = Instant::now();
        let _ = E::load(saved);
        best = best.min(start.elapsed().as_secs_f64() * 1e3);
    }
    let start = Instant::now();
    let document = E::load(saved);
    (document, best.min(start.elapsed().as_secs_f64() * 1e3))
}

fn median(times: &[u64]) -> u64 {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or(0)
}

fn run<E: Engine>(ops: usize) {
    let mut dice = Dice(7);
    // Strokes alone: sizes and the late joiner.
    let (mut writer, mut server) = (E::new(1), E::new(99));
    let (mut stroke_bytes, mut samples) = (0, Vec::new());
    for i in 0..STROKES {
        let update = writer.act(&Act::Stroke(scribble(&mut dice)));
        stroke_bytes += update.len();
        server.apply(&update).expect("a good update");
        if i < 200 {
            samples.push(update);
        }
    }
    let size = server.save().len();
    let saved = server.save();
    let (joined, load) = load::<E>(&saved);
    assert_eq!(joined.strokes(), STROKES);

    let (two_hours, move_bytes) = long_run::<E>(ops);
    let bad = malformed::<E>(&samples);
    println!(
        "{{\"engine\":\"{}\",\"bytes_per_stroke\":{},\"bytes_per_move\":{move_bytes},\"size_5000_strokes\":{size},\"load_ms\":{:.1},{two_hours},{bad}}}",
        E::NAME,
        stroke_bytes / STROKES,
        load
    );
}

/// Two writers take turns; then the server, which has one document and no writers beside it, applies every op alone.
fn long_run<E: Engine>(ops: usize) -> (String, usize) {
    let mut dice = Dice(11);
    let mut writers = [E::new(1), E::new(2)];
    let (mut strokes, mut moves, mut move_bytes) = (0, 0, 0);
    let mut updates = Vec::with_capacity(ops);
    for i in 0..ops {
        let act = script(&mut dice, i, strokes);
        strokes += usize::from(matches!(act, Act::Stroke(_)));
        let turn = i / 24 % 2;
        let update = writers[turn].act(&act);
        if matches!(act, Act::Move { .. }) {
            moves += 1;
            move_bytes += update.len();
        }
        writers[1 - turn].apply(&update).expect("a good update");
        updates.push(update);
    }
    drop(writers);
    let mut server = E::new(99);
    let times = updates.iter().map(|update| {
        let start = Instant::now();
        server.apply(update).expect("a good update");
        start.elapsed().as_nanos() as u64
    });
    let times: Vec<u64> = times.collect();
    let minute = ops / 120;
    let early = median(&times[minute * 4..minute * 5]);
    let late = median(&times[ops - minute..]);
    let saved = server.save();
    let (loaded, load) = load::<E>(&saved);
    assert_eq!(loaded.strokes(), server.strokes());
    let text = format!(
        "\"ops\":{ops},\"apply_us_minute5\":{:.2},\"apply_us_minute120\":{:.2},\"size_after\":{},\"load_after_ms\":{load:.1}",
        early as f64 / 1e3,
        late as f64 / 1e3,
        saved.len()
    );
    (text, move_bytes / moves.max(1))
}

/// 3,000 updates with one to four bytes changed, put in or cut off, each of the stroke that comes
/// next, to a document of 100 strokes.
fn malformed<E: Engine>(samples: &[Vec<u8>]) -> String {
    std::panic::set_hook(Box::new(|_| ()));
    let mut base = E::new(99);
    samples[..100]
        .iter()
        .for_each(|update| base.apply(update).expect("a good update"));
    let saved = base.save();
    let mut document = E::load(&saved);
    let before = document.save();
    let mut dice = Dice(23);
    let (mut refused, mut taken, mut panics, mut partly) = (0, 0, 0, 0);
    for _ in 0..3000 {
        let bytes = spoil(&samples[100], &mut dice);
        let outcome = catch_unwind(AssertUnwindSafe(|| document.apply(&bytes)));
        let same = catch_unwind(AssertUnwindSafe(|| document.save() == before)).unwrap_or(false);
        match outcome {
            Ok(Ok(())) => taken += 1,
            Ok(Err(_)) => refused += 1,
            Err(_) => panics += 1,
        }
        if !matches!(outcome, Ok(Ok(()))) && !same {
            partly += 1;
        }
        if !same {
            document = E::load(&saved);
        }
    }
    format!(
        "\"malformed\":{{\"refused\":{refused},\"taken\":{taken},\"panics\":{panics},\"refused_but_changed\":{partly}}}"
    )
}

/// Length-prefixed updates (u32, little endian), for the browser's half.
fn write<E: Engine>(folder: &str) {
    let mut dice = Dice(7);
    let mut writer = E::new(1);
    let (mut updates, mut strokes) = (Vec::new(), 0);
    for i in 0..120_000 {
        let act = script(&mut dice, i, strokes);
        strokes += usize::from(matches!(act, Act::Stroke(_)));
        let update = writer.act(&act);
        updates.extend((update.len() as u32).to_le_bytes());
        updates.extend(update);
    }
    let mut dice = Dice(7);
    let mut strokes = E::new(1);
    for _ in 0..STROKES {
        strokes.act(&Act::Stroke(scribble(&mut dice)));
    }
    let path = |what: &str| format!("{folder}/{}.{what}", E::NAME);
    std::fs::write(path("document"), strokes.save()).expect("written");
    std::fs::write(path("updates"), updates).expect("written");
}

/// One to four changes to good bytes.
pub fn spoil(good: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = good.to_vec();
    for _ in 0..=dice.below(4) {
        let at = dice.below(bytes.len() as u64) as usize;
        // Half of them in the first 32 bytes, where the structure is.
        let at = if dice.below(2) == 0 {
            at
        } else {
            at % 32.min(bytes.len())
        };
        match dice.below(8) {
            0 => bytes.truncate(at.max(1)),
            1 => bytes.insert(at, dice.next() as u8),
            2 => drop(bytes.remove(at)),
            3 => bytes[at] = 0xff,
            _ => bytes[at] ^= 1 << dice.below(8),
        }
        if bytes.is_empty() {
            return vec![0];
        }
    }
    bytes
}

//! The voice chain allocates nothing while it works, noise suppressors that come and go included. A test program of its own, since it counts what its thread asks of the allocator.

use confab_dsp::{FRAME, LearnedNoise, NoiseEngine, VoiceChain, VoiceConfig};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

fn count() {
    // A thread that is ending has no counter any more, and nobody asks for it.
    let _ = COUNT.try_with(|c| c.set(c.get() + 1));
}

// SAFETY: every call goes on to the system's allocator unchanged; the counter is a plain number of the own thread that needs no
// allocation itself.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the allocator's rules, and they are the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count();
        // SAFETY: as above; `at` came from `System`.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn run(chain: &mut VoiceChain, frames: usize) {
    for i in 0..frames {
        let mut near = std::array::from_fn(|s| ((i * FRAME + s) as f32 * 0.05).sin() * 0.3);
        chain.process(&mut near, &[0.0; FRAME]);
    }
}

#[test]
fn engines_come_and_go_without_the_allocator() {
    let strong = VoiceConfig {
        learned: true,
        ..VoiceConfig::default()
    };
    let mut chain = VoiceChain::new(VoiceConfig::default());
    let mut next = VoiceChain::new(strong);
    // Weights of zero are good ones.
    next.set_learned(LearnedNoise::new(&vec![0; 4 * 47_665]).ok());
    let before = COUNT.with(Cell::get);
    run(&mut chain, 50);
    assert!(chain.adopt(&mut next));
    run(&mut chain, 300);
    let heard = chain.noise_engine();
    chain.give_up_learned();
    run(&mut chain, 300);
    let after = COUNT.with(Cell::get);
    assert_eq!(heard, NoiseEngine::Strong);
    assert_eq!(chain.noise_engine(), NoiseEngine::Standard);
    assert_eq!(after - before, 0);
}

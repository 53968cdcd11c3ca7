//! The voice chain allocates nothing while it works, noise suppressors that come and go included. A test program of its own, since it counts what its thread asks of the allocator.

use confab_dsp::{FRAME, LearnedNoise, NoiseEngine, VoiceChain, VoiceConfig};

#[path = "../../audio-io/src/no_alloc.rs"]
mod no_alloc;
use no_alloc::allocations;

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
    let before = allocations();
    run(&mut chain, 50);
    assert!(chain.adopt(&mut next));
    run(&mut chain, 300);
    let heard = chain.noise_engine();
    chain.give_up_learned();
    run(&mut chain, 300);
    let after = allocations();
    assert_eq!(heard, NoiseEngine::Strong);
    assert_eq!(chain.noise_engine(), NoiseEngine::Standard);
    assert_eq!(after - before, 0);
}

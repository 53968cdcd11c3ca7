//! `cargo bench -p confab-mask`: what a background costs per picture of a camera, and its parts.

use confab_mask::{MASK_SIZE, PersonMask};
use confab_picture::{Backdrop, Background, I420, Mask, Refiner, Strength, TestPattern};
use divan::{Bencher, black_box};
use std::sync::Arc;

fn main() {
    divan::main();
}

const SIZES: [(usize, usize); 2] = [(640, 360), (1280, 720)];

/// Two pictures: the network looks at one of them.
#[divan::bench(args = SIZES)]
fn two_pictures_blurred(bencher: Bencher, size: (usize, usize)) {
    let strength = Strength::Strong;
    two_pictures(bencher, size, Background::Blur { strength });
}

#[divan::bench(args = SIZES)]
fn two_pictures_replaced(bencher: Bencher, size: (usize, usize)) {
    let behind = Arc::new(TestPattern::new(1920, 1080, 2).frame(0));
    two_pictures(bencher, size, Background::Picture(behind));
}

#[divan::bench(args = SIZES)]
fn two_masks(bencher: Bencher, size: (usize, usize)) {
    let picture = TestPattern::new(size.0, size.1, 1).frame(1);
    let (mut person, mut mask) = (PersonMask::new(), Mask::filled(2, 2, 0));
    bencher.bench_local(|| {
        person.mask(black_box(&picture), &mut mask);
        person.mask(black_box(&picture), &mut mask);
    });
}

#[divan::bench]
fn network_and_one_refinement(bencher: Bencher) {
    let picture = TestPattern::new(256, 144, 1).frame(1);
    let (mut person, mut mask) = (PersonMask::new(), Mask::filled(2, 2, 0));
    bencher.bench_local(|| {
        person.forget();
        person.mask(black_box(&picture), &mut mask);
    });
}

#[divan::bench(args = SIZES)]
fn refine_alone(bencher: Bencher, size: (usize, usize)) {
    let picture = TestPattern::new(size.0, size.1, 1).frame(1);
    let mut refiner = Refiner::new(MASK_SIZE.0, MASK_SIZE.1);
    let mut mask = Mask::filled(size.0, size.1, 0);
    bencher.bench_local(|| refiner.refine(black_box(&picture), &mut mask));
}

#[divan::bench(args = SIZES)]
fn blur_alone(bencher: Bencher, size: (usize, usize)) {
    let picture = TestPattern::new(size.0, size.1, 1).frame(1);
    let mask = Mask::filled(size.0, size.1, 100);
    let strength = Strength::Strong;
    let mut backdrop = Backdrop::new(Background::Blur { strength });
    let mut out = I420::black(size.0, size.1);
    bencher.bench_local(|| backdrop.compose(black_box(&picture), &mask, &mut out));
}

fn two_pictures(bencher: Bencher, size: (usize, usize), background: Background) {
    let picture = TestPattern::new(size.0, size.1, 1).frame(1);
    let (mut person, mut mask) = (PersonMask::new(), Mask::filled(2, 2, 0));
    let mut backdrop = Backdrop::new(background);
    let mut out = I420::black(size.0, size.1);
    bencher.bench_local(|| {
        for _ in 0..2 {
            person.mask(black_box(&picture), &mut mask);
            backdrop.compose(&picture, &mask, &mut out);
        }
    });
}

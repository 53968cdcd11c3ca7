//! `cargo bench -p confab-picture`: what a picture costs on its way to the encoder.

use confab_picture::{I420, ScreenPattern, TestPattern, psnr_y, read_counter};
use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

fn hd() -> I420 {
    TestPattern::new(1280, 720, 1).frame(1)
}

#[divan::bench(args = [(640, 360), (320, 180), (960, 540), (1920, 1080)])]
fn scale_720p_to(bencher: Bencher, size: (usize, usize)) {
    let p = hd();
    bencher.bench_local(|| black_box(&p).scale_to(size.0, size.1));
}

/// What a tile of nine shows.
#[divan::bench]
fn scale_360p_to_426x240(bencher: Bencher) {
    let p = TestPattern::new(640, 360, 1).frame(1);
    bencher.bench_local(|| black_box(&p).scale_to(426, 240));
}

#[divan::bench]
fn from_yuyv_720p(bencher: Bencher) {
    let bytes = vec![100u8; 1280 * 720 * 2];
    bencher.bench_local(|| I420::from_yuyv(1280, 720, black_box(&bytes)));
}

#[divan::bench]
fn from_nv12_720p(bencher: Bencher) {
    let bytes = vec![100u8; 1280 * 720 * 3 / 2];
    bencher.bench_local(|| I420::from_nv12(1280, 720, black_box(&bytes)));
}

#[divan::bench]
fn from_bgra_1080p(bencher: Bencher) {
    let bytes = vec![100u8; 1920 * 1080 * 4];
    bencher.bench_local(|| I420::from_bgra(1920, 1080, black_box(&bytes), 1920 * 4));
}

#[divan::bench]
fn to_rgb_720p(bencher: Bencher) {
    let p = hd();
    bencher.bench_local(|| black_box(&p).to_rgb());
}

#[divan::bench]
fn draw_pattern_720p(bencher: Bencher) {
    let pattern = TestPattern::new(1280, 720, 1);
    bencher.bench_local(|| pattern.frame(black_box(77)));
}

#[divan::bench]
fn draw_screen_720p(bencher: Bencher) {
    let pattern = ScreenPattern::new(1280, 720, 1);
    bencher.bench_local(|| pattern.frame(black_box(77)));
}

#[divan::bench]
fn read_mark_720p(bencher: Bencher) {
    let p = hd();
    bencher.bench_local(|| read_counter(black_box(&p)));
}

#[divan::bench]
fn psnr_720p(bencher: Bencher) {
    let (a, b) = (hd(), TestPattern::new(1280, 720, 1).frame(2));
    bencher.bench_local(|| psnr_y(black_box(&a), &b));
}

//! A video file that somebody gave as a camera.
#![no_main]
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(mut reader) = confab_picture::y4m::Reader::new(std::io::Cursor::new(data)) else { return };
    let _ = reader.header().frames_per_second();
    while let Ok(Some(picture)) = reader.next_picture() {
        let _ = confab_picture::read_counter(&picture);
    }
});

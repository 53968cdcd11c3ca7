//! Screens and windows that can be shared, with a small picture of each.

use super::options::TestDevices;
use super::stats::{ScreenSource, ScreenSourceKind};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use confab_pipeline::{I420, ScreenSpec, screens};

/// Id of the synthetic screen.
const PATTERN: &str = "pattern";

/// The accent of `ui/src/styles/tokens.css`.
const FRAME: u32 = 0x1f_b8a2;
/// Rows and columns of thumbnails at most.
const THUMBNAIL: usize = 320;

/// Whether there is anything to share. Asks no system that might ask its user.
pub(crate) fn possible(tests: Option<&TestDevices>) -> bool {
    tests.is_some_and(|t| t.screen) || (!tests.is_some_and(|t| t.only) && screens::possible())
}

/// What an id means; without one the main screen, or what the system's own dialog gives. May ask the system for all there is.
pub(crate) fn spec(id: Option<&str>, tests: Option<&TestDevices>) -> ScreenSpec {
    let test = tests.is_some_and(|t| t.screen);
    match id {
        Some(PATTERN) | None if test => ScreenSpec::Pattern,
        Some(id) => ScreenSpec::from_id(id),
        None => {
            let all = screens::sources();
            let main = all.iter().find(|s| s.primary).or(all.first());
            ScreenSpec::from_id(main.map_or("", |s| s.id.as_str()))
        }
    }
}

/// What is shared, for people. Asks the system.
pub(crate) fn title(spec: &ScreenSpec) -> Option<String> {
    let (ScreenSpec::Display(id) | ScreenSpec::Window(id)) = spec else {
        return None;
    };
    let source = screens::sources().into_iter().find(|s| s.id == *id)?;
    Some(source.title).filter(|title| !title.is_empty())
}

/// A frame around what is shared, where the desktop draws none itself.
pub(crate) fn frame(spec: &ScreenSpec) -> Option<screens::Border> {
    screens::border(spec, FRAME)
}

/// What others draw on it, over the real thing, where that is ours to do.
pub(crate) fn overlay(spec: &ScreenSpec, ink: &screens::Ink) -> Option<screens::Overlay> {
    screens::overlay(spec, ink)
}

/// Everything that can be shared.
pub(crate) fn list(tests: Option<&TestDevices>) -> Vec<ScreenSource> {
    let mut all = Vec::new();
    if tests.is_some_and(|t| t.screen) {
        all.push(ScreenSource {
            id: PATTERN.to_owned(),
            kind: ScreenSourceKind::Display,
            title: "Test: pattern".to_owned(),
            width: 1280,
            height: 720,
            thumbnail: None,
        });
    }
    if !tests.is_some_and(|t| t.only) {
        all.extend(screens::sources().into_iter().map(source));
    }
    all
}

fn source(source: screens::Source) -> ScreenSource {
    let picture = screens::thumbnail(&source.id, THUMBNAIL);
    ScreenSource {
        kind: match source.kind {
            screens::Kind::Display => ScreenSourceKind::Display,
            screens::Kind::Window => ScreenSourceKind::Window,
        },
        title: source.title,
        width: source.size.0 as u32,
        height: source.size.1 as u32,
        // A source that shows nothing now, a minimised window for instance, has none.
        thumbnail: picture.ok().and_then(|p| data_url(&p)),
        id: source.id,
    }
}

/// The picture as a PNG in a URL.
fn data_url(picture: &I420) -> Option<String> {
    let (width, height) = picture.size();
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(&picture.to_rgb()).ok()?;
    writer.finish().ok()?;
    Some(format!("data:image/png;base64,{}", STANDARD.encode(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_test_screen_is_there_only_when_asked_for() {
        let tests = TestDevices {
            screen: true,
            only: true,
            ..TestDevices::default()
        };
        assert_eq!(spec(None, Some(&tests)), ScreenSpec::Pattern);
        assert_eq!(spec(Some("pattern"), Some(&tests)), ScreenSpec::Pattern);
        assert_ne!(spec(Some("pattern"), None), ScreenSpec::Pattern);
        assert!(possible(Some(&tests)));
        assert_eq!(title(&ScreenSpec::Pattern), None);
        assert_eq!(list(Some(&tests)).len(), 1);
    }

    #[test]
    fn thumbnails_are_pictures_a_page_can_show() {
        let url = data_url(&I420::black(32, 18)).unwrap();
        let text = url.strip_prefix("data:image/png;base64,").unwrap();
        let bytes = STANDARD.decode(text).unwrap();
        let reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info();
        let info = reader.unwrap().info().size();
        assert_eq!(info, (32, 18));
    }
}

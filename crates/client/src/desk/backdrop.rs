//! What is seen behind the person: from the page's words to the pipeline's.

use super::face::{BackgroundEnd, BlurStrength, DeskBackground, DeskEvent, MAX_BACKGROUND};
use super::machine::Machine;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use confab_pipeline::{Background, Strength, jpeg};
use std::sync::Arc;

const JPEG: &str = "data:image/jpeg;base64,";

impl Machine {
    pub(crate) fn set_background(&mut self, wanted: &DeskBackground) {
        let background = read(wanted);
        if background.is_none() {
            let reason = BackgroundEnd::Failed;
            self.tell(DeskEvent::BackgroundOff { reason });
        }
        self.put_behind(background.unwrap_or_default());
    }

    /// The machine has no time for it.
    pub(crate) fn background_gone(&mut self) {
        let reason = BackgroundEnd::TooSlow;
        self.tell(DeskEvent::BackgroundOff { reason });
        self.put_behind(Background::None);
    }

    fn put_behind(&mut self, background: Background) {
        self.background = background;
        if let Some(studio) = &self.studio {
            studio.pipeline().set_background(self.background.clone());
        }
    }
}

/// `None`: a picture that can't be read.
fn read(wanted: &DeskBackground) -> Option<Background> {
    Some(match wanted {
        DeskBackground::None => Background::None,
        DeskBackground::Blur { strength } => Background::Blur {
            strength: match strength {
                BlurStrength::Light => Strength::Light,
                BlurStrength::Strong => Strength::Strong,
            },
        },
        DeskBackground::Picture { url } => {
            let text = url
                .strip_prefix(JPEG)
                .filter(|t| t.len() <= MAX_BACKGROUND)?;
            let bytes = STANDARD.decode(text).ok()?;
            Background::Picture(Arc::new(jpeg(&bytes)?))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 16 x 8 pixels, orange: made by Pillow, at quality 85.
    const ORANGE: &str = "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAUDBAQEAwUEBAQFBQUGBwwIBwcHBw8LCwkMEQ8SEhEPERETFhwXExQaFRERGCEYGh0dHx8fExciJCIeJBweHx7/2wBDAQUFBQcGBw4ICA4eFBEUHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh7/wAARCAAIABADASIAAhEBAxEB/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/8QAHwEAAwEBAQEBAQEBAQAAAAAAAAECAwQFBgcICQoL/8QAtREAAgECBAQDBAcFBAQAAQJ3AAECAxEEBSExBhJBUQdhcRMiMoEIFEKRobHBCSMzUvAVYnLRChYkNOEl8RcYGRomJygpKjU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6goOEhYaHiImKkpOUlZaXmJmaoqOkpaanqKmqsrO0tba3uLm6wsPExcbHyMnK0tPU1dbX2Nna4uPk5ebn6Onq8vP09fb3+Pn6/9oADAMBAAIRAxEAPwDo6KKK/CT9mP/Z";

    fn picture(url: String) -> Option<Background> {
        read(&DeskBackground::Picture { url })
    }

    #[test]
    fn a_picture_is_read() {
        let Some(Background::Picture(orange)) = picture(format!("{JPEG}{ORANGE}")) else {
            panic!("no picture")
        };
        assert_eq!(orange.size(), (16, 8));
        // Rather bright, little blue, much red.
        assert!((110..190).contains(&orange.y()[0]) && orange.u()[0] < 100 && orange.v()[0] > 150);
    }

    #[test]
    fn what_is_no_jpeg_is_no_background() {
        assert!(picture(String::new()).is_none());
        assert!(picture("https://elsewhere.example/a.jpg".into()).is_none());
        assert!(picture(format!("{JPEG}%%%")).is_none());
        assert!(picture(format!("{JPEG}AAAA")).is_none());
        assert!(picture(format!("{JPEG}{}", "A".repeat(MAX_BACKGROUND + 4))).is_none());
        assert!(read(&DeskBackground::None) == Some(Background::None));
    }
}

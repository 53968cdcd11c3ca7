//! H.264 by openh264, through its C interface.

mod decoder;
mod encoder;
mod library;
mod long_term;
mod raw_encoder;
mod slice;
#[cfg(test)]
mod tests;

pub use decoder::Decoder;
pub use encoder::Encoder;
#[cfg(feature = "cisco-binary")]
pub use library::load_cisco_library;
pub use raw_encoder::RawEncoder;

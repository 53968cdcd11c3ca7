//! What is wrong with a script, and where.

use std::fmt;
use std::path::PathBuf;

/// Stable codes of [`ScriptError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The file can't be read.
    Unreadable,
    /// No TOML, an unknown key, or a value of a wrong type.
    BadSyntax,
    /// A value outside its range, or keys that exclude each other.
    BadValue,
    /// A step before the one above it.
    BadOrder,
    UnknownProfile,
    /// A trace that can't be read, or whose times fall.
    BadTrace,
}

impl Fault {
    pub fn as_str(self) -> &'static str {
        match self {
            Fault::Unreadable => "unreadable",
            Fault::BadSyntax => "bad_syntax",
            Fault::BadValue => "bad_value",
            Fault::BadOrder => "bad_order",
            Fault::UnknownProfile => "unknown_profile",
            Fault::BadTrace => "bad_trace",
        }
    }
}

/// Printed as `file:line: code: text`, without the line where the file as a whole is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptError {
    pub file: PathBuf,
    /// From 1.
    pub line: Option<usize>,
    pub fault: Fault,
    pub text: String,
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        write!(f, " {}: {}", self.fault.as_str(), self.text)
    }
}

impl std::error::Error for ScriptError {}

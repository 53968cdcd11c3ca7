//! A finding: what was looked at, how it stands, a stable code, plain words, and what to do.

use serde::Serialize;

/// How a check stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Pass,
    /// Works, but will not for ever or not for everybody; or could not be told from here.
    Warn,
    Fail,
    /// Not judged: it follows from another finding, or is not used.
    Skipped,
}

/// What was looked at, in the order of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    Config,
    Data,
    Disk,
    Database,
    Port,
    Clock,
    Dns,
    Certificate,
    Https,
    Websocket,
    Address,
    Udp,
    Tcp,
}

impl Check {
    pub fn as_str(self) -> &'static str {
        match self {
            Check::Config => "config",
            Check::Data => "data",
            Check::Disk => "disk",
            Check::Database => "database",
            Check::Port => "port",
            Check::Clock => "clock",
            Check::Dns => "dns",
            Check::Certificate => "certificate",
            Check::Https => "https",
            Check::Websocket => "websocket",
            Check::Address => "address",
            Check::Udp => "udp",
            Check::Tcp => "tcp",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub check: Check,
    pub level: Level,
    /// Stable: scripts may match it.
    pub code: &'static str,
    pub said: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub todo: Option<String>,
}

impl Finding {
    pub(crate) fn pass(check: Check, code: &'static str, said: impl Into<String>) -> Finding {
        Finding {
            check,
            level: Level::Pass,
            code,
            said: said.into(),
            todo: None,
        }
    }

    pub(crate) fn skipped(check: Check, code: &'static str, said: impl Into<String>) -> Finding {
        Finding {
            level: Level::Skipped,
            ..Finding::pass(check, code, said)
        }
    }

    pub(crate) fn warn(
        check: Check,
        code: &'static str,
        said: impl Into<String>,
        todo: impl Into<String>,
    ) -> Finding {
        Finding {
            level: Level::Warn,
            todo: Some(todo.into()),
            ..Finding::pass(check, code, said)
        }
    }

    pub(crate) fn fail(
        check: Check,
        code: &'static str,
        said: impl Into<String>,
        todo: impl Into<String>,
    ) -> Finding {
        Finding {
            level: Level::Fail,
            ..Finding::warn(check, code, said, todo)
        }
    }
}

//! `[files]`: what may be shared in a meeting's chat, for how long, and where it lies.

use super::load::{Fault, fault};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::path::PathBuf;
use url::{Host, Url};

/// Bytes of a megabyte as people and disks count.
const MEGABYTE: u64 = 1_000_000;
/// Above it numbers are slips of the finger: a million megabytes.
const MOST_MB: u64 = 1_000_000;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FilesConfig {
    /// Of one file, megabytes; 0: none are taken.
    pub max_mb: u64,
    /// Of a meeting's files together.
    pub meeting_mb: u64,
    /// Of the server's files together.
    pub total_mb: u64,
    /// Of the files one account uploaded together; 0: no bound of its own.
    pub account_mb: u64,
    /// What stays free on the disk: with less no file is taken.
    pub min_free_mb: u64,
    /// Until a file is deleted, 1 to 3650.
    pub keep_days: u32,
    pub s3: S3Config,
}

/// `files.s3`: a bucket for the bytes of files, in place of the data directory. With `bucket`, all but `ca` and `prefix` are needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct S3Config {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    pub region: String,
    /// Before every key.
    pub prefix: String,
    /// `https://host/bucket/key`, and not `https://bucket.host/key`.
    pub path_style: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_key_file: Option<PathBuf>,
    /// PEM of the authority that signed the bucket's certificate. Absent: the public ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
}

impl Default for S3Config {
    fn default() -> S3Config {
        S3Config {
            endpoint: None,
            bucket: None,
            region: "us-east-1".to_owned(),
            prefix: String::new(),
            path_style: true,
            access_key: None,
            secret_key_file: None,
            ca: None,
        }
    }
}

impl S3Config {
    fn check(&self) -> Result<(), Fault> {
        let Some(bucket) = &self.bucket else {
            return match self.endpoint.is_some() || self.access_key.is_some() {
                true => fault("files.s3.bucket", "is needed: without it no bucket is used"),
                false => Ok(()),
            };
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
        if bucket.is_empty() || bucket.len() > 63 || !bucket.chars().all(plain) {
            return fault("files.s3.bucket", "takes the name of a bucket");
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || ".-_/".contains(c);
        if self.prefix.len() > 200 || !self.prefix.chars().all(plain) {
            return fault("files.s3.prefix", "takes letters, digits and ./-_");
        }
        let endpoint = self.endpoint.as_deref().map(Url::parse);
        if !endpoint.is_some_and(|url| url.is_ok_and(|url| may_be_asked(&url))) {
            return fault(
                "files.s3.endpoint",
                "takes https://host; http:// only on this machine, in private networks and for names without dots",
            );
        }
        match (&self.access_key, &self.secret_key_file) {
            (None, _) => fault("files.s3.access_key", "is needed with files.s3.bucket"),
            (_, None) => fault("files.s3.secret_key_file", "is needed with files.s3.bucket"),
            _ => Ok(()),
        }
    }
}

/// Files and signatures go over TLS, unless the way is short.
fn may_be_asked(url: &Url) -> bool {
    let near = match url.host() {
        None => return false,
        Some(Host::Domain(name)) => !name.contains('.'),
        Some(Host::Ipv4(address)) => address.is_loopback() || address.is_private(),
        Some(Host::Ipv6(address)) => {
            IpAddr::from(address).is_loopback() || address.is_unique_local()
        }
    };
    url.username().is_empty() && (url.scheme() == "https" || url.scheme() == "http" && near)
}

impl Default for FilesConfig {
    fn default() -> FilesConfig {
        FilesConfig {
            max_mb: 50,
            meeting_mb: 500,
            total_mb: 10_000,
            account_mb: 2000,
            min_free_mb: 500,
            keep_days: 30,
            s3: S3Config::default(),
        }
    }
}

impl FilesConfig {
    /// Bytes of one file.
    pub(crate) fn max_file(&self) -> u64 {
        self.max_mb * MEGABYTE
    }

    /// Bytes of a meeting's files.
    pub(crate) fn max_meeting(&self) -> u64 {
        self.meeting_mb * MEGABYTE
    }

    /// Bytes of all files.
    pub(crate) fn max_total(&self) -> u64 {
        self.total_mb * MEGABYTE
    }

    /// Bytes of one account's files.
    pub(crate) fn max_account(&self) -> Option<u64> {
        (self.account_mb > 0).then_some(self.account_mb * MEGABYTE)
    }

    /// Bytes of the disk that files leave free.
    pub(crate) fn min_free(&self) -> u64 {
        self.min_free_mb * MEGABYTE
    }

    pub(super) fn check(&self) -> Result<(), Fault> {
        self.s3.check()?;
        for (key, value) in [
            ("files.max_mb", self.max_mb),
            ("files.meeting_mb", self.meeting_mb),
            ("files.total_mb", self.total_mb),
            ("files.account_mb", self.account_mb),
            ("files.min_free_mb", self.min_free_mb),
        ] {
            if value > MOST_MB {
                return fault(key, "takes at most 1000000");
            }
        }
        match self.keep_days {
            1..=3650 => Ok(()),
            _ => fault("files.keep_days", "takes 1 to 3650"),
        }
    }
}

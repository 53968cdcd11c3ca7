//! `confab-server doctor`: what it is told, and how it answers.

use crate::Outcome;
use confab_server::Config;
use confab_server::doctor::{Doctor, is_well, report};
use std::net::IpAddr;
use std::path::PathBuf;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// The configuration file. Without it the defaults apply: a server on this machine only.
    #[arg(long, env = "CONFAB_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Look from this machine at a server elsewhere, by its public URL. Sees what firewalls before it hide from itself.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// An authority of your own for the certificate, PEM.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Take these addresses for the public name, instead of what this machine's resolver says.
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    resolve: Vec<IpAddr>,
    /// Compare the clock with this time server (SNTP). Without it no third party is asked.
    #[arg(long, value_name = "NAME")]
    time_server: Option<String>,
    /// Answer in JSON: a list of findings.
    #[arg(long)]
    json: bool,
}

impl Options {
    pub(crate) async fn run(self) -> Outcome {
        let doctor = Doctor {
            resolve: self.resolve,
            ca: self.ca,
            time_server: self.time_server,
        };
        let findings = match (&self.url, &self.config) {
            (Some(url), _) => doctor.examine_url(url).await,
            (None, None) => doctor.examine(&Config::default()).await,
            (None, Some(file)) => match Config::load(file) {
                Ok(config) => doctor.examine(&config).await,
                Err(error) => Doctor::unusable(error.to_string()),
            },
        };
        match self.json {
            true => println!("{}", serde_json::to_string_pretty(&findings)?),
            false => print!("{}", report(&findings)),
        }
        match is_well(&findings) {
            true => Ok(()),
            false => Err("the set-up is broken".into()),
        }
    }
}

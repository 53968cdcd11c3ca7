//! `confab-server bench`: how many people this machine carries, by synthetic participants who meet in a server of its own, in a
//! process beside, or in one that runs already.

use crate::Outcome;
use clap::value_parser;
use confab_load::machine::{Machine, raise_files};
use confab_load::{Capacity, Door, HEADING, Kind, Scene, Search, Stage, measure};
use confab_protocol::CreateMeeting;
use confab_server::{Config, Offline, make_data_dir};
use serde::Serialize;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

#[derive(clap::Args)]
pub(crate) struct Bench {
    /// Numbers of viewers of one speaker to measure. Without these and `--cameras`: searches for the most of both.
    #[arg(long, value_delimiter = ',', value_name = "N,…", value_parser = value_parser!(u32).range(1..=199))]
    viewers: Vec<u32>,
    /// Numbers of cameras to measure, where everybody sees the others, 25 at most, as in clients.
    #[arg(long, value_delimiter = ',', value_name = "N,…", value_parser = value_parser!(u32).range(2..=200))]
    cameras: Vec<u32>,
    /// How long each number is counted.
    #[arg(long, default_value_t = 5, value_parser = value_parser!(u32).range(1..=600))]
    seconds: u32,
    /// Rate of a camera's largest picture, thousands of bits per second.
    #[arg(long, default_value_t = 1500, value_parser = value_parser!(u32).range(50..=20_000))]
    kbps: u32,
    /// Print one JSON document instead of a table.
    #[arg(long)]
    json: bool,
    /// Measure a server that runs, in this meeting: its link, with the host key where there is a lobby.
    #[arg(long, value_name = "LINK")]
    against: Option<String>,
    /// The process of that server, where it is on this machine: its CPU time is told then.
    #[arg(long, requires = "against", value_name = "PID")]
    server_pid: Option<u32>,
}

#[derive(Serialize)]
struct Row {
    #[serde(flatten)]
    outcome: confab_load::Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    too_many: Option<confab_load::Reason>,
}

#[derive(Serialize)]
struct Report {
    machine: Machine,
    rows: Vec<Row>,
    capacity: Vec<Capacity>,
}

impl Bench {
    pub(crate) async fn run(self) -> Outcome {
        tokio::select! {
            done = self.all() => done,
            _ = tokio::signal::ctrl_c() => Err("interrupted".into()),
        }
    }

    async fn all(&self) -> Outcome {
        // What is started from here may open as many as we.
        raise_files();
        let machine = Machine::look();
        let own = match &self.against {
            Some(_) => None,
            None => Some(OwnServer::start().await?),
        };
        let link = self.against.as_ref().or(own.as_ref().map(|o| &o.link));
        let stage = Stage {
            door: Door::parse(link.ok_or("no server")?)?,
            server: self.server_pid.or(own.as_ref().map(|o| o.child.id())),
            seconds: self.seconds,
        };
        self.say(|| format!("{}\n\n{HEADING}", head(&machine)));
        let (mut rows, mut capacity) = (Vec::new(), Vec::new());
        for (kind, counts) in [
            (Kind::Viewers, &self.viewers),
            (Kind::Cameras, &self.cameras),
        ] {
            for &count in counts {
                rows.push(self.one(&stage, kind, count).await?);
            }
            if self.viewers.is_empty() && self.cameras.is_empty() {
                capacity.push(self.search(&stage, kind, &mut rows).await?);
            }
        }
        self.say(|| {
            let sentences = capacity.iter().map(|c| format!("\n{}", c.sentence()));
            let note = match own {
                Some(_) => FROM_THE_SERVER,
                None => "",
            };
            format!("{}\n{note}", sentences.collect::<String>())
        });
        if self.json {
            let row = |outcome: confab_load::Outcome| Row {
                too_many: outcome.too_many(),
                outcome,
            };
            let report = Report {
                machine,
                rows: rows.into_iter().map(row).collect(),
                capacity,
            };
            println!("{}", serde_json::to_string_pretty(&report)?);
        }
        Ok(())
    }

    fn say(&self, text: impl FnOnce() -> String) {
        if !self.json {
            println!("{}", text());
        }
    }

    async fn one(
        &self,
        stage: &Stage,
        kind: Kind,
        count: u32,
    ) -> Result<confab_load::Outcome, Box<dyn std::error::Error>> {
        let scene = Scene {
            kind,
            count,
            kbps: self.kbps,
        };
        let outcome = measure(stage, scene).await?;
        self.say(|| {
            let why = outcome.too_many().map(|r| format!("  too many: {r}"));
            format!("{}{}", outcome.row(), why.unwrap_or_default())
        });
        Ok(outcome)
    }

    async fn search(
        &self,
        stage: &Stage,
        kind: Kind,
        rows: &mut Vec<confab_load::Outcome>,
    ) -> Result<Capacity, Box<dyn std::error::Error>> {
        let (first, most) = kind.range();
        let mut search = Search::new(first, most);
        while let Some(count) = search.next() {
            let outcome = self.one(stage, kind, count).await?;
            search.note(outcome.verdict());
            rows.push(outcome);
        }
        Ok(Capacity::of(kind, self.kbps, &search, rows))
    }
}

const FROM_THE_SERVER: &str = "\nThe synthetic people ran on the same machine: the CPU they took is taken from the server, which carries more when people are elsewhere.\nCPU is in per cent of one core.";

fn head(machine: &Machine) -> String {
    format!(
        "{} cores, {}, load average {:.2} before the start",
        machine.cores, machine.processor, machine.load
    )
}

/// A server in a process of its own on this machine, with data that go when it goes.
struct OwnServer {
    child: Child,
    dir: PathBuf,
    /// Of the meeting that all come to.
    link: String,
}

impl OwnServer {
    async fn start() -> Result<OwnServer, Box<dyn std::error::Error>> {
        let name = format!("confab-bench-{}", std::process::id());
        let dir = std::env::temp_dir().join(name);
        make_data_dir(&dir)?;
        let config = config(&dir);
        let started = spawn(&config, &dir);
        let mut server = match started {
            Ok(child) => OwnServer {
                child,
                dir,
                link: String::new(),
            },
            Err(error) => {
                let _ = std::fs::remove_dir_all(&dir);
                return Err(error);
            }
        };
        let url = server.address()?;
        let offline = Offline::open(&config).await?;
        let wanted = CreateMeeting {
            title: "Bench".into(),
            ..CreateMeeting::default()
        };
        let made = offline.create_meeting(wanted).await;
        offline.close().await?;
        let made = made.map_err(|code| format!("the meeting was not created: {code}"))?;
        // Its port is one the system picked.
        let rest = made.host_link.split_once("/m/").map_or("", |l| l.1);
        server.link = format!("{url}/m/{rest}");
        Ok(server)
    }

    /// What it says where it is.
    fn address(&mut self) -> Result<String, Box<dyn std::error::Error>> {
        let mut line = String::new();
        if let Some(out) = self.child.stdout.take() {
            BufReader::new(out).read_line(&mut line)?;
        }
        let url = line.split_whitespace().last();
        let url = url.filter(|url| url.starts_with("http://"));
        Ok(url.ok_or("the server did not start")?.to_owned())
    }
}

fn config(dir: &Path) -> Config {
    let mut config = Config::ephemeral(dir.join("data"));
    config.media.workers = Config::default().media.workers;
    config.limits.connections = 100_000;
    config.limits.connections_per_address = 100_000;
    config.log.level = confab_server::config::LogLevel::Warn;
    config
}

fn spawn(config: &Config, dir: &Path) -> Result<Child, Box<dyn std::error::Error>> {
    let file = dir.join("confab.toml");
    std::fs::write(&file, toml::to_string(config)?)?;
    let child = Command::new(std::env::current_exe()?)
        .args(["serve", "--config"])
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    Ok(child)
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        bench: Bench,
    }

    fn parse(options: &[&str]) -> Result<Bench, String> {
        let words = std::iter::once("bench").chain(options.iter().copied());
        let parsed = Line::try_parse_from(words);
        parsed.map(|l| l.bench).map_err(|e| e.to_string())
    }

    #[test]
    fn without_options_it_searches_at_the_rate_of_a_usual_camera() {
        let bench = parse(&[]).unwrap();
        assert!(bench.viewers.is_empty() && bench.cameras.is_empty());
        assert_eq!((bench.seconds, bench.kbps, bench.json), (5, 1500, false));
    }

    #[test]
    fn numbers_are_lists_within_what_a_meeting_takes() {
        let bench = parse(&["--viewers", "3,50", "--cameras", "2", "--json"]).unwrap();
        assert_eq!((bench.viewers, bench.cameras), (vec![3, 50], vec![2]));
        for bad in [
            ["--viewers", "0"],
            ["--viewers", "200"],
            ["--viewers", "3,x"],
            ["--cameras", "1"],
            ["--cameras", "201"],
            ["--seconds", "0"],
            ["--kbps", "49"],
        ] {
            let error = parse(&bad).err().unwrap();
            assert!(error.contains(bad[0]), "{error}");
        }
    }

    #[test]
    fn a_process_is_named_only_with_a_server_that_runs() {
        assert!(parse(&["--server-pid", "7"]).is_err());
        let link = "http://127.0.0.1:8480/m/x";
        let bench = parse(&["--against", link, "--server-pid", "7"]).unwrap();
        assert_eq!(bench.server_pid, Some(7));
    }

    #[test]
    fn the_servers_configuration_is_one_it_takes() {
        let dir = Path::new("/tmp/x");
        let text = toml::to_string(&config(dir)).unwrap();
        let read = Config::parse(&text, Path::new("confab.toml")).unwrap();
        assert_eq!(read, config(dir));
        assert!(read.listen.ip().is_loopback() && read.limits.joins_per_minute > 10_000);
    }
}

//! A PostgreSQL server of the tests' own: made when they begin, gone when they end. It listens on a Unix socket alone.

use crate::shell::Result;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where the server's tests look for it (`Config::ephemeral`): each of them makes databases of its own there.
pub const VARIABLE: &str = "CONFAB_TEST_DATABASE";

pub struct Cluster {
    dir: PathBuf,
    programs: PathBuf,
}

impl Cluster {
    pub fn start() -> Result<Cluster> {
        // Not in the target folder: the path of a socket has 107 bytes at most.
        let dir = std::env::temp_dir().join(format!("confab-pg-{}", std::process::id()));
        std::fs::create_dir_all(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
        let cluster = Cluster {
            dir,
            programs: programs()?,
        };
        let dir = cluster.dir.display().to_string();
        if is_root() {
            quiet(Command::new("chown").args(["postgres", &dir]))?;
        }
        let data = format!("{dir}/data");
        let how = [
            "-D",
            &data,
            "-U",
            "postgres",
            "-A",
            "trust",
            "--no-sync",
            "-E",
            "UTF8",
            "--locale=C",
        ];
        cluster.run("initdb", &how)?;
        // A test run that is cut off by a power cut has nothing to lose.
        let options =
            format!("-k {dir} -h '' -c fsync=off -c max_connections=500 -c shared_buffers=64MB");
        let log = format!("{dir}/log");
        cluster.run(
            "pg_ctl",
            &["-D", &data, "-l", &log, "-o", &options, "-w", "start"],
        )?;
        Ok(cluster)
    }

    /// What [`VARIABLE`] is set to.
    pub fn url(&self) -> String {
        format!("postgres://postgres@localhost/?host={}", self.dir.display())
    }

    /// PostgreSQL's programs refuse to be root.
    fn run(&self, program: &str, args: &[&str]) -> Result {
        let program = self.programs.join(program);
        let mut command = match is_root() {
            true => {
                let mut command = Command::new("setpriv");
                command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]);
                command.arg(&program);
                command
            }
            false => Command::new(&program),
        };
        quiet(command.args(args).current_dir(&self.dir))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let data = self.dir.join("data");
        let stop = [
            "-D",
            &data.to_string_lossy(),
            "-m",
            "immediate",
            "-w",
            "stop",
        ];
        if let Err(error) = self.run("pg_ctl", &stop) {
            eprintln!("{error}");
        }
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn quiet(command: &mut Command) -> Result {
    let said = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .map_err(|e| format!("{command:?}: {e}"))?;
    match said.success() {
        true => Ok(()),
        false => Err(format!("{command:?}: {said}")),
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|id| id.stdout.trim_ascii() == b"0")
}

/// The newest version that is installed; Debian keeps them in folders of their own.
fn programs() -> Result<PathBuf> {
    let versions = Path::new("/usr/lib/postgresql");
    let folders = std::fs::read_dir(versions).into_iter().flatten().flatten();
    let version = |path: &PathBuf| -> u32 {
        let name = path.file_name().and_then(|name| name.to_str());
        name.and_then(|name| name.parse().ok()).unwrap_or(0)
    };
    let newest = folders.map(|f| f.path()).max_by_key(version);
    let newest = newest.map(|path| path.join("bin"));
    newest
        .filter(|bin| bin.join("initdb").is_file())
        .ok_or_else(|| "PostgreSQL is not installed: `cargo xtask setup --tests`".to_owned())
}

//! `confab-server init`: three questions, or flags for all of them; a configuration, the data folder, and what to do next.

use crate::Outcome;
use clap::ValueEnum;
use confab_server::config::{Answers, Certificate, compose};
use confab_server::make_data_dir;
use std::fs::OpenOptions;
use std::io::{BufRead, ErrorKind, Write};
use std::net::UdpSocket;
use std::path::{Path, PathBuf};

const SYSTEM_FOLDER: &str = "/etc/confab";
const SYSTEM_DATA: &str = "/var/lib/confab";

#[derive(clap::Args)]
pub struct Init {
    /// The name people reach the server by, such as meet.example.org.
    #[arg(long)]
    name: Option<String>,
    /// Where the certificate comes from.
    #[arg(long, value_enum)]
    certificate: Option<Source>,
    /// With --certificate pem: the whole chain.
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,
    /// With --certificate pem: its key.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Mail address of whoever looks after the server.
    #[arg(long)]
    email: Option<String>,
    /// The file to write. Without it: /etc/confab/confab.toml where that folder is, else confab.toml here.
    #[arg(long, env = "CONFAB_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where meetings are kept. Without it: /var/lib/confab beside /etc/confab, else confab-data beside the file.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Overwrite the file if there is one.
    #[arg(long)]
    force: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Source {
    /// From an authority by ACME (Let's Encrypt), renewed by the server.
    Acme,
    /// PEM files of yours.
    Pem,
    /// A reverse proxy on this machine has it.
    Proxy,
    /// None: this machine only.
    Local,
}

type Failed = Box<dyn std::error::Error>;

pub fn run(init: Init) -> Outcome {
    let file = std::path::absolute(init.config.clone().unwrap_or_else(default_file))?;
    if file.exists() && !init.force {
        return Err(format!("{} is there already; --force overwrites it", file.display()).into());
    }
    let data_dir = init.data_dir.clone().unwrap_or_else(|| default_data(&file));
    let data_dir = std::path::absolute(data_dir)?;
    let answers = ask(&init, data_dir)?;
    let text = compose(&answers, &file).map_err(|e| e.message)?;
    write(&file, &text, init.force)?;
    make_data_dir(&answers.data_dir)?;
    print!("{}", farewell(&answers, &file));
    Ok(())
}

fn default_file() -> PathBuf {
    match Path::new(SYSTEM_FOLDER).is_dir() {
        true => Path::new(SYSTEM_FOLDER).join("confab.toml"),
        false => "confab.toml".into(),
    }
}

fn default_data(file: &Path) -> PathBuf {
    match file.parent() {
        Some(folder) if folder == Path::new(SYSTEM_FOLDER) => SYSTEM_DATA.into(),
        Some(folder) => folder.join("confab-data"),
        None => "confab-data".into(),
    }
}

fn ask(init: &Init, data_dir: PathBuf) -> Result<Answers, Failed> {
    let local = init.certificate == Some(Source::Local);
    let name = match (&init.name, local) {
        (Some(name), _) => name.trim().to_owned(),
        (None, true) => String::new(),
        (None, false) => question(
            "Name people reach this server by, such as meet.example.org (empty: this machine only):",
            "--name",
        )?,
    };
    let nowhere = name.is_empty() || name == "localhost";
    let source = match init.certificate {
        Some(source) => source,
        None if nowhere => Source::Local,
        None => chosen(&question(
            "Where does the certificate come from?\n  1  from Let's Encrypt, renewed by the server (you agree to its terms)\n  \
             2  PEM files of mine\n  3  a reverse proxy on this machine has it\n  4  none: this machine only\nNumber:",
            "--certificate",
        )?)?,
    };
    let certificate = match source {
        Source::Acme => Certificate::Acme,
        Source::Proxy => Certificate::Proxy,
        Source::Local => Certificate::Local,
        Source::Pem => Certificate::Pem {
            cert: pem(&init.cert, "Certificate chain (PEM file):", "--cert")?,
            key: pem(&init.key, "Its key (PEM file):", "--key")?,
        },
    };
    let email = match (&init.email, source) {
        (Some(email), _) => email.trim().to_owned(),
        (None, Source::Local) => String::new(),
        (None, _) => question("Your mail address, as the owner of this server:", "--email")?,
    };
    Ok(Answers {
        name,
        certificate,
        email: Some(email).filter(|e| !e.is_empty()),
        data_dir,
        ipv6: UdpSocket::bind("[::]:0").is_ok(),
    })
}

fn pem(given: &Option<PathBuf>, text: &str, flag: &str) -> Result<PathBuf, Failed> {
    let file = match given {
        Some(file) => file.clone(),
        None => question(text, flag)?.into(),
    };
    match file.is_file() {
        true => Ok(std::path::absolute(file)?),
        false => Err(format!("{flag}: there is no file {}", file.display()).into()),
    }
}

fn chosen(number: &str) -> Result<Source, Failed> {
    match number {
        "1" | "acme" => Ok(Source::Acme),
        "2" | "pem" => Ok(Source::Pem),
        "3" | "proxy" => Ok(Source::Proxy),
        "4" | "local" => Ok(Source::Local),
        other => Err(format!("a number from 1 to 4, not {other:?}").into()),
    }
}

/// One line of standard input. `flag` answers it without being asked.
fn question(text: &str, flag: &str) -> Result<String, Failed> {
    print!("{text} ");
    std::io::stdout().flush()?;
    let mut line = String::new();
    if std::io::stdin().lock().read_line(&mut line)? == 0 {
        println!();
        return Err(format!("no answer; {flag} gives it without a question").into());
    }
    Ok(line.trim().to_owned())
}

fn write(file: &Path, text: &str, force: bool) -> Outcome {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = OpenOptions::new();
    options.write(true);
    match force {
        true => options.create(true).truncate(true),
        // Not even one that came while the questions were answered.
        false => options.create_new(true),
    };
    let failed = |error: std::io::Error| match error.kind() {
        ErrorKind::AlreadyExists => format!("{} is there already", file.display()),
        _ => format!("{}: {error}", file.display()),
    };
    let mut open = options.open(file).map_err(failed)?;
    Ok(open.write_all(text.as_bytes()).map_err(failed)?)
}

fn farewell(answers: &Answers, file: &Path) -> String {
    let ports = match answers.certificate {
        Certificate::Acme | Certificate::Pem { .. } => {
            "Let TCP 443 and UDP 443 through the firewall.\n"
        }
        Certificate::Proxy => {
            "Let UDP 8480 through the firewall; the proxy passes /ws and /ws/board as WebSockets to 127.0.0.1:8480.\n"
        }
        Certificate::Local => "",
    };
    let email = answers.email.as_deref().unwrap_or("YOU@EXAMPLE.ORG");
    let data = answers.data_dir.display();
    let whose = match is_anothers(&answers.data_dir, file) {
        true => format!(" (as the user who owns {data})"),
        false => String::new(),
    };
    let file = file.display();
    format!(
        "{file} is written, {data} is made.\n{ports}\nNext{whose}:\n  confab-server serve --config {file}\nand beside it, for the \
         owner's account:\n  confab-server account add --email {email} --name NAME --role owner --config {file}\n"
    )
}

/// Whether somebody else owns the folder than whoever just wrote the file: a package made it for the user who serves.
#[cfg(unix)]
fn is_anothers(folder: &Path, file: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let owner = |path: &Path| std::fs::metadata(path).map(|m| m.uid()).ok();
    owner(folder) != owner(file)
}

#[cfg(not(unix))]
fn is_anothers(_: &Path, _: &Path) -> bool {
    false
}

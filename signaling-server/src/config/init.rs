//! A first configuration of a few lines from three answers, checked by the same rules as any other.

use super::{Config, ConfigError};
use std::path::{Path, PathBuf};

/// Where the certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// From an authority, by ACME.
    Acme,
    /// PEM files that somebody else keeps fresh.
    Pem { cert: PathBuf, key: PathBuf },
    /// A reverse proxy on this machine does TLS.
    Proxy,
    /// No TLS: this machine only.
    Local,
}

/// What `confab-server init` has learnt.
#[derive(Clone, Debug)]
pub struct Answers {
    /// The name people reach the server by; not used by [`Certificate::Local`].
    pub name: String,
    pub certificate: Certificate,
    /// Whom the authority writes to.
    pub email: Option<String>,
    pub data_dir: PathBuf,
    /// The machine speaks IPv6.
    pub ipv6: bool,
}

/// The text of the file, ten lines at most.
///
/// # Errors
/// An answer cannot be; `file` is only for the message.
pub fn compose(answers: &Answers, file: &Path) -> Result<String, ConfigError> {
    let everywhere = match answers.ipv6 {
        true => "[::]:443",
        false => "0.0.0.0:443",
    };
    let listen = match answers.certificate {
        Certificate::Acme | Certificate::Pem { .. } => everywhere,
        Certificate::Proxy | Certificate::Local => "127.0.0.1:8480",
    };
    let mut lines = vec![format!("listen = {}", quoted(listen))];
    if answers.certificate != Certificate::Local {
        let url = format!("https://{}", answers.name.trim());
        lines.push(format!("public_url = {}", quoted(&url)));
    }
    lines.push(format!("data_dir = {}", path(&answers.data_dir)));
    match &answers.certificate {
        Certificate::Acme => {
            lines.extend(["".into(), "[tls]".into(), "acme = true".into()]);
            let email = answers
                .email
                .iter()
                .map(|e| format!("acme_email = {}", quoted(e)));
            lines.extend(email);
        }
        Certificate::Pem { cert, key } => lines.extend([
            "".into(),
            "[tls]".into(),
            format!("cert = {}", path(cert)),
            format!("key = {}", path(key)),
        ]),
        Certificate::Proxy => lines.push("behind_proxy = true".into()),
        Certificate::Local => {}
    }
    let text = lines.join("\n") + "\n";
    Config::parse(&text, file)?;
    Ok(text)
}

fn path(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(certificate: Certificate) -> Answers {
        Answers {
            name: "meet.example.org".into(),
            certificate,
            email: Some("ada@example.org".into()),
            data_dir: "/var/lib/confab".into(),
            ipv6: true,
        }
    }

    fn made(answers: &Answers) -> (String, Config) {
        let file = Path::new("confab.toml");
        let text = compose(answers, file).unwrap();
        let config = Config::parse(&text, file).unwrap();
        assert!(text.lines().count() <= 10, "{text}");
        assert_eq!(config.data_dir, answers.data_dir);
        (text, config)
    }

    #[test]
    fn each_way_to_a_certificate_makes_a_short_file_that_holds() {
        let (text, config) = made(&answers(Certificate::Acme));
        assert_eq!(
            text,
            "listen = \"[::]:443\"\npublic_url = \"https://meet.example.org\"\ndata_dir = \"/var/lib/confab\"\n\n\
             [tls]\nacme = true\nacme_email = \"ada@example.org\"\n"
        );
        assert!(config.tls.acme);

        let (cert, key) = (
            PathBuf::from("/etc/a \"b\".pem"),
            PathBuf::from("/etc/k.pem"),
        );
        let (_, config) = made(&answers(Certificate::Pem {
            cert: cert.clone(),
            key,
        }));
        assert_eq!(config.tls.cert, Some(cert));

        let (_, config) = made(&answers(Certificate::Proxy));
        assert!(config.behind_proxy && config.listen.ip().is_loopback());

        let (_, config) = made(&answers(Certificate::Local));
        assert_eq!(config.public_url, None);
        assert!(config.listen.ip().is_loopback() && !config.tls.enabled());
    }

    #[test]
    fn machines_without_ipv6_listen_all_the_same() {
        let without = Answers {
            ipv6: false,
            ..answers(Certificate::Acme)
        };
        assert!(made(&without).1.listen.is_ipv4());
    }

    #[test]
    fn answers_that_cannot_be_are_refused() {
        for name in ["", "two words", "meet.example.org/path", "192.0.2.7"] {
            let bad = Answers {
                name: name.into(),
                ..answers(Certificate::Acme)
            };
            assert!(compose(&bad, Path::new("confab.toml")).is_err(), "{name:?}");
        }
        let bad = Answers {
            email: Some("ada".into()),
            ..answers(Certificate::Acme)
        };
        let error = compose(&bad, Path::new("confab.toml")).unwrap_err();
        assert!(error.to_string().contains("tls.acme_email"), "{error}");
    }
}

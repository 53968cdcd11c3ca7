//! `confab-server token`: tokens of programs by the command line.

use crate::cli_meeting::close;
use crate::{ConfigFile, Outcome};
use clap::Subcommand;
use confab_protocol::{NewApiToken, TokenScope};
use confab_server::Offline;

#[derive(Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token and print it once.
    New {
        /// Mail address of the account it stands for. Without it: the server itself, with the rights of an admin.
        #[arg(long, value_name = "EMAIL")]
        account: Option<String>,
        /// What it is for; may be given several times: meetings:read, meetings:write, admin:read, admin:write, webhooks.
        #[arg(long = "scope", required = true, value_parser = scope)]
        scopes: Vec<TokenScope>,
        /// What it is called in lists.
        #[arg(long, default_value = "command line")]
        name: String,
        /// Days until it expires, 1 to 3650. Without it: never.
        #[arg(long)]
        days: Option<u16>,
        #[command(flatten)]
        config: ConfigFile,
    },
    /// List all tokens.
    List {
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Make a token worthless, by the id that `list` shows.
    Revoke {
        id: String,
        #[command(flatten)]
        config: ConfigFile,
    },
}

fn scope(text: &str) -> Result<TokenScope, String> {
    let all: Vec<&str> = TokenScope::ALL.iter().map(|s| s.as_str()).collect();
    TokenScope::parse(text).ok_or_else(|| format!("one of {}", all.join(", ")))
}

pub(crate) async fn run(command: TokenCommand) -> Outcome {
    match command {
        TokenCommand::New {
            account,
            scopes,
            name,
            days,
            config,
        } => {
            let offline = Offline::open(&config.load()?).await?;
            let wish = NewApiToken { name, scopes, days };
            println!("{}", offline.new_token(account.as_deref(), wish).await?);
            close(offline).await
        }
        TokenCommand::List { config } => list(&config).await,
        TokenCommand::Revoke { id, config } => {
            let offline = Offline::open(&config.load()?).await?;
            offline.revoke_token(&id).await?;
            close(offline).await
        }
    }
}

async fn list(config: &ConfigFile) -> Outcome {
    let offline = Offline::open(&config.load()?).await?;
    for token in offline.tokens().await? {
        let owner = token.owner.as_deref().unwrap_or("(server)");
        let used = if token.used { "used" } else { "unused" };
        println!(
            "{}  {owner}  {}  {used}  {}",
            token.id, token.scopes, token.name
        );
    }
    close(offline).await
}

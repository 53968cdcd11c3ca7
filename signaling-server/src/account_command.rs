//! `confab-server account`: the command line's part of it.

use crate::cli_meeting::close;
use crate::{ConfigFile, Outcome};
use clap::{Subcommand, ValueEnum};
use confab_protocol::AccountRole;
use confab_server::Offline;
use std::io::Read;

#[derive(Subcommand)]
pub(crate) enum AccountCommand {
    /// Make an account and print the link that sets its password, good for a week.
    Add {
        #[arg(long)]
        email: String,
        #[arg(long)]
        name: String,
        #[arg(long, value_enum, default_value_t = Role::Member)]
        role: Role,
        /// Read the password from standard input instead; no link is printed.
        #[arg(long)]
        password_stdin: bool,
        #[command(flatten)]
        config: ConfigFile,
    },
    /// List all accounts.
    List {
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Print a link that sets a new password, good for an hour.
    Link {
        #[arg(long)]
        email: String,
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Sign an account out everywhere and let it in no more.
    Disable {
        #[arg(long)]
        email: String,
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Let a disabled account in again.
    Enable {
        #[arg(long)]
        email: String,
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Say what an account may do.
    Role {
        #[arg(long)]
        email: String,
        #[arg(long, value_enum)]
        role: Role,
        #[command(flatten)]
        config: ConfigFile,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Role {
    Owner,
    Admin,
    Member,
}

impl From<Role> for AccountRole {
    fn from(role: Role) -> AccountRole {
        match role {
            Role::Owner => AccountRole::Owner,
            Role::Admin => AccountRole::Admin,
            Role::Member => AccountRole::Member,
        }
    }
}

pub(crate) async fn run(command: AccountCommand) -> Outcome {
    match command {
        AccountCommand::Add {
            email,
            name,
            role,
            password_stdin,
            config,
        } => {
            let password = password_stdin.then(read_password).transpose()?;
            let offline = Offline::open(&config.load()?).await?;
            let link = offline
                .add_account(&email, &name, role.into(), password)
                .await?;
            match link {
                Some(link) => println!("link to set the password, good for a week:\n{link}"),
                None => println!("ok"),
            }
            close(offline).await
        }
        AccountCommand::List { config } => list(&config).await,
        AccountCommand::Link { email, config } => {
            let offline = Offline::open(&config.load()?).await?;
            println!("{}", offline.reset_account(&email).await?);
            close(offline).await
        }
        AccountCommand::Disable { email, config } => disable(&email, true, &config).await,
        AccountCommand::Enable { email, config } => disable(&email, false, &config).await,
        AccountCommand::Role {
            email,
            role,
            config,
        } => {
            let offline = Offline::open(&config.load()?).await?;
            offline.set_account_role(&email, role.into()).await?;
            close(offline).await
        }
    }
}

/// All of standard input, without the line's end.
fn read_password() -> std::io::Result<String> {
    let mut text = String::new();
    std::io::stdin().take(4096).read_to_string(&mut text)?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

async fn disable(email: &str, disabled: bool, config: &ConfigFile) -> Outcome {
    let offline = Offline::open(&config.load()?).await?;
    offline.disable_account(email, disabled).await?;
    close(offline).await
}

async fn list(config: &ConfigFile) -> Outcome {
    let offline = Offline::open(&config.load()?).await?;
    for account in offline.accounts().await? {
        let role = match account.role {
            AccountRole::Owner => "owner",
            AccountRole::Admin => "admin",
            AccountRole::Member => "member",
        };
        let state = match (account.disabled, account.has_password) {
            (true, _) => "disabled",
            (false, false) => "invited",
            (false, true) => "active",
        };
        println!("{}  {role}  {state}  {}", account.email, account.name);
    }
    close(offline).await
}

//! `confab-server migrate-db`.

use crate::{ConfigFile, Outcome};
use confab_server::move_database;

#[derive(clap::Args)]
pub(crate) struct MigrateDb {
    /// Where to: postgres://user:password@host/database, or sqlite:FILE. It has to be empty.
    #[arg(long, value_name = "DATABASE")]
    to: String,
    #[command(flatten)]
    config: ConfigFile,
}

impl MigrateDb {
    pub(crate) async fn run(self) -> Outcome {
        let config = self.config.load()?;
        let moved = move_database(&config, &self.to).await?;
        for table in &moved {
            println!("{:<16} {:>9} rows  {}", table.table, table.rows, table.hash);
        }
        println!(
            "All tables are there, with the same counts and hashes. The old database is as it was."
        );
        match self.to.strip_prefix("sqlite:") {
            Some(file) => println!(
                "Now take the line database = … out of the configuration; confab.sqlite in data_dir has to be {file}."
            ),
            None => println!(
                "Now put that address into the line database = \"…\" of the configuration, and start the server."
            ),
        }
        Ok(())
    }
}

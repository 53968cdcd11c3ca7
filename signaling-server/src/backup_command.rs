//! `confab-server backup` and `restore`.

use crate::{ConfigFile, Outcome};
use confab_server::backup::{Outside, backup, restore};
use std::path::PathBuf;

#[derive(clap::Args)]
pub(crate) struct Backup {
    /// The file to write, a tar archive; it must not be there yet. It holds all secrets of the server.
    file: PathBuf,
    #[command(flatten)]
    config: ConfigFile,
}

#[derive(clap::Args)]
pub(crate) struct Restore {
    /// What `backup` wrote.
    file: PathBuf,
    /// Where to, in place of the configuration's `data_dir`; absent or empty.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigFile,
}

impl Backup {
    pub(crate) async fn run(self) -> Outcome {
        let config = self.config.load()?;
        let made = backup(&config, self.config.config.as_deref(), &self.file).await?;
        let file = self.file.display();
        println!("{file}: {} bytes, {} shared files", made.size, made.files);
        for id in &made.gone {
            println!("deleted meanwhile: shared file {id}");
        }
        for id in &made.changed {
            println!("not what was uploaded, kept as it is: shared file {id}");
        }
        say_outside(&made.outside);
        println!("The backup holds all secrets of the server: keep it as safe as the server.");
        Ok(())
    }
}

impl Restore {
    pub(crate) async fn run(self) -> Outcome {
        let mut config = self.config.load()?;
        if let Some(dir) = self.data_dir {
            config.data_dir = dir;
        }
        let restored = restore(&config, &self.file).await?;
        let dir = config.data_dir.display();
        println!(
            "{dir}: restored, with {} shared files; made by confab-server {}",
            restored.files, restored.program
        );
        if restored.migrated {
            println!("The database was an older one and has been brought up to date.");
        }
        say_outside(&restored.outside);
        Ok(())
    }
}

fn say_outside(outside: &[Outside]) {
    for file in outside {
        println!("not in the backup: {} ({})", file.path.display(), file.key);
    }
}

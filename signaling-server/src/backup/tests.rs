use super::*;
use crate::store::{Database, FileRecord, FileWrite, Store};
use confab_protocol::{CreateMeeting, ParticipantId};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

fn config(dir: &Path) -> Config {
    Config::ephemeral(dir)
}

/// A data directory with a meeting, a shared file, keys, and what belongs to a running server.
async fn filled(dir: &Path) -> (Database, FileId) {
    let store = Database::in_folder(dir).await.unwrap();
    let (meeting, _) = crate::rooms::new_meeting(CreateMeeting::default()).unwrap();
    let id = meeting.id.clone();
    store.create(meeting).await.unwrap();
    let file = FileId::from_random(7);
    let bytes = vec![42; 70_000];
    std::fs::create_dir(dir.join("files")).unwrap();
    std::fs::write(dir.join("files").join(file.as_str()), &bytes).unwrap();
    let record = FileRecord {
        id: file.clone(),
        meeting: id,
        from: ParticipantId(1),
        account: None,
        name: "plan.pdf".into(),
        size: bytes.len() as u64,
        sha256: Sha256::digest(&bytes).into(),
        created_at: 1_700_000_000_000,
    };
    let save = FileWrite::Save(Box::new(record));
    store.write_file(save).await.unwrap();
    std::fs::write(dir.join("calendar.key"), [7; 32]).unwrap();
    std::fs::create_dir_all(dir.join("acme/live")).unwrap();
    std::fs::write(dir.join("acme/live/cert.pem"), "PEM").unwrap();
    std::fs::write(dir.join("empty"), "").unwrap();
    (store, file)
}

/// All files below `dir` with their SHA-256.
fn sums(dir: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    let sum: [u8; 32] = Sha256::digest(std::fs::read(&path).unwrap()).into();
                    let name = path.strip_prefix(dir).unwrap().to_owned();
                    found.insert(name, crate::secrets::Digest(sum).to_hex());
                }
            }
        }
    }
    found
}

fn code(error: &BackupError) -> String {
    error.to_string().split_once(':').unwrap().0.to_owned()
}

#[tokio::test]
async fn what_was_restored_is_what_was_there_hash_for_hash() {
    let dir = tempfile::tempdir().unwrap();
    let (old, new) = (dir.path().join("old"), dir.path().join("new"));
    std::fs::create_dir(&old).unwrap();
    let (store, file) = filled(&old).await;
    let archive = dir.path().join("backup.tar");
    let made = backup(&config(&old), Some(Path::new("/etc/c.toml")), &archive).await;
    let made = made.unwrap();
    assert_eq!((made.files, made.gone.len(), made.changed.len()), (1, 0, 0));
    assert_eq!(made.outside.len(), 1, "{:?}", made.outside);
    let restored = restore(&config(&new), &archive).await.unwrap();
    assert_eq!((restored.files, restored.migrated), (1, false));
    let (before, after) = (sums(&old), sums(&new));
    for name in ["calendar.key", "acme/live/cert.pem", "empty"] {
        assert_eq!(before[Path::new(name)], after[Path::new(name)], "{name}");
    }
    let name = PathBuf::from(format!("files/{file}"));
    assert_eq!(before[&name], after[&name]);
    assert!(!new.join("confab.lock").exists() && !new.join("confab.sqlite-wal").exists());
    // The manifest says which database that is.
    let manifest = std::process::Command::new("tar")
        .args(["-xOf"])
        .arg(&archive)
        .arg(MANIFEST)
        .output()
        .unwrap();
    let manifest: Manifest = serde_json::from_slice(&manifest.stdout).unwrap();
    let in_postgres = config(&new).database.is_some();
    for member in &manifest.members {
        if in_postgres && member.name == DATABASE {
            continue;
        }
        let place = member.name.strip_prefix(REST).unwrap_or(&member.name);
        assert_eq!(after[Path::new(place)], member.sha256, "{place}");
    }
    let kept = manifest.members.len() - usize::from(in_postgres);
    assert_eq!(kept, after.len());
    let again = Database::in_folder(&new).await.unwrap();
    assert_eq!(again.list(9).await.unwrap().len(), 1);
    drop(store);

    let full = restore(&config(&new), &archive).await.unwrap_err();
    assert_eq!(code(&full), "not_empty");
    let there = backup(&config(&old), None, &archive).await.unwrap_err();
    assert_eq!(code(&there), "backup_exists");
    let none = backup(&config(dir.path()), None, &dir.path().join("x")).await;
    let none = code(&none.unwrap_err());
    assert!(
        ["no_database", "database_unreachable"].contains(&none.as_str()),
        "{none}"
    );
}

#[tokio::test]
async fn a_spoilt_backup_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let old = dir.path().join("old");
    std::fs::create_dir(&old).unwrap();
    filled(&old).await;
    let archive = dir.path().join("backup.tar");
    backup(&config(&old), None, &archive).await.unwrap();
    let good = std::fs::read(&archive).unwrap();
    let (spoilt, new) = (dir.path().join("spoilt.tar"), dir.path().join("new"));
    // In the shared file, in its header, in the manifest, cut off, and no archive at all.
    let mut all = vec![
        good[..good.len() / 2].to_vec(),
        b"hello".to_vec(),
        Vec::new(),
    ];
    let sum = good.windows(8).rposition(|w| w == b"\"sha256\"").unwrap() + 15;
    for at in [600, 3, 30_000, sum] {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        all.push(bytes);
    }
    for (n, bytes) in all.into_iter().enumerate() {
        std::fs::write(&spoilt, bytes).unwrap();
        let refused = restore(&config(&new), &spoilt).await.unwrap_err();
        assert_eq!(code(&refused), "backup_damaged", "{n}: {refused}");
        assert!(!new.exists(), "{n}");
    }
}

#[tokio::test]
async fn a_file_that_went_meanwhile_is_left_out_and_a_changed_one_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let old = dir.path().join("old");
    std::fs::create_dir(&old).unwrap();
    let (_store, file) = filled(&old).await;
    let path = old.join("files").join(file.as_str());
    std::fs::write(&path, vec![43; 70_000]).unwrap();
    let made = backup(&config(&old), None, &dir.path().join("a.tar")).await;
    assert_eq!(made.unwrap().changed, [file.to_string()]);
    std::fs::remove_file(&path).unwrap();
    let archive = dir.path().join("b.tar");
    let made = backup(&config(&old), None, &archive).await.unwrap();
    assert_eq!((made.files, made.gone), (0, vec![file.to_string()]));
    let new = dir.path().join("new");
    restore(&config(&new), &archive).await.unwrap();
    let store = Database::in_folder(&new).await.unwrap();
    assert!(store.file_ids().await.unwrap().is_empty());
}

/// The archive with another manifest.
async fn rewritten(good: &Path, to: &Path, change: impl FnOnce(&mut Manifest)) {
    let mut archive = tar::Archive::new(std::fs::File::open(good).unwrap());
    let mut new = archive::Archive::create(to, 0).await.unwrap();
    let mut manifest: Option<Manifest> = None;
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut bytes).unwrap();
        match name == MANIFEST {
            true => manifest = Some(serde_json::from_slice(&bytes).unwrap()),
            false => {
                let size = bytes.len() as u64;
                let pieces = futures_util::stream::iter([Ok(bytes::Bytes::from(bytes))]);
                new.append(&name, size, pieces).await.unwrap();
            }
        }
    }
    let mut manifest = manifest.unwrap();
    change(&mut manifest);
    new.finish(manifest).await.unwrap();
}

#[tokio::test]
async fn a_backup_of_a_newer_program_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let old = dir.path().join("old");
    std::fs::create_dir(&old).unwrap();
    filled(&old).await;
    let archive = dir.path().join("backup.tar");
    backup(&config(&old), None, &archive).await.unwrap();
    let newer = dir.path().join("newer.tar");
    rewritten(&archive, &newer, |m| m.schema += 1).await;
    let new = dir.path().join("new");
    let refused = restore(&config(&new), &newer).await.unwrap_err();
    assert_eq!(code(&refused), "database_too_new");
    assert!(!new.exists());
    let other = dir.path().join("other.tar");
    rewritten(&archive, &other, |m| m.format = 2).await;
    let refused = restore(&config(&new), &other).await.unwrap_err();
    assert_eq!(code(&refused), "backup_format");
    assert!(!new.exists());
}

#[test]
fn no_member_gets_out_of_the_data_directory() {
    for bad in [
        "/etc/passwd",
        "data//etc/passwd",
        "data/../x",
        "data/a/../../x",
        "data/",
        "data/confab.lock",
        "data/files/x",
        "data/.restoring/x",
        "files/../x",
        "files/x",
        "confab.sqlite-wal",
        "x",
        "",
    ] {
        assert!(Kind::of(bad).is_none(), "{bad}");
    }
    assert!(matches!(Kind::of("data/a/b"), Some(Kind::Rest(path)) if path == Path::new("a/b")));
}

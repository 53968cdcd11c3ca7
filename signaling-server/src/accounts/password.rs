//! Passwords: which are good enough, and argon2id with the parameters OWASP recommends (19 MiB, two rounds, one lane; its
//! Password Storage Cheat Sheet). Hashing takes memory and tens of milliseconds of a core, so few run at a time and few may wait.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use confab_protocol::Code;
use std::sync::{Arc, LazyLock};
use tokio::sync::Semaphore;

/// Characters of a password.
pub(crate) const SHORTEST: usize = 10;
pub(crate) const LONGEST: usize = 256;
/// Hashes at a time: more would not be faster, but take 19 MiB each.
const AT_ONCE: usize = 4;
/// And waiting for their turn; who comes then is told to come later.
const WAITING: usize = 64;

fn argon2() -> Argon2<'static> {
    let params = Params::new(19 * 1024, 2, 1, None).expect("OWASP's parameters are in range");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// What is compared where there is no account, so that this takes the same time.
static NOBODY: LazyLock<String> = LazyLock::new(|| {
    let secret = crate::secrets::fresh_secret();
    hash(&secret).expect("argon2 with a salt of its own")
});

fn hash(password: &str) -> Option<String> {
    let salt: [u8; 16] = rand::random();
    let hash = argon2().hash_password_with_salt(password.as_bytes(), &salt);
    hash.ok().map(|hash| hash.to_string())
}

fn verify(password: &str, phc: &str) -> bool {
    // The parameters are those of the hash: older ones go on working when ours change.
    PasswordHash::new(phc)
        .is_ok_and(|hash| argon2().verify_password(password.as_bytes(), &hash).is_ok())
}

/// Hashes on threads where blocking is allowed, few at a time.
#[derive(Clone, Debug)]
pub(crate) struct Hasher {
    running: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

impl Hasher {
    pub(crate) fn new() -> Hasher {
        let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
        Hasher {
            running: Arc::new(Semaphore::new(cores.min(AT_ONCE))),
            places: Arc::new(Semaphore::new(WAITING)),
        }
    }

    /// The PHC form of a new password.
    pub(crate) async fn hash(&self, password: String) -> Result<String, Code> {
        self.run(move || hash(&password))
            .await?
            .ok_or(Code::Internal)
    }

    /// Whether the password is the one. `None`: there is none; that takes as long and is false.
    pub(crate) async fn verify(&self, password: String, phc: Option<String>) -> Result<bool, Code> {
        self.run(move || {
            // Made by whoever comes first, so that it is no sign of there being no account.
            let nobody = NOBODY.as_str();
            let right = verify(&password, phc.as_deref().unwrap_or(nobody));
            right && phc.is_some()
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Code> {
        let places = Arc::clone(&self.places);
        let place = places.try_acquire_owned().map_err(|_| Code::Overloaded)?;
        let running = Arc::clone(&self.running);
        let turn = running.acquire_owned().await.map_err(|_| Code::Internal)?;
        tokio::task::spawn_blocking(move || {
            // Held until the work is done, also where nobody waits for it any more.
            let _held = (place, turn);
            work()
        })
        .await
        .map_err(|_| Code::Internal)
    }
}

/// Whether a new password is good enough: long enough, and not made of the person's own words, one letter or a row of the
/// keyboard. Length counts most (NIST SP 800-63B); there are no rules about kinds of letters.
pub(crate) fn is_good(password: &str, email: &str, name: &str) -> bool {
    let length = password.chars().count();
    if !(SHORTEST..=LONGEST).contains(&length) {
        return false;
    }
    let mut rest = password.to_lowercase();
    let local = email.split('@').next().unwrap_or_default();
    let domain = email.split('@').nth(1).unwrap_or_default();
    let domain = domain.split('.').next().unwrap_or_default();
    let own = [email, local, domain].into_iter().chain(name.split(' '));
    for word in own.chain(COMMON.iter().copied()) {
        let word = word.to_lowercase();
        if word.chars().count() >= 3 {
            rest = rest.replace(&word, "");
        }
    }
    let mut letters: Vec<char> = rest.chars().collect();
    letters.sort_unstable();
    letters.dedup();
    // What is left has to be something by itself.
    rest.chars().count() >= 5 && letters.len() >= 4
}

/// Parts of the passwords that are tried first.
const COMMON: &[&str] = &[
    "password",
    "passwort",
    "passw0rd",
    "confab",
    "meeting",
    "welcome",
    "letmein",
    "qwertyuiop",
    "qwerty",
    "qwertz",
    "asdfghjkl",
    "asdfgh",
    "zxcvbnm",
    "1234567890",
    "0123456789",
    "987654321",
    "123456789",
    "12345678",
    "1234567",
    "123456",
    "12345",
    "1234",
    "123123",
    "111111",
    "000000",
    "abc123",
    "abcdefghij",
    "abcdef",
    "iloveyou",
    "admin",
    "administrator",
    "secret",
    "changeme",
    "monkey",
    "dragon",
    "football",
    "baseball",
    "sunshine",
    "princess",
    "summer",
    "winter",
    "2024",
    "2025",
    "2026",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_argon2id_with_owasps_parameters_and_a_salt_of_their_own() {
        let one = hash("correct horse battery").unwrap();
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        assert_ne!(one, hash("correct horse battery").unwrap());
        assert!(verify("correct horse battery", &one));
        assert!(!verify("correct horse batterie", &one));
        assert!(!verify("anything", "no hash at all"));
    }

    #[tokio::test]
    async fn nobodys_password_is_never_right() {
        let hasher = Hasher::new();
        let right = hasher.verify("correct horse battery".into(), None).await;
        assert_eq!(right, Ok(false));
        let phc = hasher.hash("correct horse battery".into()).await.unwrap();
        let right = hasher.verify("correct horse battery".into(), Some(phc));
        assert_eq!(right.await, Ok(true));
    }

    #[tokio::test]
    async fn a_crowd_is_told_to_come_later() {
        let hasher = Hasher::new();
        let _all = hasher.places.acquire_many(WAITING as u32).await.unwrap();
        assert_eq!(hasher.hash("x".into()).await, Err(Code::Overloaded));
    }

    #[test]
    fn short_and_easy_passwords_are_refused() {
        let good = |password: &str| is_good(password, "ada.l@example.org", "Ada Lovelace");
        for bad in [
            "",
            "short1!",
            "aaaaaaaaaaaa",
            "password1234",
            "Lovelace1234",
            "ada.l@example.org",
            "qwertyuiop1",
            "abababababab",
            &"x".repeat(257),
        ] {
            assert!(!good(bad), "{bad}");
        }
        for fine in [
            "correct horse battery",
            "爱因斯坦在图书馆里喝茶",
            "kV9-mmq2-tr",
            "Passwords are wrong",
        ] {
            assert!(good(fine), "{fine}");
        }
    }
}

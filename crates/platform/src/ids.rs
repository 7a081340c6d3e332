//! Ids and randomness, handed in.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rand::rngs::{OsRng, StdRng};
use rand::{RngCore, SeedableRng, TryRngCore};
use uuid::Uuid;

/// The longest token, in bytes of randomness.
const TOKEN_BYTES_MAX: usize = 64;

/// Makes ids and secrets.
pub trait Ids: Send + Sync + std::fmt::Debug {
    /// A new id that sorts by the time it was made (UUID version 7). Not a secret.
    fn uuid(&self) -> Uuid;

    /// Fills the bytes from a cryptographically secure source.
    fn fill(&self, bytes: &mut [u8]);

    /// A secret of that many random bytes (64 at most) in base64url: 16 bytes are 22 characters.
    fn token(&self, bytes: usize) -> String {
        let mut buffer = [0_u8; TOKEN_BYTES_MAX];
        let buffer = &mut buffer[..bytes.min(TOKEN_BYTES_MAX)];
        self.fill(buffer);
        BASE64_URL_SAFE_NO_PAD.encode(buffer)
    }

    /// That many random characters out of `alphabet` (256 at most), each equally likely.
    fn text(&self, alphabet: &[u8], length: usize) -> String {
        assert!((1..=256).contains(&alphabet.len()), "an alphabet has 1 to 256 characters");
        // Bytes from the incomplete last round would favour the first characters.
        let fair = 256 / alphabet.len() * alphabet.len();
        let mut text = String::with_capacity(length);
        while text.len() < length {
            let mut byte = [0_u8];
            self.fill(&mut byte);
            let value = usize::from(byte[0]);
            if value < fair {
                text.push(char::from(alphabet[value % alphabet.len()]));
            }
        }
        text
    }
}

/// Ids from the clock and the operating system's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemIds;

impl Ids for SystemIds {
    fn uuid(&self) -> Uuid {
        #[allow(clippy::disallowed_methods, reason = "the one place where ids are made")]
        Uuid::now_v7()
    }

    fn fill(&self, bytes: &mut [u8]) {
        OsRng.try_fill_bytes(bytes).expect("an operating system without randomness cannot keep secrets");
    }
}

/// The same ids and secrets in each run with the same seed: for tests only.
#[derive(Debug)]
pub struct SeededIds {
    random: Mutex<StdRng>,
    made: AtomicU64,
}

impl SeededIds {
    pub fn new(seed: u64) -> Self {
        Self { random: Mutex::new(StdRng::seed_from_u64(seed)), made: AtomicU64::new(0) }
    }
}

impl Ids for SeededIds {
    fn uuid(&self) -> Uuid {
        let mut random = [0_u8; 10];
        self.fill(&mut random);
        // A count in the place of the milliseconds keeps the order of making.
        let count = self.made.fetch_add(1, Ordering::Relaxed);
        uuid::Builder::from_unix_timestamp_millis(1_700_000_000_000 + count, &random).into_uuid()
    }

    fn fill(&self, bytes: &mut [u8]) {
        self.random.lock().unwrap_or_else(std::sync::PoisonError::into_inner).fill_bytes(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_of_16_bytes_is_a_guest_token() {
        let token = SystemIds.token(16);
        assert!(domain::GuestToken::parse(&token).is_ok(), "{token}");
        assert_ne!(token, SystemIds.token(16));
    }

    #[test]
    fn seeded_ids_repeat_and_sort() {
        let (one, two) = (SeededIds::new(7), SeededIds::new(7));
        let first: Vec<_> = (0..100).map(|_| one.uuid()).collect();
        let second: Vec<_> = (0..100).map(|_| two.uuid()).collect();
        assert_eq!(first, second);
        assert!(first.is_sorted());
        assert_eq!(one.text(b"AB", 8).len(), 8);
    }
}

//! Addresses that show by themselves who may use them: one object, one direction, a short while.
//!
//! dstack's clients upload and download large attachments without a token. The code in such an
//! address is 32 random bytes; only its hash is kept, in memory.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use dsp_protocol::api::Problem;
use dsp_protocol::id::BlobHash;

use super::super::login::random_secret;
use super::Refusal;
use super::draft::DraftKey;

/// How long an upload may be begun, in milliseconds: the client sends one after the other.
const UPLOAD_MS: i64 = 6 * 3_600_000;
/// How long a download may be begun, in milliseconds.
const DOWNLOAD_MS: i64 = 600_000;
/// Most addresses that are good at one time; the one that ends first gives way.
const GRANTS: usize = 4096;

/// The bytes that an address leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Download {
    /// Their hash.
    pub hash: BlobHash,
    /// How many.
    pub size: u64,
    /// Their media type.
    pub media: String,
    /// What a browser calls the file.
    pub filename: String,
    /// The reference of the table that they are told of as CSV; they are told as they are where
    /// there is none.
    pub table: Option<String>,
}

/// What an address permits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Grant {
    /// To send the bytes of one attachment.
    Upload { draft: DraftKey, index: u32, length: u64 },
    /// To fetch the bytes of one attachment.
    Download(Download),
}

#[derive(Debug)]
struct Given {
    path: String,
    until: i64,
    grant: Grant,
}

/// The addresses that are good now, by the hashes of their codes.
#[derive(Debug, Default)]
pub(crate) struct Grants(Mutex<HashMap<[u8; 32], Given>>);

impl Grants {
    /// Hands out an address below `/api/files/`; returns its path and query.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub(super) fn give(&self, path: &str, grant: Grant, now: i64) -> Result<String, Problem> {
        let code = random_secret()?;
        let lasts = match grant {
            Grant::Upload { .. } => UPLOAD_MS,
            Grant::Download(_) => DOWNLOAD_MS,
        };
        let mut given = self.locked();
        given.retain(|_, given| given.until > now);
        if given.len() >= GRANTS {
            let first = given.iter().min_by_key(|(_, given)| given.until).map(|(hash, _)| *hash);
            first.map(|hash| given.remove(&hash));
        }
        given.insert(hash(&code), Given { path: path.to_owned(), until: now + lasts, grant });
        Ok(format!("/api/files/{path}?code={code}"))
    }

    /// Returns what an address permits.
    ///
    /// # Errors
    /// Its code is not good, or is that of another object.
    pub(super) fn take(&self, path: &str, code: &str, now: i64) -> Result<Grant, Refusal> {
        let given = self.locked();
        let given = given.get(&hash(code));
        let given = given.filter(|given| given.path == path && given.until > now);
        given.map(|given| given.grant.clone()).ok_or_else(|| {
            Refusal::credentials("this address is not good, or not any more")
                .with_hint("push or pull again for a new one")
        })
    }

    /// Takes back the addresses of uploads to a frame, or to one attachment of it.
    pub(super) fn end(&self, draft: &DraftKey, of: Option<u32>) {
        self.locked().retain(|_, given| match &given.grant {
            Grant::Upload { draft: key, index, .. } => {
                key != draft || of.is_some_and(|of| of != *index)
            }
            Grant::Download(_) => true,
        });
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<[u8; 32], Given>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hash(code: &str) -> [u8; 32] {
    blake3::derive_key("dsp/1/dstack-code", code.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn download() -> Grant {
        Grant::Download(Download {
            hash: BlobHash::from_bytes([1; 32]),
            size: 1,
            media: "text/csv".to_owned(),
            filename: "a.csv".to_owned(),
            table: None,
        })
    }

    fn code(address: &str) -> &str {
        address.split_once("code=").unwrap().1
    }

    #[test]
    fn an_address_is_good_for_one_object_and_a_while() {
        let grants = Grants::default();
        let address = grants.give("me/data/f/0", download(), 0).unwrap();
        let code = code(&address);
        assert!(grants.take("me/data/f/0", code, 1).is_ok());
        assert!(grants.take("me/data/f/1", code, 1).is_err(), "another object");
        assert!(grants.take("me/data/f/0", "", 1).is_err());
        assert!(grants.take("me/data/f/0", code, DOWNLOAD_MS).is_err(), "too late");
    }

    #[test]
    fn not_more_than_so_many_are_good() {
        let grants = Grants::default();
        let first = grants.give("a", download(), 0).unwrap();
        for n in 0..GRANTS {
            grants.give("b", download(), i64::try_from(n).unwrap() % 100 + 1).unwrap();
        }
        assert!(grants.take("a", code(&first), 200).is_err());
        assert_eq!(grants.locked().len(), GRANTS);
    }
}

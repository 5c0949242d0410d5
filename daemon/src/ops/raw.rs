//! Addresses at which a browser shows bytes that others made, and nothing else: who has one needs
//! no session, and a session opens none.
//!
//! The code in such an address is 32 random bytes; only its hash is kept, in memory, and it is good
//! at the port it was made for alone.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use dsp_protocol::api::{NewRaw, Problem, RawKind};

use super::login::random_secret;
use super::problem::{bad_request, not_found};
use super::time::now;
use super::{Opened, Ops};

/// How long an address stays good while nobody uses it, in milliseconds: somebody may stop a film.
const LASTS_MS: i64 = 3_600_000;
/// Most addresses that are good at one time; the one unused the longest gives way.
const ADDRESSES: usize = 1024;
/// The media type of what may be shown as a page.
const HTML: &str = "text/html";

/// Where an address leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RawPlace {
    /// The second port, where nothing else is.
    Apart,
    /// The port of the web UI: there is no second one, or the browser does not reach it.
    Beside,
}

/// Bytes that an address shows.
#[derive(Clone, Debug)]
pub struct RawBytes {
    /// The bytes.
    pub opened: Opened,
    /// What a browser may do with them.
    pub kind: RawKind,
}

#[derive(Debug)]
struct Given {
    place: RawPlace,
    used: i64,
    bytes: RawBytes,
}

/// The addresses that are good now, by the hashes of their codes.
#[derive(Debug, Default)]
pub(crate) struct Addresses(Mutex<HashMap<[u8; 32], Given>>);

impl Addresses {
    /// Makes an address; returns its code.
    ///
    /// # Errors
    /// The system gives no random bytes.
    fn give(&self, place: RawPlace, bytes: RawBytes, now: i64) -> Result<String, Problem> {
        let code = random_secret()?;
        let mut given = self.locked();
        given.retain(|_, given| given.used + LASTS_MS > now);
        if given.len() >= ADDRESSES {
            let first = given.iter().min_by_key(|(_, given)| given.used).map(|(hash, _)| *hash);
            first.map(|hash| given.remove(&hash));
        }
        given.insert(hash(&code), Given { place, used: now, bytes });
        Ok(code)
    }

    /// Returns what an address shows at a place.
    fn take(&self, place: RawPlace, code: &str, now: i64) -> Option<RawBytes> {
        let mut given = self.locked();
        let found = given.get_mut(&hash(code));
        let found = found.filter(|found| found.place == place && found.used + LASTS_MS > now)?;
        found.used = now;
        Some(found.bytes.clone())
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<[u8; 32], Given>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ops {
    /// Makes an address for the bytes of an attachment; returns its path.
    ///
    /// # Errors
    /// There is no such attachment, its bytes are not here, or it is no page but is to be shown as
    /// one.
    pub async fn raw_path(&self, new: &NewRaw, place: RawPlace) -> Result<String, Problem> {
        let opened = self.open_content(&new.reference).await?;
        let media = opened.media.as_deref().unwrap_or_default();
        if new.kind != RawKind::Media && !is_html(media) {
            return Err(bad_request(format!("{media} is no page")));
        }
        let name = opened.path.as_ref().map_or("file", |path| path.file_name());
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let name: String = name.chars().map(|c| if plain(c) { c } else { '-' }).collect();
        let bytes = RawBytes { opened, kind: new.kind };
        let code = self.raw.give(place, bytes, now())?;
        Ok(format!("/raw/{code}/{name}"))
    }

    /// Returns what an address shows.
    ///
    /// # Errors
    /// It is not good, or that of another place.
    pub fn raw(&self, place: RawPlace, code: &str) -> Result<RawBytes, Problem> {
        self.raw.take(place, code, now()).ok_or_else(|| {
            not_found("this address is not good, or not any more")
                .with_hint("load the page that shows it once more")
        })
    }

    /// Returns where the second listener answers.
    pub fn raw_address(&self) -> Option<SocketAddr> {
        self.raw_address
    }
}

fn is_html(media: &str) -> bool {
    media.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case(HTML))
}

fn hash(code: &str) -> [u8; 32] {
    blake3::derive_key("dsp/1/raw-code", code.as_bytes())
}

#[cfg(test)]
mod tests {
    use dsp_protocol::id::BlobHash;

    use super::*;

    fn bytes() -> RawBytes {
        let hash = BlobHash::from_bytes([1; 32]);
        let opened = Opened { hash, size: 1, media: None, path: None };
        RawBytes { opened, kind: RawKind::Media }
    }

    #[test]
    fn an_address_is_good_at_its_place_while_it_is_used() {
        let addresses = Addresses::default();
        let code = addresses.give(RawPlace::Apart, bytes(), 0).unwrap();
        assert!(addresses.take(RawPlace::Beside, &code, 1).is_none(), "another place");
        assert!(addresses.take(RawPlace::Apart, "", 1).is_none());
        assert!(addresses.take(RawPlace::Apart, &code, LASTS_MS - 1).is_some());
        assert!(addresses.take(RawPlace::Apart, &code, 2 * LASTS_MS - 2).is_some(), "it was used");
        assert!(addresses.take(RawPlace::Apart, &code, 3 * LASTS_MS - 2).is_none(), "too late");
    }

    #[test]
    fn not_more_than_so_many_are_good() {
        let addresses = Addresses::default();
        let first = addresses.give(RawPlace::Apart, bytes(), 0).unwrap();
        for n in 0..ADDRESSES {
            addresses.give(RawPlace::Apart, bytes(), i64::try_from(n).unwrap() + 1).unwrap();
        }
        assert!(addresses.take(RawPlace::Apart, &first, 2000).is_none());
        assert_eq!(addresses.locked().len(), ADDRESSES);
    }

    #[test]
    fn only_html_is_a_page() {
        assert!(is_html("text/html"));
        assert!(is_html("Text/HTML; charset=utf-8"));
        for other in ["", "image/svg+xml", "application/xhtml+xml", "text/htmlx", "text/plain"] {
            assert!(!is_html(other), "{other}");
        }
    }
}

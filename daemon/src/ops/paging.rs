//! Lists in pages.
//!
//! A cursor names the last item of a page by what the list is ordered by, so that the next page
//! goes on behind that item whatever was put in before it meanwhile. To callers it is opaque.

use data_encoding::BASE64URL_NOPAD;
use dsp_protocol::api::{Page, Problem};
use serde::Serialize;

use super::problem::bad_request;

/// Which part of a list is asked for.
#[derive(Clone, Debug, Default)]
pub struct Paging {
    /// Most items of the page.
    pub limit: Option<u64>,
    /// What the page before said.
    pub cursor: Option<String>,
}

/// Items of a page when nobody says how many.
const LIMIT: u64 = 500;

impl Paging {
    /// Returns how many items are asked for.
    ///
    /// # Errors
    /// The limit is none of 1 to `most`.
    pub(crate) fn limit(&self, most: u64) -> Result<usize, Problem> {
        let limit = self.limit.unwrap_or(LIMIT.min(most));
        if limit == 0 || limit > most {
            return Err(bad_request(format!("limit {limit} is none of 1 to {most}")));
        }
        Ok(usize::try_from(limit).unwrap_or(usize::MAX))
    }

    /// Returns the place behind which items are asked for, read out of the cursor.
    ///
    /// # Errors
    /// The cursor is none of ours.
    pub(crate) fn place<T>(
        &self,
        read: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let Some(cursor) = &self.cursor else { return Ok(None) };
        let place = BASE64URL_NOPAD.decode(cursor.as_bytes()).ok();
        let place = place.and_then(|place| read(&place));
        let none = || bad_request(format!("`{cursor}` is no cursor of an earlier page"));
        place.map(Some).ok_or_else(none)
    }

    /// Orders a list by its keys and cuts the page out of it; with the cursor of the next one.
    ///
    /// # Errors
    /// As [`limit`](Self::limit) and [`place`](Self::place).
    pub(crate) fn cut<T>(
        &self,
        mut all: Vec<T>,
        most: u64,
        key: impl Fn(&T) -> Vec<u8>,
    ) -> Result<(Vec<T>, Option<String>), Problem> {
        let limit = self.limit(most)?;
        let place = self.place(|bytes| Some(bytes.to_vec()))?;
        all.sort_by_cached_key(&key);
        if let Some(place) = place {
            all.drain(..all.partition_point(|item| key(item) <= place));
        }
        let more = all.len() > limit;
        all.truncate(limit);
        let next = all.last().filter(|_| more).map(|last| cursor(&key(last)));
        Ok((all, next))
    }

    /// Orders a list by its keys, cuts the page out of it and shows its items.
    ///
    /// # Errors
    /// As [`cut`](Self::cut).
    pub(crate) fn page<T: Serialize>(
        &self,
        all: Vec<T>,
        most: u64,
        key: impl Fn(&T) -> Vec<u8>,
    ) -> Result<Page, Problem> {
        let (items, next_cursor) = self.cut(all, most, key)?;
        Ok(Page { items: items.iter().map(to_json).collect(), next_cursor, note: None })
    }
}

/// Returns the cursor that names a place in a list.
pub(crate) fn cursor(place: &[u8]) -> String {
    BASE64URL_NOPAD.encode(place)
}

/// Returns a key that orders by a text, and by an id where texts are the same.
pub(crate) fn text_key(text: &str, id: &[u8]) -> Vec<u8> {
    [text.as_bytes(), &[0], id].concat()
}

/// Returns a key that orders by a time, the latest first.
pub(crate) fn latest_first(time: i64) -> [u8; 8] {
    // With the sign turned, numbers below zero come before those above it.
    (!(time.cast_unsigned() ^ (1 << 63))).to_be_bytes()
}

/// Returns the JSON of something that the API shows.
pub(crate) fn to_json<T: Serialize>(item: &T) -> serde_json::Value {
    serde_json::to_value(item).expect("the types of the API have a JSON form")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paging(limit: u64, cursor: Option<&str>) -> Paging {
        Paging { limit: Some(limit), cursor: cursor.map(str::to_owned) }
    }

    fn key(time: &i64) -> Vec<u8> {
        latest_first(*time).to_vec()
    }

    #[test]
    fn pages_join_to_the_list_whatever_comes_in_between() {
        let mut all: Vec<i64> = vec![-3, i64::MIN, 0, 5, 7, i64::MAX, -1];
        let (mut seen, mut cursor) = (Vec::new(), None);
        for new in [100, 101, 102] {
            let (page, next) = paging(3, cursor.as_deref()).cut(all.clone(), 500, key).unwrap();
            seen.extend(page);
            cursor = next;
            // Newer than all that was shown, and gone what was shown last.
            all.push(new);
            all.retain(|item| Some(item) != seen.last());
        }
        assert_eq!(seen, [i64::MAX, 7, 5, 0, -1, -3, i64::MIN]);
        assert_eq!(cursor, None);
    }

    #[test]
    fn bounds_hold() {
        let cut = |paging: Paging| paging.cut(vec![1], 500, key);
        assert!(cut(paging(0, None)).is_err());
        assert!(cut(paging(501, None)).is_err());
        assert!(cut(paging(1, Some("x"))).is_err());
        assert!(cut(paging(1, Some("MTI"))).is_ok(), "the place of something that is gone");
        let read = paging(1, Some("MTI")).place(|bytes| <[u8; 2]>::try_from(bytes).ok());
        assert_eq!(read.unwrap(), Some(*b"12"));
        assert!(paging(1, Some("MTI")).place(|_| None::<()>).is_err());
    }
}

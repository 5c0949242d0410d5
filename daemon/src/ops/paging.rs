//! Lists in pages.

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
    /// Returns which items are asked for: the first one, and how many.
    ///
    /// # Errors
    /// The limit is none of 1 to `most`, or the cursor is none of ours.
    pub(crate) fn range(&self, most: u64) -> Result<(usize, usize), Problem> {
        let limit = self.limit.unwrap_or(LIMIT.min(most));
        if limit == 0 || limit > most {
            return Err(bad_request(format!("limit {limit} is none of 1 to {most}")));
        }
        let start = match &self.cursor {
            None => 0,
            Some(cursor) => cursor
                .parse()
                .map_err(|_| bad_request(format!("`{cursor}` is no cursor of an earlier page")))?,
        };
        Ok((start, usize::try_from(limit).unwrap_or(usize::MAX)))
    }

    /// Cuts the page out of a whole list and shows its items.
    ///
    /// # Errors
    /// As [`range`](Self::range).
    pub(crate) fn cut<T: Serialize>(&self, all: &[T], most: u64) -> Result<Page, Problem> {
        let (start, limit) = self.range(most)?;
        let items = all.iter().skip(start).take(limit).map(to_json).collect();
        Ok(Page { items, next_cursor: next(start, limit, all.len()) })
    }
}

/// Returns the cursor of the page behind one, if there is one.
pub(crate) fn next(start: usize, limit: usize, all: usize) -> Option<String> {
    let end = start.saturating_add(limit);
    (end < all).then(|| end.to_string())
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

    #[test]
    fn pages_join_to_the_list() {
        let all: Vec<u32> = (0..7).collect();
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let page = paging(3, cursor.as_deref()).cut(&all, 500).unwrap();
            seen.extend(page.items.iter().map(|v| v.as_u64().unwrap() as u32));
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, all);
    }

    #[test]
    fn bounds_hold() {
        assert!(paging(0, None).range(500).is_err());
        assert!(paging(501, None).range(500).is_err());
        assert!(paging(1, Some("x")).range(500).is_err());
        assert_eq!(paging(1, Some("9")).cut(&[1], 500).unwrap().items.len(), 0);
    }
}

//! What the footer of a Parquet file says of its columns, looked at before the reader believes it:
//! the reader makes room for as many columns as a group says that it has, and goes as deep as
//! groups nest.
//!
//! The reader takes a field for what its number says and not for what its kind says. So that both
//! see the same, a field that it knows has to be of its kind here.

use crate::TableError;
use crate::limits::{COLUMNS, DEPTH};
use crate::pages::Compact;

/// Most elements of a schema: a list is three of them.
const ELEMENTS: u64 = 3 * COLUMNS as u64 + 1;
/// How deep groups nest, at most.
const GROUPS: usize = 4 * DEPTH;
/// How deep structs nest in what is passed over.
const SKIPPED: usize = 16;

/// Kinds of fields.
mod kind {
    pub(super) const BOOLEANS: [u8; 2] = [1, 2];
    pub(super) const BYTE: u8 = 3;
    pub(super) const I32: u8 = 5;
    pub(super) const BINARY: u8 = 8;
    pub(super) const LIST: u8 = 9;
    pub(super) const STRUCT: u8 = 12;
}

/// Makes sure that the columns of a footer can be.
///
/// # Errors
/// There are too many, they nest too deep, or a group says that it has more than follow.
pub(crate) fn check(footer: &[u8]) -> Result<(), TableError> {
    let mut read = Compact::new(footer);
    let damaged = || TableError::parquet("its footer does not begin with its columns");
    let count = elements(&mut read).ok_or_else(damaged)?;
    if count > ELEMENTS {
        let what = "the number of columns in the footer".to_owned();
        return Err(TableError::TooLarge { what, size: count, limit: ELEMENTS });
    }
    // How many columns are still to come of each group that one is within.
    let mut open: Vec<u64> = Vec::new();
    for at in 0..count {
        let children = element(&mut read).ok_or_else(damaged)?;
        if children > count - at - 1 {
            let why = format!("a group says that it has {children} columns, which do not follow");
            return Err(TableError::parquet(why));
        }
        if let Some(left) = open.last_mut() {
            *left -= 1;
        }
        if children > 0 {
            open.push(children);
        }
        while open.last() == Some(&0) {
            open.pop();
        }
        if open.len() > GROUPS {
            let (what, limit) = ("the depth of the columns".to_owned(), GROUPS as u64);
            return Err(TableError::TooLarge { what, size: open.len() as u64, limit });
        }
    }
    Ok(())
}

/// Goes to the elements of the schema, and returns how many there are. Nothing but the version
/// stands before them.
fn elements(read: &mut Compact<'_>) -> Option<u64> {
    loop {
        match read.field()?? {
            (1, kind::I32) => drop(i32::try_from(read.int()?).ok()?),
            (2, kind::LIST) => break,
            _ => return None,
        }
    }
    let (of, count) = list(read)?;
    (of == kind::STRUCT || count == 0).then_some(count)
}

/// Reads the beginning of a list: the kind of its items, and how many there are.
fn list(read: &mut Compact<'_>) -> Option<(u8, u64)> {
    let byte = read.byte()?;
    match byte >> 4 {
        15 => Some((byte & 0x0f, read.unsigned()?)),
        count => Some((byte & 0x0f, count.into())),
    }
}

/// Passes over an element of a schema, and returns how many columns it says that are in it.
fn element(read: &mut Compact<'_>) -> Option<u64> {
    read.begin();
    let mut children = 0;
    while let Some((id, of)) = read.field()? {
        match id {
            5 if of == kind::I32 => {
                children = u64::from(u32::try_from(i32::try_from(read.int()?).ok()?).ok()?);
            }
            1..=3 | 6..=9 if of == kind::I32 => drop(i32::try_from(read.int()?).ok()?),
            4 if of == kind::BINARY => skip(read, of, 0)?,
            10 if of == kind::STRUCT => logical(read)?,
            1..=10 => return None,
            _ => skip(read, of, 0)?,
        }
    }
    Some(children)
}

/// Passes over the logical type of an element, which stands as its tenth field.
fn logical(read: &mut Compact<'_>) -> Option<()> {
    let outer = read.begin();
    while let Some((of_type, of)) = read.field()? {
        if of != kind::STRUCT {
            return None;
        }
        let union = read.begin();
        while let Some((id, of)) = read.field()? {
            let fits = match (of_type, id) {
                (5, 1 | 2) | (18, 2) => of == kind::I32,
                (7 | 8, 1) | (10, 2) => kind::BOOLEANS.contains(&of),
                (7 | 8, 2) => of == kind::STRUCT,
                (10 | 16, 1) => of == kind::BYTE,
                (17 | 18, 1) => of == kind::BINARY,
                _ => true,
            };
            if !fits {
                return None;
            }
            skip(read, of, 0)?;
        }
        read.end(union);
    }
    read.end(outer);
    Some(())
}

/// Passes over a value. Lists of truth values, sets of pairs and the like are in no schema.
pub(crate) fn skip(read: &mut Compact<'_>, of: u8, depth: usize) -> Option<()> {
    if depth > SKIPPED {
        return None;
    }
    match of {
        1 | 2 => Some(()),
        kind::BYTE => read.byte().map(drop),
        4..=6 => read.int().map(drop),
        7 => read.pass(8),
        kind::BINARY => {
            let length = read.unsigned()?;
            read.pass(usize::try_from(length).ok()?)
        }
        kind::LIST | 10 => {
            let (of, count) = list(read)?;
            if count > 0 && kind::BOOLEANS.contains(&of) {
                return None;
            }
            (0..count).try_for_each(|_| skip(read, of, depth + 1))
        }
        kind::STRUCT => {
            let outer = read.begin();
            while let Some((_, of)) = read.field()? {
                skip(read, of, depth + 1)?;
            }
            read.end(outer);
            Some(())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a footer with groups that each say that they have so many columns.
    fn footer(children: &[u32]) -> Vec<u8> {
        let mut bytes = vec![0x15, 2, 0x19, 0xfc];
        varint(&mut bytes, children.len() as u32);
        for count in children {
            // It repeats, has a name, and columns unless they are none.
            bytes.extend([0x35, 2, 0x18, 1, b'a']);
            if *count > 0 {
                bytes.push(0x15);
                varint(&mut bytes, count << 1);
            }
            bytes.push(0);
        }
        bytes
    }

    fn varint(bytes: &mut Vec<u8>, mut value: u32) {
        while value >= 0x80 {
            bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        bytes.push(value as u8);
    }

    fn refused(footer: &[u8]) -> String {
        check(footer).unwrap_err().to_string()
    }

    #[test]
    fn columns_that_follow_are_believed() {
        check(&footer(&[2, 0, 1, 0])).unwrap();
        check(&footer(&vec![1; GROUPS])).unwrap_err();
        let mut deep = vec![1; GROUPS];
        deep.push(0);
        check(&footer(&deep)).unwrap();
    }

    #[test]
    fn a_group_of_columns_that_do_not_follow_is_refused() {
        let error = refused(&footer(&[2, 0, 0x3fff_ffff]));
        assert!(error.contains("a group says that it has 1073741823 columns"), "{error}");
    }

    #[test]
    fn groups_that_nest_without_end_are_refused() {
        let mut deep = vec![1; GROUPS + 1];
        deep.push(0);
        let error = refused(&footer(&deep));
        assert!(error.starts_with("the depth of the columns is 65"), "{error}");
    }

    #[test]
    fn more_columns_than_are_read_are_refused() {
        let mut wide = vec![0; ELEMENTS as usize + 1];
        wide[0] = ELEMENTS as u32;
        let error = refused(&footer(&wide));
        assert!(error.starts_with("the number of columns in the footer is 12290"), "{error}");
    }

    /// The reader takes the bytes of what is named wrongly for others, which may say anything.
    #[test]
    fn fields_of_another_kind_than_theirs_are_refused() {
        let named = footer(&[0]);
        for (at, byte) in [(0, 0x18), (2, 0x15), (5, 0x38), (7, 0x15)] {
            let mut bytes = named.clone();
            assert_ne!(std::mem::replace(&mut bytes[at], byte), byte);
            assert!(refused(&bytes).contains("does not begin with its columns"), "{at}");
        }
        // A text where a number tells whether it repeats.
        let element = [0x38, 1, b'x', 0x18, 1, b'a', 0];
        assert!(check(&[&[0x15, 2, 0x19, 0x1c][..], &element].concat()).is_err());
        // A decimal whose scale is a text.
        let logical =
            |scale: &[u8]| [&[0x19, 0x1c, 0x48, 1, b'a', 0x6c, 0x5c], scale, &[0, 0, 0]].concat();
        let before = [0x15, 2];
        check(&[&before[..], &logical(&[0x15, 4])].concat()).unwrap();
        assert!(check(&[&before[..], &logical(&[0x18, 1, b'x'])].concat()).is_err());
    }
}

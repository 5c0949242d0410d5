//! Texts that are written as what is other in each than in the one before: a few bytes say how many
//! there are and how long each is, and the reader makes room for them before it looks further. So
//! they are added up here first.

use parquet::basic::Encoding;
use parquet::column::page::Page;
use parquet::schema::types::ColumnDescriptor;

/// Tells whether values are written so.
pub(crate) fn are(encoding: Encoding) -> bool {
    matches!(encoding, Encoding::DELTA_LENGTH_BYTE_ARRAY | Encoding::DELTA_BYTE_ARRAY)
}

/// Returns how many bytes the values of a page have once they are read; none where it is damaged.
pub(crate) fn bytes(page: &Page, column: &ColumnDescriptor) -> Option<u64> {
    let (values, data): (_, &[u8]) = match page {
        Page::DictionaryPage { .. } => return Some(0),
        Page::DataPage { buf, num_values, def_level_encoding, rep_level_encoding, .. } => {
            let mut data = &buf[..];
            for (most, encoding) in [
                (column.max_rep_level(), rep_level_encoding),
                (column.max_def_level(), def_level_encoding),
            ] {
                if most > 0 {
                    data = behind_levels(data, *encoding)?;
                }
            }
            (*num_values, data)
        }
        Page::DataPageV2 { buf, num_values, def_levels_byte_len, rep_levels_byte_len, .. } => {
            let levels = def_levels_byte_len.checked_add(*rep_levels_byte_len)?;
            (*num_values, buf.get(usize::try_from(levels).ok()?..)?)
        }
    };
    match page.encoding() {
        Encoding::DELTA_LENGTH_BYTE_ARRAY => Some(lengths(data, values.into())?.0),
        Encoding::DELTA_BYTE_ARRAY => {
            let (same, end) = lengths(data, values.into())?;
            let (other, _) = lengths(data.get(end..)?, values.into())?;
            same.checked_add(other)
        }
        _ => Some(0),
    }
}

fn behind_levels(data: &[u8], encoding: Encoding) -> Option<&[u8]> {
    let (length, rest) = data.split_first_chunk::<4>()?;
    let length = usize::try_from(i32::from_le_bytes(*length)).ok()?;
    rest.get(length..).filter(|_| encoding == Encoding::RLE)
}

/// Adds up lengths, at most so many, that are packed as differences; returns their sum and where
/// they end.
fn lengths(data: &[u8], most: u64) -> Option<(u64, usize)> {
    let mut read = Read { data, at: 0 };
    let (block, parts) = (read.unsigned()?, read.unsigned()?);
    let (count, first) = (read.unsigned()?, read.signed()?);
    let part = block.checked_div(parts)?;
    let plain = block > 0 && block % 128 == 0 && part * parts == block && part % 32 == 0;
    if !plain || block > 1 << 20 || count > most {
        return None;
    }
    let (part, parts) = (usize::try_from(part).ok()?, usize::try_from(parts).ok()?);
    let mut value = i32::try_from(first).ok()?;
    let mut sum = 0u64;
    let mut left = count;
    if left > 0 {
        sum += u64::from(u32::try_from(value).ok()?);
        left -= 1;
    }
    while left > 0 {
        let least = i32::try_from(read.signed()?).ok()?;
        let widths = read.take(parts)?;
        for &width in widths {
            if left == 0 {
                break;
            }
            let width = usize::from(width).min(33);
            if width > 32 {
                return None;
            }
            let packed = read.take_up_to(part * width / 8);
            for at in 0..left.min(part as u64) as usize {
                value = value.wrapping_add(least).wrapping_add(bits(packed, at * width, width)?);
                sum = sum.checked_add(u32::try_from(value).ok()?.into())?;
            }
            left = left.saturating_sub(part as u64);
        }
    }
    Some((sum, read.at.min(data.len())))
}

/// Returns a number of some bits, of which the lowest come first.
fn bits(packed: &[u8], at: usize, width: usize) -> Option<i32> {
    let mut value = 0u64;
    let (first, last) = (at / 8, (at + width).div_ceil(8));
    for (place, byte) in packed.get(first..last)?.iter().enumerate() {
        value |= u64::from(*byte) << (8 * place);
    }
    let value = (value >> (at % 8)) & ((1 << width) - 1);
    Some(value as u32 as i32)
}

struct Read<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Read<'a> {
    fn unsigned(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..63).step_by(7) {
            let byte = *self.data.get(self.at)?;
            self.at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn signed(&mut self) -> Option<i64> {
        let value = self.unsigned()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let taken = self.data.get(self.at..self.at.checked_add(length)?)?;
        self.at += length;
        Some(taken)
    }

    /// Takes what is there: the last part need not be whole.
    fn take_up_to(&mut self, length: usize) -> &'a [u8] {
        let rest = self.data.get(self.at..).unwrap_or_default();
        self.at += length;
        &rest[..rest.len().min(length)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_added_up() {
        // Blocks of 128 in 4 parts; 3 lengths: 5, then two each one more.
        let packed = [&[0x80, 1, 4, 3, 10, 2][..], &[0; 4], b"rest"].concat();
        assert_eq!(lengths(&packed, 3), Some((5 + 6 + 7, 10)));
        // Of 2 bits each: 5, then 1 more, then 3 more.
        let packed = [&[0x80, 1, 4, 3, 10, 0, 2, 0, 0, 0, 0b1101][..], &[0; 7], b"rest"].concat();
        assert_eq!(lengths(&packed, 3), Some((5 + 6 + 9, 18)));
    }

    #[test]
    fn more_lengths_than_values_are_refused() {
        let packed = [&[0x80, 1, 4, 3, 10, 2][..], &[0; 4]].concat();
        assert_eq!(lengths(&packed, 2), None);
        // Less than nothing, and a block of another size.
        assert_eq!(lengths(&[0x80, 1, 4, 1, 1], 1), None);
        assert_eq!(lengths(&[0x81, 1, 4, 1, 2], 1), None);
    }
}

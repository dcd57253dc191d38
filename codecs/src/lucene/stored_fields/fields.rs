//! The fields of one stored document.

use super::format::Layout;
use crate::lucene::primitives::zigzag;

/// The value of a stored field. Numbers keep their bits; strings are bytes that should be UTF-8.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum StoredValue<'a> {
    /// A binary value, such as `_source`.
    Bytes(&'a [u8]),
    /// A string, such as `_routing`.
    String(&'a [u8]),
    /// A 32-bit integer.
    Int(i32),
    /// A 64-bit integer, such as `_timestamp`.
    Long(i64),
    /// A 32-bit float.
    Float(f32),
    /// A 64-bit float.
    Double(f64),
}

/// The stored fields of one document, in the order in which they were added; a field may stand several times.
///
/// | bytes | field            | encoding                                                              |
/// |-------|------------------|-----------------------------------------------------------------------|
/// | 1–10  | number and type  | `VLong`: number ≪ 3 ∣ type; in Lucene 4.0 `VInt` number, one byte type |
/// | n     | value            | bytes and strings: length as `VInt`, then the bytes; numbers below     |
///
/// Numbers are big-endian in Lucene 4. Since 5.0 an int is a zig-zag `VInt`, a long has a byte for its unit
/// (1 ms, 1 s, 1 h, 1 day) and low bits, floats have short forms for small integers.
///
/// Source: `CompressingStoredFieldsReader` of Lucene 4.10, 5.5 and 9.12.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    rest: &'a [u8],
    remaining: u32,
    layout: Layout,
    end: usize,
}

/// The bytes of a document contradict the format at this many bytes before its end; so do bytes after its last field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed {
    /// How many bytes of the document were left where the malformed field starts.
    pub remaining: usize,
}

impl<'a> Fields<'a> {
    /// `end` is where the document ends in the buffer that its bytes are from.
    pub(super) const fn new(bytes: &'a [u8], count: u32, layout: Layout, end: usize) -> Self {
        Self { rest: bytes, remaining: count, layout, end }
    }

    /// Where the next field starts in the buffer that the document is from; a value of bytes ends just before.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.end.saturating_sub(self.rest.len())
    }

    #[inline]
    fn field(&mut self) -> Option<(u32, StoredValue<'a>)> {
        let (number, kind) = match self.layout {
            Layout::Lucene40 => {
                let number = vint(&mut self.rest)?;
                (number, Kind::of_lucene40(byte(&mut self.rest)?)?)
            }
            _ => {
                let head = vlong(&mut self.rest)?;
                (u32::try_from(head >> 3).ok()?, Kind::of(head & 7)?)
            }
        };
        Some((number, self.value(kind)?))
    }

    #[inline]
    fn value(&mut self, kind: Kind) -> Option<StoredValue<'a>> {
        let compact = self.layout >= Layout::Lucene50;
        let little = self.layout >= Layout::Lucene90;
        let rest = &mut self.rest;
        Some(match kind {
            Kind::Bytes => StoredValue::Bytes(bytes(rest)?),
            Kind::String => StoredValue::String(bytes(rest)?),
            Kind::Int if compact => StoredValue::Int(i32::try_from(zigzag(u64::from(vint(rest)?))).ok()?),
            Kind::Int => StoredValue::Int(u32::from_be_bytes(array(rest)?).cast_signed()),
            Kind::Long if compact => StoredValue::Long(tlong(rest)?),
            Kind::Long => StoredValue::Long(i64::from_be_bytes(array(rest)?)),
            Kind::Float if compact => StoredValue::Float(zfloat(rest, little)?),
            Kind::Float => StoredValue::Float(f32::from_be_bytes(array(rest)?)),
            Kind::Double if compact => StoredValue::Double(zdouble(rest, little)?),
            Kind::Double => StoredValue::Double(f64::from_be_bytes(array(rest)?)),
        })
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, StoredValue<'a>), Malformed>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let remaining = self.rest.len();
        self.remaining = match self.remaining.checked_sub(1) {
            Some(left) => left,
            None if remaining == 0 => return None,
            None => {
                self.rest = &[]; // Once: the next call ends the iteration.
                return Some(Err(Malformed { remaining }));
            }
        };
        let field = self.field().ok_or(Malformed { remaining });
        if field.is_err() {
            (self.remaining, self.rest) = (0, &[]);
        }
        Some(field)
    }
}

#[derive(Clone, Copy)]
enum Kind {
    String,
    Bytes,
    Int,
    Float,
    Long,
    Double,
}

impl Kind {
    #[inline]
    const fn of(bits: u64) -> Option<Self> {
        Some(match bits {
            0 => Self::String,
            1 => Self::Bytes,
            2 => Self::Int,
            3 => Self::Float,
            4 => Self::Long,
            5 => Self::Double,
            _ => return None,
        })
    }

    const fn of_lucene40(bits: u8) -> Option<Self> {
        Some(match bits >> 3 {
            0 if bits & 2 == 2 => Self::Bytes,
            0 => Self::String,
            1 => Self::Int,
            2 => Self::Long,
            3 => Self::Float,
            4 => Self::Double,
            _ => return None,
        })
    }
}

#[inline]
fn byte(rest: &mut &[u8]) -> Option<u8> {
    let (first, after) = rest.split_first()?;
    *rest = after;
    Some(*first)
}

#[inline]
fn array<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(*first)
}

#[inline]
fn bytes<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = vint(rest)? as usize;
    let (value, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(value)
}

#[inline]
fn vint(rest: &mut &[u8]) -> Option<u32> {
    u32::try_from(vlong(rest)?).ok()
}

#[inline]
fn vlong(rest: &mut &[u8]) -> Option<u64> {
    let first = byte(rest)?;
    if first < 0x80 {
        return Some(u64::from(first));
    }
    let mut value = u64::from(first & 0x7F);
    for shift in (7..64).step_by(7) {
        let next = byte(rest)?;
        value |= u64::from(next & 0x7F) << shift;
        if next < 0x80 {
            return Some(value);
        }
    }
    None
}

fn tlong(rest: &mut &[u8]) -> Option<i64> {
    let head = byte(rest)?;
    let mut bits = u64::from(head & 0x1F);
    if head & 0x20 != 0 {
        bits |= vlong(rest)? << 5;
    }
    let unit = match head >> 6 {
        0 => 1,
        1 => 1000,
        2 => 3_600_000,
        _ => 86_400_000,
    };
    Some(zigzag(bits).wrapping_mul(unit))
}

fn zfloat(rest: &mut &[u8], little: bool) -> Option<f32> {
    let head = byte(rest)?;
    if head == 0xFF {
        let bits = array(rest)?;
        return Some(f32::from_bits(if little {
            u32::from_le_bytes(bits)
        } else {
            u32::from_be_bytes(bits)
        }));
    }
    if head & 0x80 != 0 {
        return Some(f32::from(head & 0x7F) - 1.0);
    }
    let middle = array(rest)?;
    let middle = if little { u16::from_le_bytes(middle) } else { u16::from_be_bytes(middle) };
    let low = byte(rest)?;
    Some(f32::from_bits(u32::from(head) << 24 | u32::from(middle) << 8 | u32::from(low)))
}

fn zdouble(rest: &mut &[u8], little: bool) -> Option<f64> {
    let head = byte(rest)?;
    if head == 0xFF {
        let bits = array(rest)?;
        return Some(f64::from_bits(if little {
            u64::from_le_bytes(bits)
        } else {
            u64::from_be_bytes(bits)
        }));
    }
    if head == 0xFE {
        let bits = array(rest)?;
        let bits = if little { u32::from_le_bytes(bits) } else { u32::from_be_bytes(bits) };
        return Some(f64::from(f32::from_bits(bits)));
    }
    if head & 0x80 != 0 {
        return Some(f64::from(head & 0x7F) - 1.0);
    }
    let high = array(rest)?;
    let high = if little { u32::from_le_bytes(high) } else { u32::from_be_bytes(high) };
    let middle = array(rest)?;
    let middle = if little { u16::from_le_bytes(middle) } else { u16::from_be_bytes(middle) };
    let low = byte(rest)?;
    let bits = u64::from(head) << 56 | u64::from(high) << 24 | u64::from(middle) << 8 | u64::from(low);
    Some(f64::from_bits(bits))
}

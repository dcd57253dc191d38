//! What the targets share: how one input becomes several files, and how to get behind checksums.

use cap::Cap;
use codecs::lucene::codec_util::IndexHeader;
use std::alloc::System;

/// What the decoders may hold at any time is 64 MiB; more than that is a crash.
///
/// libFuzzer's own `-malloc_limit_mb` needs AddressSanitizer, and its `-rss_limit_mb` looks once a second.
#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, 64 << 20);

/// The limit that targets give to decoders whose output may be longer than the input, in bytes.
pub const LIMIT: usize = 1 << 20;

/// Targets do not decompress what says that it becomes longer than this, as a reader with little memory would.
pub const MEMORY: usize = 1 << 20;

/// A segment of the targets has fewer documents: bit sets of them are allocated on the word of `.si`.
pub const MOST_DOCUMENTS: u32 = 1 << 24;

const FOOTER_MAGIC: [u8; 4] = [0xC0, 0x28, 0x93, 0xE8];

/// The file with a Lucene footer that is right: its own is corrected, or one is added.
///
/// A checksum stops a fuzzer at once: hardly any change of a file keeps it.
#[must_use]
pub fn sealed(file: &[u8]) -> Vec<u8> {
    let body = match file.split_last_chunk::<16>() {
        Some((body, footer)) if footer.starts_with(&FOOTER_MAGIC) => body,
        _ => file,
    };
    let mut sealed = body.to_vec();
    sealed.extend_from_slice(&FOOTER_MAGIC);
    sealed.extend_from_slice(&[0; 4]);
    let checksum = u64::from(crc32fast::hash(&sealed));
    sealed.extend_from_slice(&checksum.to_be_bytes());
    sealed
}

/// Decodes the file as it is, and again with a footer that is right.
pub fn raw_and_sealed(file: &[u8], mut decode: impl FnMut(&[u8])) {
    decode(file);
    decode(&sealed(file));
}

/// The generation that the header of a file says, so that the file can have the name that fits; `1` without one.
#[must_use]
pub fn generation(file: &[u8]) -> String {
    IndexHeader::decode(file).map_or_else(|_| "1".to_owned(), |(_, header)| header.suffix.to_owned())
}

/// An input cut into numbers and files. Nothing is refused: what is missing is 0 or empty.
///
/// A number is little-endian; a file is its length (two bytes, little-endian) and its bytes; the last file is what
/// is left, without a length.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    rest: &'a [u8],
}

impl<'a> Parts<'a> {
    /// Starts at the first part of an input.
    #[must_use]
    pub const fn new(input: &'a [u8]) -> Self {
        Self { rest: input }
    }

    /// One byte.
    pub fn byte(&mut self) -> u8 {
        let [byte] = self.array();
        byte
    }

    /// Two bytes.
    pub fn short(&mut self) -> u16 {
        u16::from_le_bytes(self.array())
    }

    /// Four bytes.
    pub fn int(&mut self) -> u32 {
        u32::from_le_bytes(self.array())
    }

    /// Eight bytes.
    pub fn long(&mut self) -> u64 {
        u64::from_le_bytes(self.array())
    }

    /// A file with a length before it.
    pub fn file(&mut self) -> &'a [u8] {
        let length = usize::from(self.short()).min(self.rest.len());
        let (file, rest) = self.rest.split_at(length);
        self.rest = rest;
        file
    }

    /// The last file.
    #[must_use]
    pub const fn last(self) -> &'a [u8] {
        self.rest
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        match self.rest.split_first_chunk() {
            Some((bytes, rest)) => {
                self.rest = rest;
                *bytes
            }
            None => [0; N],
        }
    }
}

/// Fails unless the text is one JSON value.
pub fn assert_json(text: &[u8]) {
    assert!(std::str::from_utf8(text).is_ok(), "text that is not UTF-8");
    if let Err(error) = serde_json::from_slice::<serde::de::IgnoredAny>(text) {
        panic!("{error}: {}", String::from_utf8_lossy(text));
    }
}

/// Fails if the path could leave the folder that it is in.
pub fn assert_path(path: &str) {
    let leaves = path.starts_with('/')
        || path.split('/').any(|name| matches!(name, "." | ".."))
        || path.contains("//");
    assert!(!leaves, "{path:?}");
}

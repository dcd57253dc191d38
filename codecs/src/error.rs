//! Why bytes could not be decoded.

/// Why a file could not be decoded. Each kind is something a caller can act on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes end too early: fetch more, or the file is cut.
    #[error("`{file}`: truncated at byte {offset}: {what} needs {missing} more bytes")]
    Truncated {
        /// Name of the file or blob.
        file: String,
        /// Where the value starts, in bytes from the start of the file.
        offset: u64,
        /// The value that could not be read.
        what: &'static str,
        /// How many bytes there should have been and are not.
        missing: u64,
    },
    /// The bytes contradict the format: give up on this file, go on with the others.
    #[error("`{file}`: corrupt at byte {offset}: {what}")]
    Corrupt {
        /// Name of the file or blob.
        file: String,
        /// Where the contradiction shows, in bytes from the start of the file.
        offset: u64,
        /// Expected and found, in words.
        what: String,
    },
    /// The bytes are not those that were written.
    #[error(
        "`{file}`: checksum of {length} bytes is {actual:08x}, the file says {expected:08x}: the bytes are damaged"
    )]
    Checksum {
        /// Name of the file or blob.
        file: String,
        /// How many bytes the checksum is over.
        length: u64,
        /// The checksum that was recorded when the file was written.
        expected: u32,
        /// The checksum of the bytes as they are.
        actual: u32,
    },
    /// A well-formed file in a format that ferry cannot read.
    #[error("`{file}`: unsupported {what} `{found}`: ferry reads {supported}")]
    Unsupported {
        /// Name of the file or blob.
        file: String,
        /// Which part of the format, such as `codec` or `version of Lucene90FieldInfos`.
        what: &'static str,
        /// The name or version in the file.
        found: String,
        /// The names or versions that would be accepted.
        supported: String,
    },
}

/// Result of a decoder of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Names the file of an error that a decoder made without knowing it.
    #[must_use]
    pub fn in_file(mut self, name: &str) -> Self {
        let (Self::Truncated { file, .. }
        | Self::Corrupt { file, .. }
        | Self::Checksum { file, .. }
        | Self::Unsupported { file, .. }) = &mut self;
        name.clone_into(file);
        self
    }

    /// Name of the file.
    #[must_use]
    pub fn file(&self) -> &str {
        let (Self::Truncated { file, .. }
        | Self::Corrupt { file, .. }
        | Self::Checksum { file, .. }
        | Self::Unsupported { file, .. }) = self;
        file
    }

    /// Where in the file, in bytes; for a checksum where the bytes end that it is over.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        match self {
            Self::Truncated { offset, .. } | Self::Corrupt { offset, .. } => *offset,
            Self::Checksum { length, .. } => *length,
            Self::Unsupported { .. } => 0,
        }
    }

    /// Moves the offset of an error from a slice of a file to the whole file.
    #[must_use]
    pub fn shifted(mut self, by: u64) -> Self {
        if let Self::Truncated { offset, .. } | Self::Corrupt { offset, .. } = &mut self {
            *offset = offset.saturating_add(by);
        }
        self
    }
}

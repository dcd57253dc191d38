//! Stored fields: the index, every chunk that it names, every field of every document.
//!
//! Input: number of documents (4), `.fdx`, `.fdm` (empty if there is none), `.fdt`.
#![no_main]

use codecs::lucene::stored_fields::{Chunk, Documents, Format, IndexFiles, StoredFields};
use fuzz::{MEMORY, MOST_DOCUMENTS, Parts, sealed};
use libfuzzer_sys::fuzz_target;
use std::cell::RefCell;

thread_local! {
    // Kept, as a worker of the engine keeps it: to fill a new buffer with zeros takes longer than all the rest.
    static DOCUMENTS: RefCell<Documents> = RefCell::default();
}

/// A damaged index may name the same bytes over and over.
const MOST_CHUNKS: u64 = 32;

fuzz_target!(|input: &[u8]| {
    let mut parts = Parts::new(input);
    let max_doc = parts.int() % MOST_DOCUMENTS;
    let (fdx, fdm, fdt) = (parts.file(), parts.file(), parts.last());
    read(max_doc, fdx, fdm, fdt);
    let sealed_fdm = if fdm.is_empty() { Vec::new() } else { sealed(fdm) };
    read(max_doc, &sealed(fdx), &sealed_fdm, fdt);
});

fn read(max_doc: u32, fdx: &[u8], fdm: &[u8], fdt: &[u8]) {
    let head = fdt.get(..usize::try_from(Format::MAX_HEADER).unwrap_or_default()).unwrap_or(fdt);
    let files = IndexFiles { fdx: ("_0.fdx", fdx), fdm: (!fdm.is_empty()).then_some(("_0.fdm", fdm)) };
    let Ok(fields) = StoredFields::open(("_0.fdt", head, fdt.len() as u64), files, None, max_doc) else {
        return;
    };
    for number in 0..fields.chunk_count().min(MOST_CHUNKS) {
        let Ok(chunk) = fields.chunk(number) else { continue };
        assert!(chunk.documents.end <= max_doc && chunk.bytes.end <= fdt.len() as u64);
        DOCUMENTS.with_borrow_mut(|documents| {
            documents.clear();
            read_chunk(&fields, &chunk, fdt, documents);
        });
    }
}

fn read_chunk(fields: &StoredFields, chunk: &Chunk, fdt: &[u8], documents: &mut Documents) {
    let place = |place: u64| usize::try_from(place).unwrap_or(usize::MAX);
    let bytes = &fdt[place(chunk.bytes.start)..place(chunk.bytes.end)];
    let Ok(open) = fields.open_chunk(chunk, bytes) else { return };
    if open.len() > MEMORY || fields.read_chunk(&open, documents).is_err() {
        return;
    }
    assert_eq!((documents.byte_len(), documents.len()), (open.len(), chunk.documents.len()));
    for (number, document) in documents.iter() {
        assert!(chunk.documents.contains(&number));
        for field in document {
            if let Err(at) = field {
                let _ = fields.malformed(chunk, number, at).to_string();
            }
        }
    }
}

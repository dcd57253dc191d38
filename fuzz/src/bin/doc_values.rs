//! Doc values: `.dvm`, and the columns of `.dvd` that it describes.
//!
//! Input: number of documents (4), traits of all fields (1), `.dvm`, `.dvd`.
#![no_main]

use codecs::lucene::doc_values::{DocValuesMeta, FieldTraits};
use fuzz::{MOST_DOCUMENTS, Parts, raw_and_sealed};
use libfuzzer_sys::fuzz_target;
use std::ops::Range;

fuzz_target!(|input: &[u8]| {
    let mut parts = Parts::new(input);
    let (max_doc, traits) = (parts.int() % MOST_DOCUMENTS, parts.byte());
    let traits = FieldTraits { compressed: traits & 1 != 0, skip_index: traits & 2 != 0 };
    let meta = parts.file();
    raw_and_sealed(meta, |meta| {
        let Ok(meta) =
            DocValuesMeta::decode("_0.dvm", meta, max_doc, |field| (field < 1000).then_some(traits))
        else {
            return;
        };
        for field in meta.fields().take(16) {
            column(&meta, field, max_doc, parts.last());
        }
    });
});

fn column(meta: &DocValuesMeta, field: u32, max_doc: u32, data: &[u8]) {
    if let Some(entry) = meta.numeric(field)
        && let Ok(documents) =
            entry.documents_with_value("_0.dvd", part(data, &entry.range().unwrap_or_default()))
    {
        assert_eq!((u64::from(documents.len()), documents.max_doc()), (entry.value_count, max_doc));
    }
    if let Some(entry) = meta.sorted(field)
        && let Ok(column) = entry.decode("_0.dvd", part(data, &entry.range()))
    {
        let mut buffer = Vec::new();
        for document in (0..max_doc.min(300)).chain([max_doc, u32::MAX]) {
            let _ = column.value(document, &mut buffer);
        }
    }
}

/// The range, or as much of it as there is.
fn part<'a>(data: &'a [u8], range: &Range<u64>) -> &'a [u8] {
    let place = |place: u64| usize::try_from(place).unwrap_or(usize::MAX).min(data.len());
    data.get(place(range.start)..place(range.end)).unwrap_or_default()
}

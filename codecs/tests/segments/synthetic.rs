//! Segments that no server of ours writes: large documents in slices in every compression, and Lucene 4.0.
//!
//! Laid out as `CompressingStoredFieldsWriter` of Lucene 5.5, 8.11 and 9.12, `Lucene40StoredFieldsWriter` and the
//! codecs of Elasticsearch and OpenSearch do.

use crate::real::open;
use codecs::lucene::segment_info::SegmentInfo;
use codecs::lucene::stored_fields::{Documents, StoredValue};

const ID: [u8; 16] = [7; 16];
const FOOTER_LENGTH: usize = 16;
/// Bytes of a slice: the last slice of the document is shorter.
const CHUNK_SIZE: u32 = 1000;
const BLOCK: usize = 300;
const DICTIONARY: usize = 100;

fn vint(mut value: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(u8::try_from(value & 0x7F).unwrap() | 0x80);
        value >>= 7;
    }
    bytes.push(u8::try_from(value).unwrap());
    bytes
}

fn length(bytes: &[u8]) -> Vec<u8> {
    vint(u32::try_from(bytes.len()).unwrap())
}

fn header(codec: &str, version: i32) -> Vec<u8> {
    [&[0x3F, 0xD7, 0x6C, 0x17][..], &length(codec.as_bytes()), codec.as_bytes(), &version.to_be_bytes()]
        .concat()
}

fn index_header(codec: &str, version: i32) -> Vec<u8> {
    [&header(codec, version)[..], &ID, &[0]].concat()
}

fn sealed(body: &[u8]) -> Vec<u8> {
    let bytes = [body, &[0xC0, 0x28, 0x93, 0xE8, 0, 0, 0, 0]].concat();
    let checksum = u64::from(crc32fast::hash(&bytes));
    [&bytes[..], &checksum.to_be_bytes()].concat()
}

fn info(doc_count: u32, id: Option<[u8; 16]>) -> SegmentInfo {
    let version = "9.12.1".to_owned();
    SegmentInfo { version, doc_count, is_compound: false, id, files: Vec::new(), attributes: Vec::new() }
}

/// `.fdx` and `.fdm` of Lucene 9 over one chunk, from `start` to `end`.
fn index_90(documents: u32, start: usize, end: usize) -> [Vec<u8>; 2] {
    let fdx = index_header("Lucene90FieldsIndexIdx", 0);
    let data = i64::try_from(fdx.len()).unwrap().to_le_bytes();
    let [start, end] = [start, end].map(|at| i64::try_from(at).unwrap());
    let line = |first: i64, last: i64| {
        [&first.to_le_bytes()[..], &((last - first) as f32).to_le_bytes(), &[0; 8], &[0]].concat()
    };
    let mut fdm = index_header("Lucene90FieldsIndexMeta", 1);
    fdm.extend(vint(CHUNK_SIZE));
    for number in [documents, 2, 2] {
        fdm.extend(number.to_le_bytes());
    }
    for part in [&data[..], &line(0, documents.into()), &data, &line(start, end), &data, &end.to_le_bytes()] {
        fdm.extend(part);
    }
    fdm.extend([1, 0, 0]);
    [sealed(&fdx), sealed(&fdm)]
}

/// `.fdx` of Lucene 5 over one chunk.
fn index_50(codec: &str, start: usize, end: usize) -> Vec<u8> {
    let [start, end] = [start, end].map(|at| vint(u32::try_from(at).unwrap()));
    let document = [0, 0, 0];
    sealed(&[&index_header(codec, 1)[..], &[2, 1], &document, &start, &[0, 0], &[0], &end].concat())
}

/// A codec and what makes a slice of it.
type Slicing<'a> = (&'a str, &'a dyn Fn(&[u8]) -> Vec<u8>);

type Compress = fn(&[u8], &[u8]) -> Vec<u8>;

fn lz4(block: &[u8], dictionary: &[u8]) -> Vec<u8> {
    lz4_flex::block::compress_with_dict(block, dictionary)
}

fn deflate(block: &[u8], dictionary: &[u8]) -> Vec<u8> {
    let mut stream = flate2::Compress::new(flate2::Compression::fast(), false);
    if !dictionary.is_empty() {
        stream.set_dictionary(dictionary).unwrap();
    }
    let mut output = Vec::with_capacity(block.len() * 2 + 64);
    stream.compress_vec(block, &mut output, flate2::FlushCompress::Finish).unwrap();
    output
}

fn zstd(block: &[u8], dictionary: &[u8]) -> Vec<u8> {
    zstd::bulk::Compressor::with_dictionary(3, dictionary).unwrap().compress(block).unwrap()
}

fn with_length(compressed: &[u8]) -> Vec<u8> {
    [&length(compressed)[..], compressed].concat()
}

fn lengths() -> Vec<u8> {
    [vint(u32::try_from(DICTIONARY).unwrap()), vint(u32::try_from(BLOCK).unwrap())].concat()
}

fn lz4_with_dictionary(slice: &[u8]) -> Vec<u8> {
    let (dictionary, documents) = slice.split_at(DICTIONARY.min(slice.len()));
    let mut blocks = vec![lz4(dictionary, &[])];
    blocks.extend(documents.chunks(BLOCK).map(|block| lz4(block, dictionary)));
    let compressed_lengths = blocks.iter().flat_map(|block| length(block)).collect();
    [lengths(), compressed_lengths, blocks.concat()].concat()
}

fn with_dictionary(slice: &[u8], compress: Compress) -> Vec<u8> {
    let (dictionary, documents) = slice.split_at(DICTIONARY);
    let blocks = documents.chunks(BLOCK).flat_map(|block| with_length(&compress(block, dictionary)));
    [lengths(), with_length(&compress(dictionary, &[])), blocks.collect()].concat()
}

fn blocks(slice: &[u8]) -> Vec<u8> {
    let blocks = slice.chunks(BLOCK).flat_map(|block| with_length(&zstd(block, &[])));
    [vint(u32::try_from(BLOCK).unwrap()), blocks.collect()].concat()
}

/// One document of one field that fills three slices and a part.
fn large_document() -> (Vec<u8>, Vec<u8>) {
    let value: Vec<u8> = (0..900_u32).flat_map(|n| format!("{:x} ", n * n % 1013).into_bytes()).collect();
    let document = [&vint(3 << 3 | 1)[..], &length(&value), &value].concat();
    assert!(document.len() > 3 * CHUNK_SIZE as usize + DICTIONARY);
    (value, document)
}

/// `.fdt` with one sliced chunk of one document; `head` is its header, `shift` the bits before the number of documents.
fn sliced(head: Vec<u8>, shift: u32, compress: impl Fn(&[u8]) -> Vec<u8>) -> (Vec<u8>, usize, usize) {
    let (_, document) = large_document();
    let start = head.len();
    let mut fdt = head;
    fdt.push(0);
    fdt.extend(vint(1 << shift | 1));
    fdt.push(1);
    fdt.extend(length(&document));
    for slice in document.chunks(CHUNK_SIZE as usize) {
        fdt.extend(compress(slice));
    }
    let end = fdt.len();
    (sealed(&fdt), start, end)
}

/// Opens and reads the large document; every cut of its chunk is an error.
fn assert_large_document(fdt: &[u8], fdx: &[u8], fdm: &[u8]) {
    let stored = open([fdt, fdx, fdm], &info(1, Some(ID))).unwrap();
    let chunk = stored.chunk(0).unwrap();
    let mut documents = Documents::default();
    let mut read = |length: usize| -> codecs::Result<()> {
        let start = usize::try_from(chunk.bytes.start).unwrap();
        let open = stored.open_chunk(&chunk, &fdt[start..start + length])?;
        documents.clear();
        stored.read_chunk(&open, &mut documents)
    };
    let whole = fdt.len() - FOOTER_LENGTH - usize::try_from(chunk.bytes.start).unwrap();
    for cut in 0..whole {
        assert!(read(cut).is_err(), "{}: cut at {cut}", stored.format());
    }
    read(whole).unwrap();
    let (number, mut fields) = documents.iter().next().unwrap();
    let (value, _) = large_document();
    assert_eq!(
        (number, fields.next()),
        (0, Some(Ok((3, StoredValue::Bytes(&value))))),
        "{}",
        stored.format()
    );
    assert_eq!(fields.next(), None);
}

#[test]
fn a_large_document_of_lucene_9_is_in_slices_in_every_compression() {
    let formats: [Slicing<'_>; 5] = [
        ("Lucene90StoredFieldsFastData", &lz4_with_dictionary),
        ("Lucene90StoredFieldsHighData", &|slice| with_dictionary(slice, deflate)),
        ("ZstdStoredFields814", &|slice| with_length(&zstd(slice, &[]))),
        ("CustomStoredFieldsZstd", &|slice| with_dictionary(slice, zstd)),
        ("CustomStoredFieldsZstdNoDict", &blocks),
    ];
    for (codec, compress) in formats {
        let (fdt, start, end) = sliced(index_header(codec, 1), 2, compress);
        let [fdx, fdm] = index_90(1, start, end);
        assert_large_document(&fdt, &fdx, &fdm);
    }
}

#[test]
fn a_large_document_of_lucene_5_and_8_7_is_in_slices() {
    let formats: [Slicing<'_>; 4] = [
        ("Lucene50StoredFieldsFast", &|slice| lz4(slice, &[])),
        ("Lucene50StoredFieldsHigh", &|slice| with_length(&deflate(slice, &[]))),
        ("Lucene87StoredFieldsFast", &lz4_with_dictionary),
        ("Lucene87StoredFieldsHigh", &|slice| with_dictionary(slice, deflate)),
    ];
    for (codec, compress) in formats {
        let head = [index_header(&format!("{codec}Data"), 1), vint(CHUNK_SIZE), vint(2)].concat();
        let (fdt, start, end) = sliced(head, 1, compress);
        assert_large_document(&fdt, &index_50(&format!("{codec}Index"), start, end), &[]);
    }
}

#[test]
fn lucene_4_0_has_no_chunks() {
    let documents: [Vec<u8>; 3] = [
        [&[3][..], &[0, 0, 2], b"t1", &[1, 2, 3], b"{ }", &[2, 8], &(-7_i32).to_be_bytes()].concat(),
        vec![0],
        [
            &[3][..],
            &[4, 16],
            &(1_i64 << 40).to_be_bytes(),
            &[5, 24],
            &1.5_f32.to_be_bytes(),
            &[6, 32],
            &(-2.5_f64).to_be_bytes(),
        ]
        .concat(),
    ];
    let mut fdt = header("Lucene40StoredFieldsData", 0);
    let mut fdx = header("Lucene40StoredFieldsIndex", 0);
    for document in &documents {
        fdx.extend((fdt.len() as u64).to_be_bytes());
        fdt.extend(document);
    }
    let stored = open([&fdt, &fdx, &[]], &info(3, None)).unwrap();
    assert_eq!(
        (stored.chunk_count(), stored.format().to_string().as_str()),
        (3, "Lucene40StoredFieldsData (uncompressed)")
    );
    let mut found = Documents::default();
    for (number, bytes) in (0..3).zip(&documents) {
        let chunk = stored.chunk(number).unwrap();
        stored.read_chunk(&stored.open_chunk(&chunk, bytes).unwrap(), &mut found).unwrap();
    }
    let values: Vec<Vec<_>> = found.iter().map(|(_, fields)| fields.map(Result::unwrap).collect()).collect();
    let expected = [
        vec![(0, StoredValue::String(b"t1")), (1, StoredValue::Bytes(b"{ }")), (2, StoredValue::Int(-7))],
        vec![],
        vec![(4, StoredValue::Long(1 << 40)), (5, StoredValue::Float(1.5)), (6, StoredValue::Double(-2.5))],
    ];
    assert_eq!(values, expected);
}

#[test]
fn a_number_of_documents_that_cannot_be_is_refused_before_anything_is_allocated_for_it() {
    let documents = 0x7FFF_0000;
    let (fdt, start, end) = sliced(index_header("Lucene90StoredFieldsFastData", 1), 2, lz4_with_dictionary);
    let [fdx, fdm] = index_90(documents, start, end);
    let error = open([&fdt, &fdx, &fdm], &info(documents, Some(ID))).unwrap_err().to_string();
    let expected = format!("2147418112 documents in {end} bytes, at most 4096 a byte");
    assert_eq!(error, format!("`_0.fdt`: corrupt at byte 0: {expected}"));
}

/// Memory is taken by what is decompressed, not by what the head of a chunk promises.
#[test]
#[cfg(target_os = "linux")]
fn a_chunk_that_promises_a_gigabyte_does_not_take_it() {
    let promised = 1 << 30;
    let mut fdt = index_header("ZstdStoredFields814", 1);
    let start = fdt.len();
    fdt.extend([0, 1 << 2 | 1, 1]);
    fdt.extend(vint(promised));
    fdt.extend(with_length(&zstd(b"not that long", &[])));
    fdt.extend(vec![0; promised as usize >> 14]); // within what zstd could make of it
    let end = fdt.len();
    let [fdx, fdm] = index_90(1, start, end);
    let fdt = sealed(&fdt);
    let stored = open([&fdt, &fdx, &fdm], &info(1, Some(ID))).unwrap();
    let chunk = stored.chunk(0).unwrap();
    let open = stored.open_chunk(&chunk, &fdt[start..end]).unwrap();
    assert_eq!(open.len(), promised as usize);
    assert!(stored.read_chunk(&open, &mut Documents::default()).is_err());
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak < 512 << 10, "{peak} KiB");
}

//! OpenSearch 3.5.0: Lucene 10.3, folders named by hashes.

use crate::Damage::{Cut, Flip, Missing};
use crate::{damaged, refused};

damaged! {
    "os-3.5.0"
    a_missing_fdt_costs_its_segment: "merged" "e01101111111000/indices/asilf0EFQ_CkBzIcvT3SeA/0/__JsijWeUvR4OGag-MJbokTg" Missing, 0, 119, 0,
        "could not read bytes 0..512 of `REPO/e01101111111000/indices/asilf0EFQ_CkBzIcvT3SeA/0/__JsijWeUvR4OGag-MJbokTg`: not found: No such file or directory (os error 2)",
        "
SNAPSHOT  INDEX   SHARD  BLOB                                                                       OFFSET  PROBLEM
snap1     merged      0  e01101111111000/indices/asilf0EFQ_CkBzIcvT3SeA/0/__JsijWeUvR4OGag-MJbokTg       -  could not read bytes 0..512 of `REPO/e01101111111000/indices/asilf0EFQ_CkBzIcvT3SeA/0/__JsijWeUvR4OGag-MJbokTg`: not found: No such file or directory (os error 2)
snapshot `snap1`: 1 indices, 1 shards, 0 documents read, checksums of 5 files (2.5 KiB) computed, 1 faults
";
    a_flipped_byte_in_a_chunk_of_fdt_costs_a_document: "merged" "e01101111111000/indices/asilf0EFQ_CkBzIcvT3SeA/0/__JsijWeUvR4OGag-MJbokTg" Flip(85), 118, 1, 1,
        "`_7.fdt`: corrupt at byte 54: document 67 in the chunk that starts here has a malformed field, 0 bytes before its end",
        "
SNAPSHOT  INDEX   SHARD  BLOB                                                                       OFFSET  PROBLEM
snap1     merged      0  e01101111111000/indices/asilf0EFQ_CkBzIcvT3SeA/0/__JsijWeUvR4OGag-MJbokTg      54  `_7.fdt`: corrupt at byte 54: document 67 in the chunk that starts here has a malformed field, 0 bytes before its end; document 67 cannot be read
snapshot `snap1`: 1 indices, 1 shards, 118 documents read, checksums of 8 files (10.9 KiB) computed, 1 faults
";
    a_damaged_fdm_costs_its_segment: "merged" "e01101111111000/indices/asilf0EFQ_CkBzIcvT3SeA/0/__v-znBfU8ThqvLOpgZLH8Vw" Flip(60), 0, 119, 0,
        "could not decode shard 0 of index `merged`: `_7.fdm`: checksum of 150 bytes is b37e67b8, the file says 58852240: the bytes are damaged",
        "
SNAPSHOT  INDEX   SHARD  BLOB                                                                       OFFSET  PROBLEM
snap1     merged      0  e01101111111000/indices/asilf0EFQ_CkBzIcvT3SeA/0/__v-znBfU8ThqvLOpgZLH8Vw     150  `_7.fdm`: checksum of 150 bytes is b37e67b8, the file says 58852240: the bytes are damaged
snapshot `snap1`: 1 indices, 1 shards, 0 documents read, checksums of 6 files (7.3 KiB) computed, 1 faults
";
    a_flipped_byte_of_fdt_in_a_cfs_costs_its_chunk: "lz4" "D00100101100000/indices/D_XQVVVQTfebTmXBYCzYQw/0/__PbVzh-LkTz6JPLNS6nzirQ" Flip(4825), 153, 116, 1,
        "`_0.fdt`: corrupt at byte 8264: compressed documents: not an LZ4 block of 4122 bytes: the offset to copy is not contained in the decompressed buffer",
        "
SNAPSHOT  INDEX  SHARD  BLOB                                                                       OFFSET  PROBLEM
snap1     lz4        0  D00100101100000/indices/D_XQVVVQTfebTmXBYCzYQw/0/__PbVzh-LkTz6JPLNS6nzirQ   12968  `_0.fdt`: corrupt at byte 8264: compressed documents: not an LZ4 block of 4122 bytes: the offset to copy is not contained in the decompressed buffer; 116 documents between 0 and 118 cannot be read
snapshot `snap1`: 1 indices, 1 shards, 153 documents read, checksums of 13 files (37.1 KiB) computed, 1 faults
";
    a_cut_cfs_costs_the_chunks_behind_the_cut: "lz4" "D00100101100000/indices/D_XQVVVQTfebTmXBYCzYQw/0/__PbVzh-LkTz6JPLNS6nzirQ" Cut(15000), 137, 132, 1,
        "`_0.fdt`: truncated at byte 9227: first document of a chunk needs 1 more bytes",
        "
SNAPSHOT  INDEX  SHARD  BLOB                                                                       OFFSET  PROBLEM
snap1     lz4        0  D00100101100000/indices/D_XQVVVQTfebTmXBYCzYQw/0/__PbVzh-LkTz6JPLNS6nzirQ   13931  `_0.fdt`: truncated at byte 9227: first document of a chunk needs 1 more bytes; 117 documents between 118 and 235 cannot be read
snap1     lz4        0  D00100101100000/indices/D_XQVVVQTfebTmXBYCzYQw/0/__PbVzh-LkTz6JPLNS6nzirQ   23033  `_0.fdt`: truncated at byte 18329: first document of a chunk needs 1 more bytes; 15 documents between 235 and 250 cannot be read
snapshot `snap1`: 1 indices, 1 shards, 137 documents read, checksums of 12 files (13.0 KiB) computed, 2 faults
";
    a_damaged_dvd_of_soft_deletes_costs_its_segment: "updates" "L00101101000100/indices/zsdj6jd3SVGmhlYKp5_OMA/0/__dNJJWCs0RFycZbOMdvGODw" Flip(90), 52, 67, 0,
        "could not decode shard 0 of index `updates`: `_0_3_Lucene90_0.dvd`: checksum of 183 bytes is 0f14a70e, the file says 13a21559: the bytes are damaged",
        "
SNAPSHOT  INDEX    SHARD  BLOB                                                                       OFFSET  PROBLEM
snap1     updates      0  L00101101000100/indices/zsdj6jd3SVGmhlYKp5_OMA/0/__dNJJWCs0RFycZbOMdvGODw     183  `_0_3_Lucene90_0.dvd`: checksum of 183 bytes is 0f14a70e, the file says 13a21559: the bytes are damaged
snapshot `snap1`: 1 indices, 1 shards, 52 documents read, checksums of 33 files (40.9 KiB) computed, 1 faults
";
    a_damaged_list_of_files_costs_its_shard: "updates" "L00101101000100/indices/zsdj6jd3SVGmhlYKp5_OMA/0/snap-9vy7MDQIRwqiqE3L7j_ovw.dat" Flip(200), 0, 0, 0,
        "could not decode shard 0 of index `updates`: `L00101101000100/indices/zsdj6jd3SVGmhlYKp5_OMA/0/snap-9vy7MDQIRwqiqE3L7j_ovw.dat`: checksum of 2367 bytes is 2e332f20, the file says e64fd89c: the bytes are damaged",
        "
SNAPSHOT  INDEX    SHARD  BLOB                                                                              OFFSET  PROBLEM
snap1     updates      0  L00101101000100/indices/zsdj6jd3SVGmhlYKp5_OMA/0/snap-9vy7MDQIRwqiqE3L7j_ovw.dat    2367  `L00101101000100/indices/zsdj6jd3SVGmhlYKp5_OMA/0/snap-9vy7MDQIRwqiqE3L7j_ovw.dat`: checksum of 2367 bytes is 2e332f20, the file says e64fd89c: the bytes are damaged
snapshot `snap1`: 1 indices, 1 shards, 0 documents read, checksums of 0 files (0 B) computed, 1 faults
";
}

#[test]
fn a_catalog_that_is_not_json_stops_before_anything_is_done() {
    refused("os-3.5.0", "a_catalog_that_is_not_json", "index-3", Cut(5000), "
error: could not decode the metadata of `REPO`
  cause: `index-3`: truncated at byte 5000: JSON text needs 1 more bytes
hint: every snapshot needs this blob, and an older one may lack snapshots: put it back from a copy of the repository
");
}

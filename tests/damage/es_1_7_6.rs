//! Elasticsearch 1.7.6: Lucene 4.10, metadata as JSON without checksums.

use crate::Damage::{Cut, Flip, Missing};
use crate::{damaged, refused};

damaged! {
    "es-1.7.6"
    a_missing_fdt_costs_its_segment: "merged" "indices/merged/0/__6" Missing, 0, 119, 0,
        "could not read bytes 0..512 of `REPO/indices/merged/0/__6`: not found: No such file or directory (os error 2)",
        "
SNAPSHOT  INDEX   SHARD  BLOB                  OFFSET  PROBLEM
snap1     merged      0  indices/merged/0/__6       -  could not read bytes 0..512 of `REPO/indices/merged/0/__6`: not found: No such file or directory (os error 2)
snapshot `snap1`: 1 indices, 1 shards, 0 documents read, checksums of 4 files (1.6 KiB) computed, 1 faults
";
    a_flipped_byte_in_a_chunk_of_fdt_costs_the_chunk: "merged" "indices/merged/0/__6" Flip(60), 0, 119, 1,
        "`_4.fdt`: corrupt at byte 37: compressed documents: an LZ4 block of 7050 bytes where 7114 are expected",
        "
SNAPSHOT  INDEX   SHARD  BLOB                  OFFSET  PROBLEM
snap1     merged      0  indices/merged/0/__6      37  `_4.fdt`: corrupt at byte 37: compressed documents: an LZ4 block of 7050 bytes where 7114 are expected; 119 documents between 0 and 119 cannot be read
snapshot `snap1`: 1 indices, 1 shards, 0 documents read, checksums of 5 files (4.4 KiB) computed, 1 faults
";
    a_damaged_fdx_costs_its_segment: "merged" "indices/merged/0/__5" Flip(40), 0, 119, 0,
        "could not decode shard 0 of index `merged`: `_4.fdx`: checksum of 55 bytes is 0cbd2d33, the file says 48dfb27c: the bytes are damaged",
        "
SNAPSHOT  INDEX   SHARD  BLOB                  OFFSET  PROBLEM
snap1     merged      0  indices/merged/0/__5      55  `_4.fdx`: checksum of 55 bytes is 0cbd2d33, the file says 48dfb27c: the bytes are damaged
snapshot `snap1`: 1 indices, 1 shards, 0 documents read, checksums of 5 files (4.4 KiB) computed, 1 faults
";
    a_damaged_del_costs_its_segment: "updates" "indices/updates/0/__g" Flip(30), 54, 65, 0,
        "could not decode shard 0 of index `updates`: `_0_3.del`: checksum of 53 bytes is 1dee7c2b, the file says 1c9cfa67: the bytes are damaged",
        "
SNAPSHOT  INDEX    SHARD  BLOB                   OFFSET  PROBLEM
snap1     updates      0  indices/updates/0/__g      53  `_0_3.del`: checksum of 53 bytes is 1dee7c2b, the file says 1c9cfa67: the bytes are damaged
snapshot `snap1`: 1 indices, 1 shards, 54 documents read, checksums of 16 files (26.7 KiB) computed, 1 faults
";
    a_flipped_byte_of_fdt_in_a_cfs_costs_its_chunk: "lz4" "indices/lz4/0/__6" Flip(16706), 245, 24, 1,
        "`_0.fdt`: corrupt at byte 8276: compressed documents: not an LZ4 block of 16845 bytes: the offset to copy is not contained in the decompressed buffer",
        "
SNAPSHOT  INDEX  SHARD  BLOB               OFFSET  PROBLEM
snap1     lz4        0  indices/lz4/0/__6   15982  `_0.fdt`: corrupt at byte 8276: compressed documents: not an LZ4 block of 16845 bytes: the offset to copy is not contained in the decompressed buffer; 24 documents between 96 and 120 cannot be read
snapshot `snap1`: 1 indices, 1 shards, 245 documents read, checksums of 8 files (41.3 KiB) computed, 1 faults
";
    a_damaged_list_of_files_costs_its_shard: "updates" "indices/updates/0/snapshot-snap1" Cut(1000), 0, 0, 0,
        "could not decode shard 0 of index `updates`: `indices/updates/0/snapshot-snap1`: truncated at byte 1000: JSON text needs 1 more bytes",
        "
SNAPSHOT  INDEX    SHARD  BLOB                              OFFSET  PROBLEM
snap1     updates      0  indices/updates/0/snapshot-snap1    1000  `indices/updates/0/snapshot-snap1`: truncated at byte 1000: JSON text needs 1 more bytes
snapshot `snap1`: 1 indices, 1 shards, 0 documents read, checksums of 0 files (0 B) computed, 1 faults
";
    damaged_index_metadata_costs_the_index: "updates" "indices/updates/snapshot-snap1" Cut(100), 0, 0, 0,
        "could not decode the metadata of index `updates`: `indices/updates/snapshot-snap1`: truncated at byte 7: LZF chunk data needs 212 more bytes",
        "
SNAPSHOT  INDEX    SHARD  BLOB                            OFFSET  PROBLEM
snap1     updates      -  indices/updates/snapshot-snap1       7  `indices/updates/snapshot-snap1`: truncated at byte 7: LZF chunk data needs 212 more bytes
snapshot `snap1`: 1 indices, 0 shards, 0 documents read, checksums of 0 files (0 B) computed, 1 faults
";
}

#[test]
fn a_catalog_that_is_not_json_stops_before_anything_is_done() {
    refused("es-1.7.6", "a_catalog_that_is_not_json", "index", Cut(20), "
error: could not decode the metadata of `REPO`
  cause: `index`: truncated at byte 7: LZF chunk data needs 15 more bytes
hint: every snapshot needs this blob, and an older one may lack snapshots: put it back from a copy of the repository
");
}

#[test]
fn a_missing_snapshot_blob_stops_before_anything_is_done() {
    refused("es-1.7.6", "a_missing_snapshot_blob", "snapshot-snap1", Missing, "
error: could not read `REPO/snap-snap1.dat`: not found
  cause: No such file or directory (os error 2); nor is there `snapshot-snap1`
hint: check the location of the repository; when other blobs of it can be read, this one is missing from the repository
");
}

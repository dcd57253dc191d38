//! Elasticsearch 7.10.2: Lucene 8.7, checksums on everything but the catalog.

use crate::Damage::{Cut, Flip, FlipFromEnd, Longer, Missing};
use crate::support::truth::{document, written_lines};
use crate::support::{copy_folder, ferry_in, fixture, scratch};
use crate::{damaged, refused, true_documents};
use std::fs;

damaged! {
    "es-7.10.2"
    a_missing_fdt_costs_its_segment: "merged" "indices/ynIPQuzeSwubNv4OO3B6Iw/0/__eH7MmAJ9QDS97bkBeFmcQw" Missing, 0, 119, 0,
        "could not read bytes 0..512 of `REPO/indices/ynIPQuzeSwubNv4OO3B6Iw/0/__eH7MmAJ9QDS97bkBeFmcQw`: not found: No such file or directory (os error 2)",
        "
SNAPSHOT  INDEX   SHARD  BLOB                                                       OFFSET  PROBLEM
snap1     merged      0  indices/ynIPQuzeSwubNv4OO3B6Iw/0/__eH7MmAJ9QDS97bkBeFmcQw       -  could not read bytes 0..512 of `REPO/indices/ynIPQuzeSwubNv4OO3B6Iw/0/__eH7MmAJ9QDS97bkBeFmcQw`: not found: No such file or directory (os error 2)
snapshot `snap1`: 1 indices, 1 shards, 0 documents read, checksums of 5 files (2.4 KiB) computed, 1 faults
";
    a_cut_fdt_costs_the_chunk_that_is_cut: "merged" "indices/ynIPQuzeSwubNv4OO3B6Iw/0/__eH7MmAJ9QDS97bkBeFmcQw" Cut(3000), 0, 119, 0,
        "could not read bytes 0..5339 of `REPO/indices/ynIPQuzeSwubNv4OO3B6Iw/0/__eH7MmAJ9QDS97bkBeFmcQw`: expected 5339 bytes, found 3000",
        "
SNAPSHOT  INDEX   SHARD  BLOB                                                       OFFSET  PROBLEM
snap1     merged      0  indices/ynIPQuzeSwubNv4OO3B6Iw/0/__eH7MmAJ9QDS97bkBeFmcQw    3000  could not read bytes 0..5339 of `REPO/indices/ynIPQuzeSwubNv4OO3B6Iw/0/__eH7MmAJ9QDS97bkBeFmcQw`: expected 5339 bytes, found 3000
snapshot `snap1`: 1 indices, 1 shards, 0 documents read, checksums of 7 files (6.1 KiB) computed, 1 faults
";
    a_flipped_byte_in_a_chunk_of_fdt_costs_a_document: "merged" "indices/ynIPQuzeSwubNv4OO3B6Iw/0/__eH7MmAJ9QDS97bkBeFmcQw" Flip(85), 118, 1, 1,
        "`_7.fdt`: corrupt at byte 54: document 109 in the chunk that starts here has a malformed field, 0 bytes before its end",
        "
SNAPSHOT  INDEX   SHARD  BLOB                                                       OFFSET  PROBLEM
snap1     merged      0  indices/ynIPQuzeSwubNv4OO3B6Iw/0/__eH7MmAJ9QDS97bkBeFmcQw      54  `_7.fdt`: corrupt at byte 54: document 109 in the chunk that starts here has a malformed field, 0 bytes before its end; document 109 cannot be read
snapshot `snap1`: 1 indices, 1 shards, 118 documents read, checksums of 8 files (11.3 KiB) computed, 1 faults
";
    a_flipped_byte_in_a_chunk_of_fdt_costs_the_chunk: "merged" "indices/ynIPQuzeSwubNv4OO3B6Iw/0/__eH7MmAJ9QDS97bkBeFmcQw" Flip(116), 0, 119, 1,
        "`_7.fdt`: corrupt at byte 4530: compressed documents: not an LZ4 block of 1056 bytes: provided output is too small for the decompressed data, actual 1056, expected 1057",
        "
SNAPSHOT  INDEX   SHARD  BLOB                                                       OFFSET  PROBLEM
snap1     merged      0  indices/ynIPQuzeSwubNv4OO3B6Iw/0/__eH7MmAJ9QDS97bkBeFmcQw    4530  `_7.fdt`: corrupt at byte 4530: compressed documents: not an LZ4 block of 1056 bytes: provided output is too small for the decompressed data, actual 1056, expected 1057; 119 documents between 0 and 215 cannot be read
snapshot `snap1`: 1 indices, 1 shards, 0 documents read, checksums of 8 files (11.3 KiB) computed, 1 faults
";
    a_flipped_byte_in_the_header_of_fdt_costs_its_segment: "merged" "indices/ynIPQuzeSwubNv4OO3B6Iw/0/__eH7MmAJ9QDS97bkBeFmcQw" Flip(10), 0, 119, 0,
        "could not decode shard 0 of index `merged`: `_7.fdt`: unsupported codec of stored fields `Lucenu87StoredFieldsFastData`: ferry reads Lucene40StoredFields, Lucene41StoredFields, Lucene50StoredFields…, Lucene87StoredFields…, Lucene90StoredFields…, ZstdStoredFields814 and CustomStoredFieldsZstd…",
        "
SNAPSHOT  INDEX   SHARD  BLOB                                                       OFFSET  PROBLEM
snap1     merged      0  indices/ynIPQuzeSwubNv4OO3B6Iw/0/__eH7MmAJ9QDS97bkBeFmcQw       0  `_7.fdt`: unsupported codec of stored fields `Lucenu87StoredFieldsFastData`: ferry reads Lucene40StoredFields, Lucene41StoredFields, Lucene50StoredFields…, Lucene87StoredFields…, Lucene90StoredFields…, ZstdStoredFields814 and CustomStoredFieldsZstd…
snap1     merged      0  indices/ynIPQuzeSwubNv4OO3B6Iw/0/__eH7MmAJ9QDS97bkBeFmcQw    5331  `_7.fdt`: its checksum is f0f7c725, its footer says 803254d7
snapshot `snap1`: 1 indices, 1 shards, 0 documents read, checksums of 6 files (7.7 KiB) computed, 2 faults
";
    a_cut_footer_of_fdt_is_told_and_costs_nothing: "merged" "indices/ynIPQuzeSwubNv4OO3B6Iw/0/__eH7MmAJ9QDS97bkBeFmcQw" Cut(5334), 119, 0, 1,
        "`_7.fdt`: truncated at byte 5323: the rest with the checksum needs 16 more bytes; what could be read of this segment is written, and may not be what was indexed",
        "
SNAPSHOT  INDEX   SHARD  BLOB                                                       OFFSET  PROBLEM
snap1     merged      0  indices/ynIPQuzeSwubNv4OO3B6Iw/0/__eH7MmAJ9QDS97bkBeFmcQw    5334  could not read bytes 0..5339 of `REPO/indices/ynIPQuzeSwubNv4OO3B6Iw/0/__eH7MmAJ9QDS97bkBeFmcQw`: expected 5339 bytes, found 5334
snapshot `snap1`: 1 indices, 1 shards, 119 documents read, checksums of 7 files (6.1 KiB) computed, 1 faults
";
    a_flipped_byte_in_the_footer_of_fdt_is_told_and_costs_nothing: "merged" "indices/ynIPQuzeSwubNv4OO3B6Iw/0/__eH7MmAJ9QDS97bkBeFmcQw" FlipFromEnd(1), 119, 0, 1,
        "`_7.fdt`: checksum of 5331 bytes is 803254d7, the file says 803254c7: the bytes are damaged; what could be read of this segment is written, and may not be what was indexed",
        "
SNAPSHOT  INDEX   SHARD  BLOB                                                       OFFSET  PROBLEM
snap1     merged      0  indices/ynIPQuzeSwubNv4OO3B6Iw/0/__eH7MmAJ9QDS97bkBeFmcQw    5331  `_7.fdt`: its checksum is 803254d7, its footer says 803254c7
snapshot `snap1`: 1 indices, 1 shards, 119 documents read, checksums of 8 files (11.3 KiB) computed, 1 faults
";
    a_damaged_fdx_costs_its_segment: "merged" "indices/ynIPQuzeSwubNv4OO3B6Iw/0/__0L-JnBT7TyWgLYPjWxgwew" Flip(50), 0, 119, 0,
        "could not decode shard 0 of index `merged`: `_7.fdx`: corrupt at byte 48: expected the Lucene footer magic c02893e8, found c02883e8",
        "
SNAPSHOT  INDEX   SHARD  BLOB                                                       OFFSET  PROBLEM
snap1     merged      0  indices/ynIPQuzeSwubNv4OO3B6Iw/0/__0L-JnBT7TyWgLYPjWxgwew      48  `_7.fdx`: corrupt at byte 48: expected the Lucene footer magic c02893e8, found c02883e8
snapshot `snap1`: 1 indices, 1 shards, 0 documents read, checksums of 6 files (7.7 KiB) computed, 1 faults
";
    a_damaged_fdm_costs_its_segment: "merged" "indices/ynIPQuzeSwubNv4OO3B6Iw/0/__sNymokLHRbuq-rfU-ij2Rg" Flip(60), 0, 119, 0,
        "could not decode shard 0 of index `merged`: `_7.fdm`: checksum of 150 bytes is e3e27163, the file says 0819349b: the bytes are damaged",
        "
SNAPSHOT  INDEX   SHARD  BLOB                                                       OFFSET  PROBLEM
snap1     merged      0  indices/ynIPQuzeSwubNv4OO3B6Iw/0/__sNymokLHRbuq-rfU-ij2Rg     150  `_7.fdm`: checksum of 150 bytes is e3e27163, the file says 0819349b: the bytes are damaged
snapshot `snap1`: 1 indices, 1 shards, 0 documents read, checksums of 6 files (7.7 KiB) computed, 1 faults
";
    a_cut_fdm_costs_its_segment: "merged" "indices/ynIPQuzeSwubNv4OO3B6Iw/0/__sNymokLHRbuq-rfU-ij2Rg" Cut(100), 0, 119, 0,
        "could not read bytes 0..158 of `REPO/indices/ynIPQuzeSwubNv4OO3B6Iw/0/__sNymokLHRbuq-rfU-ij2Rg`: expected 158 bytes, found 100",
        "
SNAPSHOT  INDEX   SHARD  BLOB                                                       OFFSET  PROBLEM
snap1     merged      0  indices/ynIPQuzeSwubNv4OO3B6Iw/0/__sNymokLHRbuq-rfU-ij2Rg     100  could not read bytes 0..158 of `REPO/indices/ynIPQuzeSwubNv4OO3B6Iw/0/__sNymokLHRbuq-rfU-ij2Rg`: expected 158 bytes, found 100
snapshot `snap1`: 1 indices, 1 shards, 0 documents read, checksums of 5 files (7.5 KiB) computed, 1 faults
";
    a_damaged_fnm_costs_its_segment: "merged" "indices/ynIPQuzeSwubNv4OO3B6Iw/0/__EkfOkCT9SKiR8uPg4he3YQ" Flip(300), 0, 119, 0,
        "could not decode shard 0 of index `merged`: `_7.fnm`: checksum of 1287 bytes is aaa7a33d, the file says 6f002648: the bytes are damaged",
        "
SNAPSHOT  INDEX   SHARD  BLOB                                                       OFFSET  PROBLEM
snap1     merged      0  indices/ynIPQuzeSwubNv4OO3B6Iw/0/__EkfOkCT9SKiR8uPg4he3YQ    1287  `_7.fnm`: checksum of 1287 bytes is aaa7a33d, the file says 6f002648: the bytes are damaged
snapshot `snap1`: 1 indices, 1 shards, 0 documents read, checksums of 6 files (7.7 KiB) computed, 1 faults
";
    a_damaged_dvd_of_a_merged_segment_costs_its_segment: "merged" "indices/ynIPQuzeSwubNv4OO3B6Iw/0/__OtHybEEXSweCf-HcDE-xOQ" Flip(200), 0, 119, 0,
        "could not decode shard 0 of index `merged`: `_7_Lucene80_0.dvd`: checksum of 1854 bytes is 7d71609e, the file says 60d3a670: the bytes are damaged",
        "
SNAPSHOT  INDEX   SHARD  BLOB                                                       OFFSET  PROBLEM
snap1     merged      0  indices/ynIPQuzeSwubNv4OO3B6Iw/0/__OtHybEEXSweCf-HcDE-xOQ    1854  `_7_Lucene80_0.dvd`: checksum of 1854 bytes is 7d71609e, the file says 60d3a670: the bytes are damaged
snapshot `snap1`: 1 indices, 1 shards, 0 documents read, checksums of 6 files (7.7 KiB) computed, 1 faults
";
    a_flipped_byte_of_fdt_in_a_cfs_costs_what_was_copied_from_it: "lz4" "indices/4Iff9F3mQ6OtDDby3NuHyw/0/__gJoGVmWrTY6FHHjmRc4YGw" Flip(11112), 264, 5, 1,
        "`_0.fdt`: corrupt at byte 54: document 118 in the chunk that starts here has a malformed field, 705 bytes before its end",
        "
SNAPSHOT  INDEX  SHARD  BLOB                                                       OFFSET  PROBLEM
snap1     lz4        0  indices/4Iff9F3mQ6OtDDby3NuHyw/0/__gJoGVmWrTY6FHHjmRc4YGw    1773  `_0.fdt`: corrupt at byte 54: document 118 in the chunk that starts here has a malformed field, 705 bytes before its end; document 118 cannot be read
snap1     lz4        0  indices/4Iff9F3mQ6OtDDby3NuHyw/0/__gJoGVmWrTY6FHHjmRc4YGw    1773  `_0.fdt`: corrupt at byte 54: document 119 in the chunk that starts here has a malformed field, 691 bytes before its end; document 119 cannot be read
snap1     lz4        0  indices/4Iff9F3mQ6OtDDby3NuHyw/0/__gJoGVmWrTY6FHHjmRc4YGw    1773  `_0.fdt`: corrupt at byte 54: document 120 in the chunk that starts here has a malformed field, 699 bytes before its end; document 120 cannot be read
snap1     lz4        0  indices/4Iff9F3mQ6OtDDby3NuHyw/0/__gJoGVmWrTY6FHHjmRc4YGw    1773  `_0.fdt`: corrupt at byte 54: document 123 in the chunk that starts here has a malformed field, 679 bytes before its end; document 123 cannot be read
snap1     lz4        0  indices/4Iff9F3mQ6OtDDby3NuHyw/0/__gJoGVmWrTY6FHHjmRc4YGw    1773  `_0.fdt`: corrupt at byte 54: document 125 in the chunk that starts here has a malformed field, 698 bytes before its end; document 125 cannot be read
snapshot `snap1`: 1 indices, 1 shards, 264 documents read, checksums of 13 files (34.1 KiB) computed, 5 faults
";
    a_flipped_byte_of_fnm_in_a_cfs_costs_its_segment: "lz4" "indices/4Iff9F3mQ6OtDDby3NuHyw/0/__Y9V94mPmSTa7MWE68m8cMg" Flip(509), 248, 21, 0,
        "could not decode shard 0 of index `lz4`: `_1.fnm`: checksum of 549 bytes is 1d36d8d4, the file says 2c882aa7: the bytes are damaged",
        "
SNAPSHOT  INDEX  SHARD  BLOB                                                       OFFSET  PROBLEM
snap1     lz4        0  indices/4Iff9F3mQ6OtDDby3NuHyw/0/__Y9V94mPmSTa7MWE68m8cMg     958  `_1.fnm`: checksum of 549 bytes is 1d36d8d4, the file says 2c882aa7: the bytes are damaged
snapshot `snap1`: 1 indices, 1 shards, 248 documents read, checksums of 13 files (34.1 KiB) computed, 1 faults
";
    a_flipped_byte_of_no_needed_file_in_a_cfs_costs_nothing: "lz4" "indices/4Iff9F3mQ6OtDDby3NuHyw/0/__gJoGVmWrTY6FHHjmRc4YGw" Flip(1056), 269, 0, 0,
        "",
        "
SNAPSHOT  INDEX  SHARD  BLOB                                                       OFFSET  PROBLEM
snap1     lz4        0  indices/4Iff9F3mQ6OtDDby3NuHyw/0/__gJoGVmWrTY6FHHjmRc4YGw   24014  `_0.cfs`: its checksum is a6f39ac9, its footer says 66a43518
snapshot `snap1`: 1 indices, 1 shards, 269 documents read, checksums of 13 files (34.1 KiB) computed, 1 faults
";
    a_cut_cfs_costs_its_segment: "lz4" "indices/4Iff9F3mQ6OtDDby3NuHyw/0/__gJoGVmWrTY6FHHjmRc4YGw" Cut(12000), 21, 248, 0,
        "could not read bytes 1719..20698 of `REPO/indices/4Iff9F3mQ6OtDDby3NuHyw/0/__gJoGVmWrTY6FHHjmRc4YGw`: expected 18979 bytes, found 10281",
        "
SNAPSHOT  INDEX  SHARD  BLOB                                                       OFFSET  PROBLEM
snap1     lz4        0  indices/4Iff9F3mQ6OtDDby3NuHyw/0/__gJoGVmWrTY6FHHjmRc4YGw   12000  could not read bytes 1719..20698 of `REPO/indices/4Iff9F3mQ6OtDDby3NuHyw/0/__gJoGVmWrTY6FHHjmRc4YGw`: expected 18979 bytes, found 10281
snapshot `snap1`: 1 indices, 1 shards, 21 documents read, checksums of 12 files (10.7 KiB) computed, 1 faults
";
    a_damaged_cfe_costs_its_segment: "lz4" "indices/4Iff9F3mQ6OtDDby3NuHyw/0/__U5ZGWHaBQ2m1426bFeynGw" Flip(200), 248, 21, 0,
        "could not decode shard 0 of index `lz4`: `_1.cfe`: checksum of 397 bytes is 5f46cf25, the file says 148bd73a: the bytes are damaged",
        "
SNAPSHOT  INDEX  SHARD  BLOB                                                       OFFSET  PROBLEM
snap1     lz4        0  indices/4Iff9F3mQ6OtDDby3NuHyw/0/__U5ZGWHaBQ2m1426bFeynGw     397  `_1.cfe`: checksum of 397 bytes is 5f46cf25, the file says 148bd73a: the bytes are damaged
snapshot `snap1`: 1 indices, 1 shards, 248 documents read, checksums of 13 files (34.1 KiB) computed, 1 faults
";
    a_cfs_longer_than_its_metadata_says_costs_nothing: "lz4" "indices/4Iff9F3mQ6OtDDby3NuHyw/0/__Y9V94mPmSTa7MWE68m8cMg" Longer(7), 269, 0, 0,
        "",
        "
SNAPSHOT  INDEX  SHARD  BLOB                                                       OFFSET  PROBLEM
snap1     lz4        0  indices/4Iff9F3mQ6OtDDby3NuHyw/0/__Y9V94mPmSTa7MWE68m8cMg    4787  `_1.cfs`: the blob has 4794 bytes, the metadata of the shard says 4787
snapshot `snap1`: 1 indices, 1 shards, 269 documents read, checksums of 13 files (34.1 KiB) computed, 1 faults
";
    a_missing_cfe_costs_its_segment: "lz4" "indices/4Iff9F3mQ6OtDDby3NuHyw/0/__U5ZGWHaBQ2m1426bFeynGw" Missing, 248, 21, 0,
        "could not read bytes 0..405 of `REPO/indices/4Iff9F3mQ6OtDDby3NuHyw/0/__U5ZGWHaBQ2m1426bFeynGw`: not found: No such file or directory (os error 2)",
        "
SNAPSHOT  INDEX  SHARD  BLOB                                                       OFFSET  PROBLEM
snap1     lz4        0  indices/4Iff9F3mQ6OtDDby3NuHyw/0/__U5ZGWHaBQ2m1426bFeynGw       -  could not read bytes 0..405 of `REPO/indices/4Iff9F3mQ6OtDDby3NuHyw/0/__U5ZGWHaBQ2m1426bFeynGw`: not found: No such file or directory (os error 2)
snapshot `snap1`: 1 indices, 1 shards, 248 documents read, checksums of 12 files (33.7 KiB) computed, 1 faults
";
    a_damaged_liv_costs_its_segment: "updates_hard" "indices/BbrqIaCgSB2_sCy-LB84uQ/0/__SGibpSPYQgyAl8InJHCGxg" Flip(52), 18, 101, 0,
        "could not decode shard 0 of index `updates_hard`: `_2_1.liv`: checksum of 67 bytes is 9b5a7ea4, the file says df38e1eb: the bytes are damaged",
        "
SNAPSHOT  INDEX         SHARD  BLOB                                                       OFFSET  PROBLEM
snap1     updates_hard      0  indices/BbrqIaCgSB2_sCy-LB84uQ/0/__SGibpSPYQgyAl8InJHCGxg      67  `_2_1.liv`: checksum of 67 bytes is 9b5a7ea4, the file says df38e1eb: the bytes are damaged
snapshot `snap1`: 1 indices, 1 shards, 18 documents read, checksums of 14 files (14.4 KiB) computed, 1 faults
";
    a_damaged_dvd_of_soft_deletes_costs_its_segment: "updates" "indices/Ivc4K0K2RjmtPle0PogqDw/0/__HEDbWK2CQ6qeMbzmBaUhDg" Flip(90), 52, 67, 0,
        "could not decode shard 0 of index `updates`: `_0_3_Lucene80_0.dvd`: checksum of 183 bytes is 62704b54, the file says 7ec6f903: the bytes are damaged",
        "
SNAPSHOT  INDEX    SHARD  BLOB                                                       OFFSET  PROBLEM
snap1     updates      0  indices/Ivc4K0K2RjmtPle0PogqDw/0/__HEDbWK2CQ6qeMbzmBaUhDg     183  `_0_3_Lucene80_0.dvd`: checksum of 183 bytes is 62704b54, the file says 7ec6f903: the bytes are damaged
snapshot `snap1`: 1 indices, 1 shards, 52 documents read, checksums of 38 files (47.5 KiB) computed, 1 faults
";
    a_damaged_dvm_of_soft_deletes_costs_its_segment: "updates" "indices/Ivc4K0K2RjmtPle0PogqDw/0/__qqRZwISuR9m1iXznXzEnEg" Flip(100), 52, 67, 0,
        "could not decode shard 0 of index `updates`: `_0_3_Lucene80_0.dvm`: checksum of 152 bytes is 0053ae3b, the file says 2a2971ae: the bytes are damaged",
        "
SNAPSHOT  INDEX    SHARD  BLOB                                                       OFFSET  PROBLEM
snap1     updates      0  indices/Ivc4K0K2RjmtPle0PogqDw/0/__qqRZwISuR9m1iXznXzEnEg     152  `_0_3_Lucene80_0.dvm`: checksum of 152 bytes is 0053ae3b, the file says 2a2971ae: the bytes are damaged
snapshot `snap1`: 1 indices, 1 shards, 52 documents read, checksums of 38 files (47.5 KiB) computed, 1 faults
";
    a_damaged_list_of_files_costs_its_shard: "updates" "indices/Ivc4K0K2RjmtPle0PogqDw/0/snap-XI9xJljzStmJHunPUV5ueQ.dat" Flip(200), 0, 0, 0,
        "could not decode shard 0 of index `updates`: `indices/Ivc4K0K2RjmtPle0PogqDw/0/snap-XI9xJljzStmJHunPUV5ueQ.dat`: checksum of 2609 bytes is ab2a4b3b, the file says ea421600: the bytes are damaged",
        "
SNAPSHOT  INDEX    SHARD  BLOB                                                              OFFSET  PROBLEM
snap1     updates      0  indices/Ivc4K0K2RjmtPle0PogqDw/0/snap-XI9xJljzStmJHunPUV5ueQ.dat    2609  `indices/Ivc4K0K2RjmtPle0PogqDw/0/snap-XI9xJljzStmJHunPUV5ueQ.dat`: checksum of 2609 bytes is ab2a4b3b, the file says ea421600: the bytes are damaged
snapshot `snap1`: 1 indices, 1 shards, 0 documents read, checksums of 0 files (0 B) computed, 1 faults
";
    a_missing_list_of_files_costs_its_shard: "updates" "indices/Ivc4K0K2RjmtPle0PogqDw/0/snap-XI9xJljzStmJHunPUV5ueQ.dat" Missing, 0, 0, 0,
        "could not read `REPO/indices/Ivc4K0K2RjmtPle0PogqDw/0/snap-XI9xJljzStmJHunPUV5ueQ.dat`: not found: No such file or directory (os error 2)",
        "
SNAPSHOT  INDEX    SHARD  BLOB                                                              OFFSET  PROBLEM
snap1     updates      0  indices/Ivc4K0K2RjmtPle0PogqDw/0/snap-XI9xJljzStmJHunPUV5ueQ.dat       -  could not read `REPO/indices/Ivc4K0K2RjmtPle0PogqDw/0/snap-XI9xJljzStmJHunPUV5ueQ.dat`: not found: No such file or directory (os error 2)
snapshot `snap1`: 1 indices, 1 shards, 0 documents read, checksums of 0 files (0 B) computed, 1 faults
";
    damaged_index_metadata_costs_the_index: "updates" "indices/Ivc4K0K2RjmtPle0PogqDw/meta-H2yHBqIBUC5clP-a2uor.dat" Flip(100), 0, 0, 0,
        "could not decode the metadata of index `updates`: `indices/Ivc4K0K2RjmtPle0PogqDw/meta-H2yHBqIBUC5clP-a2uor.dat`: checksum of 426 bytes is 5ab20f0e, the file says ff924e18: the bytes are damaged",
        "
SNAPSHOT  INDEX    SHARD  BLOB                                                          OFFSET  PROBLEM
snap1     updates      -  indices/Ivc4K0K2RjmtPle0PogqDw/meta-H2yHBqIBUC5clP-a2uor.dat     426  `indices/Ivc4K0K2RjmtPle0PogqDw/meta-H2yHBqIBUC5clP-a2uor.dat`: checksum of 426 bytes is 5ab20f0e, the file says ff924e18: the bytes are damaged
snapshot `snap1`: 1 indices, 0 shards, 0 documents read, checksums of 0 files (0 B) computed, 1 faults
";
}

#[test]
fn a_catalog_that_is_not_json_stops_before_anything_is_done() {
    refused("es-7.10.2", "a_catalog_that_is_not_json", "index-3", Cut(1000), "
error: could not decode the metadata of `REPO`
  cause: `index-3`: truncated at byte 1000: JSON text needs 1 more bytes
hint: every snapshot needs this blob, and an older one may lack snapshots: put it back from a copy of the repository
");
}

#[test]
fn a_damaged_snapshot_blob_stops_before_anything_is_done() {
    refused("es-7.10.2", "a_damaged_snapshot_blob", "snap-XI9xJljzStmJHunPUV5ueQ.dat", Flip(100), "
error: could not decode the metadata of `REPO`
  cause: `snap-XI9xJljzStmJHunPUV5ueQ.dat`: checksum of 361 bytes is 32f565ae, the file says 653c9a8c: the bytes are damaged
hint: other snapshots are not affected; put this blob back from a copy of the repository, or take a new snapshot
");
}

#[test]
fn a_missing_snapshot_blob_stops_before_anything_is_done() {
    refused("es-7.10.2", "a_missing_snapshot_blob", "snap-XI9xJljzStmJHunPUV5ueQ.dat", Missing, "
error: could not read `REPO/snap-XI9xJljzStmJHunPUV5ueQ.dat`: not found
  cause: No such file or directory (os error 2)
hint: check the location of the repository; when other blobs of it can be read, this one is missing from the repository
");
}

/// The text is another one, and still text: only the checksum of the file can tell.
#[test]
fn a_flipped_letter_in_a_chunk_of_fdt_is_told_by_the_checksum() {
    let folder = scratch("damaged-letter");
    copy_folder(&fixture("es-7.10.2").join("repo"), &folder.join("repo"));
    Flip(4337).apply(&folder.join("repo/indices/ynIPQuzeSwubNv4OO3B6Iw/0/__eH7MmAJ9QDS97bkBeFmcQw"));
    let arguments = "backfill --repo repo --snapshot snap1 --indices merged --target ndjson:out";
    let output = ferry_in(&folder, &arguments.split(' ').collect::<Vec<_>>());
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    let told: Vec<&str> = text.lines().filter(|line| !line.starts_with("read ")).collect();
    let expected = "
INDEX   SHARDS  SELECTED  WRITTEN  EXCLUDED  FAILED     BYTES
merged       1       119      119         0       0  10.6 KiB
total        1       119      119         0       0  10.6 KiB
left out: 20 indices that no pattern selects
failed: `merged`: the checksum of 1 segments is wrong or cut off: what was written of them may not be what was indexed
  first: `_7.fdt`: checksum of 5331 bytes is f38b7382, the file says 803254d7: the bytes are damaged
what failed is recorded in `out/failed-documents.ndjson`
complete with failures: selected = written + excluded + failed
";
    assert_eq!(told.join("\n"), expected.trim());

    let truth = true_documents("es-7.10.2", "merged");
    let lines = written_lines(&folder.join("out"), "merged");
    let others = lines.iter().filter(|line| !truth.contains(&document(line))).count();
    assert_eq!((lines.len(), others), (119, 2), "documents that are not what was indexed");
    let text = fs::read_to_string(folder.join("out/failed-documents.ndjson")).unwrap();
    let expected = r#"
{"index":"merged","shard":"shard 0 of index `merged`","segment":"_7","documents":{"start":0,"end":215},"live":0,"class":"checksum","reason":"`_7.fdt`: checksum of 5331 bytes is f38b7382, the file says 803254d7: the bytes are damaged; what could be read of this segment is written, and may not be what was indexed"}
"#;
    assert_eq!(text, expected.trim_start());
    fs::remove_dir_all(folder).unwrap();
}

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.charset.StandardCharsets;
import java.nio.file.Paths;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.apache.lucene.document.Document;
import org.apache.lucene.document.DocumentStoredFieldVisitor;
import org.apache.lucene.util.BytesRef;

/**
 * Reads the stored fields of all live documents of shards, in the order of the segments, on one thread.
 *
 * <pre>
 * ReadShard ids DIRECTORY...              a line for each document: _id TAB sha256 of _source TAB form of _source,
 *                                         after a line `# DIRECTORY` for each directory
 * ReadShard time PASSES DIRECTORY...      a line for each pass, as a search reads: document by document
 * ReadShard time-merge PASSES DIRECTORY...  the same, as a merge reads: each block is decompressed once
 * </pre>
 */
public final class ReadShard {
    private static final Set<String> FIELDS = new HashSet<>(Arrays.asList("_id", "_uid", "_routing", "_source"));

    public static void main(String[] args) throws Exception {
        if (args[0].equals("ids")) {
            printIds(Arrays.asList(args).subList(1, args.length));
        } else {
            time(args[0].equals("time-merge"), Integer.parseInt(args[1]), Arrays.asList(args).subList(2, args.length));
        }
    }

    private static void printIds(List<String> directories) throws Exception {
        PrintStream out = new PrintStream(new BufferedOutputStream(System.out, 1 << 16), false, "UTF-8");
        for (String directory : directories) {
            out.print("# " + directory + "\n");
            try (OpenIndex index = OpenIndex.open(Paths.get(directory))) {
                for (Leaf leaf : index.leaves(false)) {
                    for (int i = 0; i < leaf.maxDoc(); i++) {
                        if (leaf.isLive(i)) {
                            printId(out, read(leaf, i));
                        }
                    }
                }
            } catch (IllegalArgumentException e) {
                out.print("#unreadable " + e.getMessage().split("\n")[0] + "\n"); // a codec of the server, not of Lucene
            }
        }
        out.flush();
        if (out.checkError()) {
            throw new IOException("standard output is closed");
        }
    }

    /** Prints nothing for a document without an id: it is a nested one. */
    private static void printId(PrintStream out, Document document) throws Exception {
        String id = id(document);
        if (id == null) {
            return;
        }
        BytesRef source = document.getBinaryValue("_source");
        out.print(id + "\t" + (source == null ? "-\t-" : sha256(source) + "\t" + form(source)) + "\n");
    }

    /** `line` is JSON on one line, which goes into a bulk request as it is; anything else has to be rewritten. */
    private static String form(BytesRef source) {
        for (int i = 0; i < source.length; i++) {
            byte b = source.bytes[source.offset + i];
            if (b == '\n' || b == '\r' || i == 0 && b != '{') {
                return "other";
            }
        }
        return "line";
    }

    private static Document read(Leaf leaf, int document) throws IOException {
        DocumentStoredFieldVisitor visitor = new DocumentStoredFieldVisitor(FIELDS);
        leaf.visit(document, visitor);
        return visitor.getDocument();
    }

    /** The id: what follows the type in `_uid` before Elasticsearch 6; since then, in one of three binary forms. */
    private static String id(Document document) {
        String uid = document.get("_uid");
        if (uid != null) {
            return uid.substring(uid.indexOf('#') + 1);
        }
        BytesRef id = document.getBinaryValue("_id");
        if (id == null) {
            return document.get("_id");
        }
        byte[] bytes = Arrays.copyOfRange(id.bytes, id.offset, id.offset + id.length);
        int first = bytes[0] & 0xFF;
        if (first == 0xFF) {
            return new String(bytes, 1, bytes.length - 1, StandardCharsets.UTF_8);
        }
        if (first == 0xFE) {
            StringBuilder digits = new StringBuilder();
            for (int i = 1; i < bytes.length; i++) {
                digits.append((char) ('0' + ((bytes[i] >> 4) & 0xF)));
                if ((bytes[i] & 0xF) != 0xF) {
                    digits.append((char) ('0' + (bytes[i] & 0xF)));
                }
            }
            return digits.toString();
        }
        int from = first == 0xFD ? 1 : 0;
        return Base64.getUrlEncoder().withoutPadding().encodeToString(Arrays.copyOfRange(bytes, from, bytes.length));
    }

    private static String sha256(BytesRef bytes) throws Exception {
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        digest.update(bytes.bytes, bytes.offset, bytes.length);
        StringBuilder hex = new StringBuilder();
        for (byte b : digest.digest()) {
            hex.append(String.format(Locale.ROOT, "%02x", b));
        }
        return hex.toString();
    }

    private static void time(boolean merging, int passes, List<String> directories) throws Exception {
        List<OpenIndex> indices = new ArrayList<>();
        for (String directory : directories) {
            indices.add(OpenIndex.open(Paths.get(directory)));
        }
        ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        for (int pass = 1; pass <= passes; pass++) {
            long started = System.nanoTime();
            long cpu = threads.getCurrentThreadCpuTime();
            long documents = 0;
            long bytes = 0;
            for (OpenIndex index : indices) {
                for (Leaf leaf : index.leaves(merging)) {
                    for (int i = 0; i < leaf.maxDoc(); i++) {
                        if (leaf.isLive(i)) {
                            Document document = read(leaf, i);
                            BytesRef source = document.getBinaryValue("_source");
                            if (source != null && id(document) != null) {
                                documents++;
                                bytes += source.length;
                            }
                        }
                    }
                }
            }
            System.out.printf(Locale.ROOT, "pass %d documents %d source_bytes %d seconds %.3f cpu_seconds %.3f%n", pass,
                    documents, bytes, (System.nanoTime() - started) / 1e9,
                    (threads.getCurrentThreadCpuTime() - cpu) / 1e9);
        }
        for (OpenIndex index : indices) {
            index.close();
        }
    }
}

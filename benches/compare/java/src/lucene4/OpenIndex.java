import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.lucene.index.AtomicReader;
import org.apache.lucene.index.AtomicReaderContext;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.StoredFieldVisitor;
import org.apache.lucene.store.FSDirectory;
import org.apache.lucene.util.Bits;

/** An index opened by Lucene 4. */
final class OpenIndex implements Closeable {
    private final DirectoryReader reader;

    private OpenIndex(DirectoryReader reader) {
        this.reader = reader;
    }

    static OpenIndex open(Path directory) throws IOException {
        return new OpenIndex(DirectoryReader.open(FSDirectory.open(directory.toFile())));
    }

    /** Lucene 4 has no reader for merges that could be had from outside: `merging` changes nothing. */
    List<Leaf> leaves(boolean merging) {
        List<Leaf> leaves = new ArrayList<>();
        for (AtomicReaderContext context : reader.leaves()) {
            leaves.add(leaf(context.reader()));
        }
        return leaves;
    }

    private static Leaf leaf(final AtomicReader segment) {
        final Bits live = segment.getLiveDocs();
        return new Leaf() {
            @Override public int maxDoc() {
                return segment.maxDoc();
            }

            @Override public boolean isLive(int document) {
                return live == null || live.get(document);
            }

            @Override public void visit(int document, StoredFieldVisitor visitor) throws IOException {
                segment.document(document, visitor);
            }
        };
    }

    @Override public void close() throws IOException {
        reader.close();
    }
}
